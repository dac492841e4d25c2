"""Where an alert stands after another look: pure decisions, which are given the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from string import Template
from typing import Any

from ...model.alerts import MOST_SERIES, Alert, AlertKey, AlertStatus, Happening, key_of
from ...model.ids import uuid7
from .rules import Rule

NOBODY = "somebody unnamed"
"""What stands for an empty label: whoever works at the machine itself has no name in the audit log."""
LONGEST_SUMMARY = 1000
LONGEST_LABEL = 255
NEWS = 0.05
"""A value that has changed by less than this part of it is not written down anew."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule sees for some labels."""

    labels: Mapping[str, str]
    value: float
    is_wrong: bool
    is_well: bool
    """Whether the value is back where a firing alert ends; neither, and what is wrong goes on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule as it stands: whose it is, and what is read of it."""

    rule: Rule
    project: str | None
    """None for rules of the system."""


@dataclass(slots=True)
class Turn:
    """What one look has changed."""

    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    """All that are active, or have just been resolved."""
    changed: dict[AlertKey, Alert] = field(default_factory=dict)
    vanished: list[Alert] = field(default_factory=list)
    """Pending ones whose condition holds no longer: they never were."""
    history: list[Happening] = field(default_factory=list)

    def put(self, alert: Alert, kind: str, now: datetime, **data: Any) -> None:
        """An alert has changed, in a way that its history keeps."""
        self.alerts[alert.key] = self.changed[alert.key] = alert
        self.history.append(Happening(alert.id, now, kind, data=data))

    def note(self, alert: Alert) -> None:
        """An alert has changed a little."""
        self.alerts[alert.key] = self.changed[alert.key] = alert


def advance(
    standing: Standing, observed: Iterable[Observation], active: Mapping[AlertKey, Alert], now: datetime, turn: Turn
) -> None:
    """Move the alerts of one rule.

    Args:
        standing: the rule.
        observed: what it sees now; of what is not among them, nothing is heard.
        active: its alerts that are pending or firing.
        now: the time.
        turn: takes what changes.
    """
    left, count = dict(active), len(active)
    for seen in observed:
        labels = _labels(standing, seen)
        alert = left.pop(key_of(standing.project, standing.rule.name, labels), None)
        if alert is not None:
            _move(standing, alert, seen, now, turn)
        elif seen.is_wrong and count < MOST_SERIES:
            count += 1
            _begin(standing, labels, seen, now, turn)
    for alert in left.values():
        _move(standing, alert, Observation(alert.labels, alert.value, False, True), now, turn)


def withdraw(alert: Alert, now: datetime, turn: Turn) -> None:
    """End an alert whose rule is gone or switched off."""
    if alert.status is AlertStatus.PENDING:
        turn.vanished.append(alert)
    else:
        turn.put(replace(alert, status=AlertStatus.RESOLVED, resolved_at=now), "resolved", now, why="the rule is gone")


def _begin(standing: Standing, labels: Mapping[str, str], seen: Observation, now: datetime, turn: Turn) -> None:
    rule = standing.rule
    alert = Alert(
        id=uuid7(), rule=rule.name, rule_project=standing.project, project=standing.project or labels.get("project"),
        labels=labels, severity=rule.severity, summary=_summary(rule, labels, seen.value), value=seen.value,
        status=AlertStatus.PENDING, started_at=now,
    )  # fmt: skip
    if rule.hold > 0:
        turn.put(alert, "pending", now, value=seen.value)
    else:
        _fire(alert, now, turn)


def _move(standing: Standing, alert: Alert, seen: Observation, now: datetime, turn: Turn) -> None:
    if alert.status is AlertStatus.PENDING:
        _wait(standing, alert, seen, now, turn)
    elif seen.is_well:
        _calm(standing, alert, now, turn)
    else:
        _go_on(standing, alert, seen, turn)


def _wait(standing: Standing, alert: Alert, seen: Observation, now: datetime, turn: Turn) -> None:
    """A pending alert fires once it has been wrong for long enough without a break."""
    if not seen.is_wrong:
        turn.vanished.append(alert)
        return
    current = replace(alert, value=seen.value, summary=_summary(standing.rule, alert.labels, seen.value))
    if now - alert.started_at >= timedelta(seconds=standing.rule.hold):
        _fire(current, now, turn)
    else:
        turn.alerts[alert.key] = current


def _fire(alert: Alert, now: datetime, turn: Turn) -> None:
    turn.put(replace(alert, status=AlertStatus.FIRING, fired_at=now), "fired", now, value=alert.value)


def _calm(standing: Standing, alert: Alert, now: datetime, turn: Turn) -> None:
    """A firing alert is resolved once it has been well for long enough without a break."""
    since = alert.clear_since or now
    if now - since >= timedelta(seconds=standing.rule.resolve_after):
        resolved = replace(alert, status=AlertStatus.RESOLVED, resolved_at=now, clear_since=since)
        turn.put(resolved, "resolved", now)
    elif alert.clear_since is None:
        turn.note(replace(alert, clear_since=now))
    else:
        turn.alerts[alert.key] = alert


def _go_on(standing: Standing, alert: Alert, seen: Observation, turn: Turn) -> None:
    current = replace(
        alert, value=seen.value, clear_since=None, severity=standing.rule.severity,
        summary=_summary(standing.rule, alert.labels, seen.value),
    )  # fmt: skip
    is_news = abs(current.value - alert.value) > NEWS * abs(alert.value) or alert.clear_since is not None
    if is_news or current.severity is not alert.severity:
        turn.note(current)
    else:
        turn.alerts[alert.key] = alert


def _labels(standing: Standing, seen: Observation) -> dict[str, str]:
    given = {**seen.labels, **standing.rule.labels}
    return {name: value[:LONGEST_LABEL] for name, value in given.items()}


def _summary(rule: Rule, labels: Mapping[str, str], value: float) -> str:
    """What people read; whatever the template does not know stays as it is written."""
    named = {name: text or NOBODY for name, text in labels.items()}
    facts = {**named, "rule": rule.name, "value": shown(value), "percent": f"{100 * value:.3g} %"}
    return Template(rule.summary).safe_substitute(facts)[:LONGEST_SUMMARY]


def shown(value: float) -> str:
    """A value for people."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
