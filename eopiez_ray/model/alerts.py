"""Alerts: what is wrong now, who is told of it, and who has asked not to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

MOST_SERIES = 200
"""Alerts that one rule may raise at once: what is grouped by may be anything."""


class Severity(StrEnum):
    """How bad it is; each is worse than those before it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher for what is worse."""
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    """Its condition holds, but not for long enough yet."""
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is or was wrong: a rule's condition that holds for some labels."""

    id: UUID
    rule: str
    rule_project: str | None
    """Whose rule it is; None for a rule of the system."""
    project: str | None
    """Which project it is about; None for the system."""
    labels: Mapping[str, str]
    severity: Severity
    summary: str
    status: AlertStatus
    value: float
    started_at: datetime
    """When its condition began to hold."""
    fired_at: datetime | None = None
    clear_since: datetime | None = None
    """Since when its condition holds no longer, while it is not resolved yet."""
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    comment: str = ""
    """What was said with the acknowledgement."""
    notices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each channel, by its id, has been told: ``fired`` and ``repeated``, Unix seconds, and ``resolved``."""

    @property
    def key(self) -> AlertKey:
        """What tells it apart from others that are active."""
        return key_of(self.rule_project, self.rule, self.labels)


AlertKey = tuple[str, str, tuple[tuple[str, str], ...]]


def key_of(rule_project: str | None, rule: str, labels: Mapping[str, str]) -> AlertKey:
    """What tells an active alert apart from others."""
    return rule_project or "", rule, tuple(sorted(labels.items()))


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of an alert's history."""

    alert_id: UUID
    at: datetime
    kind: str
    """``pending``, ``fired``, ``resolved``, ``acknowledged``, ``told`` (a channel)."""
    by: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Nobody is told of what it matches, for a while."""

    id: UUID
    project: str | None
    """Whose channels are silent; None for all."""
    rule: str | None
    """Alerts of this rule; None for any."""
    labels: Mapping[str, str]
    """Alerts that have all of these labels."""
    starts_at: datetime
    ends_at: datetime
    comment: str
    created_by: str
    created_at: datetime
    version: int = 1

    def mutes(self, alert: Alert, now: datetime) -> bool:
        """Whether it matches an alert now."""
        is_now = self.starts_at <= now < self.ends_at
        is_meant = self.rule in {None, alert.rule} and self.labels.items() <= alert.labels.items()
        return is_now and is_meant and self.project in {None, alert.project}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """A rule as somebody has written it."""

    project: str | None
    name: str
    document: Mapping[str, Any]
    version: int
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChannel:
    """Where somebody wants to be told of alerts."""

    id: UUID
    project: str | None
    name: str
    target: str = field(repr=False)
    """Sealed: the receiver's URL, and the secret that signs what is sent there."""
    document: Mapping[str, Any]
    """The rest of it."""
    version: int
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be sent to a channel."""

    channel_id: UUID
    group: str
    """Messages of one group are sent in order."""
    title: str
    body: str
    facts: Mapping[str, Any]
    """The same for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is to be sent now, and by whom it was taken is not sent by others for a while."""

    id: int
    channel: StoredChannel
    title: str
    body: str
    facts: Mapping[str, Any]
    attempts: int
    """How often it was tried before."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message."""

    id: int
    title: str
    created_at: datetime
    due_at: datetime
    attempts: int
    delivered_at: datetime | None
    given_up_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Selects alerts; fields that are None exclude nothing."""

    projects: tuple[str, ...] | None = None
    """Alerts about these projects alone; None adds those of the system."""
    statuses: tuple[AlertStatus, ...] | None = None
    severity: Severity | None = None
    """The least severity."""
    rule: str | None = None
    is_acknowledged: bool | None = None
