"""Rules, alerts and channels that tests begin with, and a moved clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from eopiez_ray.model.alerts import Alert, Severity
from eopiez_ray.model.ids import uuid7
from eopiez_ray.monitoring.alerts.channels import Channel
from eopiez_ray.monitoring.alerts.rules import Rule
from eopiez_ray.monitoring.alerts.states import Observation, Standing, Turn, advance
from eopiez_ray.monitoring.alerts.telling import Receiver

START = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
"""A Sunday."""
EVENTS = {"kind": "events", "source": "workflows", "above": 0}


def after(seconds: float) -> datetime:
    """The time so long after the beginning."""
    return START + timedelta(seconds=seconds)


def rule(name: str = "loud", **facts: Any) -> Rule:
    """A rule."""
    return Rule.model_validate({"name": name, "when": EVENTS} | facts)


def seen(value: float, *, wrong: bool | None = None, well: bool | None = None, **labels: str) -> Observation:
    """What a rule sees, wrong above 0."""
    is_wrong = value > 0 if wrong is None else wrong
    return Observation(labels, value, is_wrong, not is_wrong if well is None else well)


def receiver(project: str | None = None, **facts: Any) -> Receiver:
    """A channel."""
    return Receiver(uuid7(), project, Channel.model_validate({"name": "here", "url": "https://a.example.com"} | facts))


class Diary:
    """A rule, looked at again and again."""

    def __init__(self, given: Rule, project: str | None = None) -> None:
        self.standing, self.active = Standing(given, project), dict[Any, Alert]()
        self.lines: list[tuple[float, str]] = []
        """What has happened, and when."""

    def look(self, seconds: float, *observed: Observation) -> Turn:
        """Look at that time."""
        turn = Turn()
        advance(self.standing, observed, self.active, after(seconds), turn)
        gone = {alert.key for alert in turn.vanished}
        self.active = {
            key: alert for key, alert in turn.alerts.items() if alert.resolved_at is None and key not in gone
        }
        self.lines += [(seconds, each.kind) for each in turn.history]
        return turn

    @property
    def alert(self) -> Alert:
        """The only alert that is active."""
        (alert,) = self.active.values()
        return alert


__all__ = ["EVENTS", "START", "Diary", "Severity", "after", "receiver", "rule", "seen"]
