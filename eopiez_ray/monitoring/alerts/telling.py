"""Who is to be told of what now: pure decisions over all active alerts and channels.

What each channel has been told is kept with the alert. So whatever was held back, by a silence, by quiet hours, or by a
process that died, is told as soon as nothing holds it back any more, and nothing is told twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from string import Template
from typing import Any
from uuid import UUID

from ...model.alerts import Alert, AlertStatus, Message, Silence
from .channels import Channel
from .states import shown

MOST_LISTED = 50
"""Alerts that a message lists."""
FIRED, REPEATED, RESOLVED = "fired", "repeated", "resolved"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A channel in its place."""

    id: UUID
    project: str | None
    channel: Channel

    def hears_of(self, alert: Alert) -> bool:
        """Whether an alert is for it: a project's channels hear of the project, the system's of the system's rules."""
        is_its_own = alert.rule_project is None if self.project is None else alert.project == self.project
        return self.channel.enabled and is_its_own and self.channel.wants(alert)


@dataclass(frozen=True, slots=True)
class Told:
    """A message, and the alerts that it tells of as they stand then."""

    message: Message
    alerts: Sequence[Alert]
    is_routine: bool = False
    """Whether it only says once more how things stand, to a program that has to hear it: no history keeps that."""


def tell(
    alerts: Iterable[Alert], receivers: Sequence[Receiver], silences: Sequence[Silence], now: datetime
) -> list[Told]:
    """The messages that are due now, each of a group of alerts, with those alerts' notices brought up to date."""
    due: defaultdict[tuple[UUID, str, str], list[Alert]] = defaultdict(list)
    by_id = {receiver.id: receiver for receiver in receivers}
    for alert in alerts:
        for receiver in receivers:
            what = _due(alert, receiver, silences, now)
            if what is not None:
                due[receiver.id, _group(alert, receiver.channel), what].append(alert)
    return [
        _told(by_id[channel], group, what, grouped, now)
        for (channel, group, what), grouped in due.items()
        if what != FIRED or _has_waited(by_id[channel].channel, grouped, now)
    ]


def _has_waited(channel: Channel, alerts: Sequence[Alert], now: datetime) -> bool:
    """Whether the first of a group has waited for others for as long as it should."""
    first = min(alert.fired_at or now for alert in alerts)
    return now - first >= timedelta(seconds=channel.group_wait)


def _due(alert: Alert, receiver: Receiver, silences: Sequence[Silence], now: datetime) -> str | None:
    """What a channel has to be told of an alert now, if anything."""
    told = alert.notices.get(str(receiver.id), {})
    channel = receiver.channel
    if alert.status is AlertStatus.RESOLVED:
        return RESOLVED if FIRED in told and RESOLVED not in told and channel.tells_resolved else None
    if alert.status is not AlertStatus.FIRING or not receiver.hears_of(alert) or alert.fired_at is None:
        return None
    if FIRED in told and not _is_to_be_repeated(alert, channel, told, now):
        return None
    if FIRED in told and channel.is_alertmanager:  # Unless it hears of it, it says that the alert has ended.
        return REPEATED
    if channel.after and (alert.acknowledged_at or now - alert.fired_at < timedelta(seconds=channel.after)):
        return None
    is_held_back = channel.is_quiet(alert, now) or any(_mutes(each, receiver, alert, now) for each in silences)
    return None if is_held_back else (REPEATED if FIRED in told else FIRED)


def _is_to_be_repeated(alert: Alert, channel: Channel, told: Any, now: datetime) -> bool:
    if not channel.again_s or (alert.acknowledged_at and not channel.is_alertmanager):
        return False
    return now.timestamp() - float(told.get(REPEATED, told[FIRED])) >= channel.again_s


def _mutes(silence: Silence, receiver: Receiver, alert: Alert, now: datetime) -> bool:
    """A project's silence holds for its own channels; one of the system for all."""
    return silence.project in {None, receiver.project} and silence.mutes(alert, now)


def _group(alert: Alert, channel: Channel) -> str:
    values = [alert.labels.get(name, "") for name in channel.group_by]
    return "\x1f".join([alert.rule_project or "", alert.rule, *values])


def _told(receiver: Receiver, group: str, what: str, alerts: Sequence[Alert], now: datetime) -> Told:
    key, stamp = str(receiver.id), now.timestamp()
    current = [
        replace(alert, notices={**alert.notices, key: {**alert.notices.get(key, {}), what: stamp}}) for alert in alerts
    ]
    message = Message(
        channel_id=receiver.id, group=group, title=_title(receiver.channel, what, alerts), body=body_of(alerts),
        facts=facts_of(what, alerts, len(alerts) if receiver.channel.is_alertmanager else MOST_LISTED),
    )  # fmt: skip
    return Told(message, current, is_routine=what == REPEATED and receiver.channel.is_alertmanager)


def _title(channel: Channel, what: str, alerts: Sequence[Alert]) -> str:
    first, count = alerts[0], len(alerts)
    status = {FIRED: "FIRING", REPEATED: "STILL FIRING", RESOLVED: "RESOLVED"}[what]
    facts = {
        **first.labels, "rule": first.rule, "status": status, "severity": worst(alerts), "count": str(count),
        "project": first.project or "",
    }  # fmt: skip
    text = Template(channel.title).safe_substitute(facts)
    return text if count == 1 else f"{text} ({count})"


def worst(alerts: Iterable[Alert]) -> str:
    """The worst severity among alerts."""
    return max((alert.severity for alert in alerts), key=lambda severity: severity.rank).value


def body_of(alerts: Sequence[Alert]) -> str:
    """What a message says of alerts, a line each."""
    lines = [_line(alert) for alert in alerts[:MOST_LISTED]]
    rest = len(alerts) - MOST_LISTED
    return "\n".join([*lines, *([f"… and {rest} more"] if rest > 0 else [])])


def _line(alert: Alert) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    place = f" [{labels}]" if labels else ""
    return f"{alert.severity.value}: {alert.summary}{place} (since {alert.started_at:%Y-%m-%d %H:%M:%S} UTC)"


def facts_of(what: str, alerts: Sequence[Alert], most: int = MOST_LISTED) -> dict[str, Any]:
    """What programs are told of alerts, of so many at most."""
    return {
        "kind": what,
        "severity": worst(alerts),
        "count": len(alerts),
        "alerts": [_facts(alert) for alert in alerts[:most]],
    }


def _facts(alert: Alert) -> dict[str, Any]:
    return {
        "id": str(alert.id), "rule": alert.rule, "project": alert.project, "labels": dict(alert.labels),
        "severity": alert.severity.value, "status": alert.status.value, "summary": alert.summary,
        "value": alert.value, "shown": shown(alert.value), "started_at": alert.started_at.isoformat(),
        "fired_at": alert.fired_at and alert.fired_at.isoformat(),
        "resolved_at": alert.resolved_at and alert.resolved_at.isoformat(),
    }  # fmt: skip
