"""Requests to workflows: pause, resume, cancel, retry; who asks, why, how, and for which workflows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from .status import WorkflowStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ids import WorkflowId


class Verb(StrEnum):
    """What is asked."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


class Mode(StrEnum):
    """What happens to tasks in flight when a workflow is paused or cancelled."""

    DRAIN = "drain"
    """They finish; after a cancel, within its grace period."""
    NOW = "now"
    """After a moment in which short ones finish, they are stopped and requeued; this does not count as an attempt."""


class Timers(StrEnum):
    """Whether retry backoff keeps running during a pause."""

    RUNNING = "running"
    """It does: an attempt that falls due during the pause starts on resume."""
    FROZEN = "frozen"
    """It does not: after the resume, each attempt waits as long as it had left when the pause was requested."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who makes a request, why and how."""

    by: str = ""
    """Empty if not given."""
    why: str = ""
    mode: Mode = Mode.DRAIN
    """For a pause or a cancel."""
    timers: Timers = Timers.RUNNING
    """For a pause."""

    def __post_init__(self) -> None:
        for name, kind in (("mode", Mode), ("timers", Timers)):
            value = getattr(self, name)
            if value not in [*kind]:
                raise ParameterError(f"{name} {str(value)!r} is unknown; choose {' or '.join(kind)}")
            object.__setattr__(self, name, kind(value))

    def to_value(self, verb: Verb) -> dict[str, str]:
        """The request as JSON, with the fields that matter to the verb."""
        value = {"by": self.by, "why": self.why}
        if verb in {Verb.PAUSE, Verb.CANCEL}:
            value["mode"] = self.mode
        if verb is Verb.PAUSE:
            value["timers"] = self.timers
        return value

    def after(self, earlier: Request) -> Request:
        """Both requests in one: what was asked for before still holds."""
        return Request(
            self.by,
            self.why,
            Mode.NOW if Mode.NOW in {self.mode, earlier.mode} else Mode.DRAIN,
            Timers.FROZEN if Timers.FROZEN in {self.timers, earlier.timers} else Timers.RUNNING,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The last request to a workflow, as stored."""

    verb: Verb
    at: datetime
    """When it was first asked for; a stricter request for the same does not change it."""
    request: Request

    def to_value(self) -> dict[str, str]:
        """As JSON."""
        return {"verb": self.verb, "at": self.at.isoformat()} | self.request.to_value(self.verb)

    @classmethod
    def from_value(cls, value: Mapping[str, str]) -> Asked:
        """From JSON."""
        how = {name: value[name] for name in ("by", "why", "mode", "timers") if name in value}
        options: dict[str, Any] = how
        return cls(Verb(value["verb"]), datetime.fromisoformat(value["at"]), Request(**options))


_UNENDED = frozenset(status for status in WorkflowStatus if not status.is_terminal)
CONCERNED = {
    Verb.PAUSE: _UNENDED,
    Verb.RESUME: _UNENDED,
    Verb.CANCEL: _UNENDED,
    Verb.RETRY: frozenset({WorkflowStatus.FAILED, WorkflowStatus.QUARANTINED}),
}
"""Statuses of workflows that a request applies to if they were only described, not named."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects workflows: all that meet every condition given.

    Unless workflows are selected by id or status, those that a request does not apply to are skipped: a pause, resume
    or cancel skips those that have ended, a retry those that have neither failed nor been quarantined. Those selected
    by id or status are always answered for.
    """

    ids: tuple[WorkflowId, ...] | None = None
    """These workflows; None means no condition."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Workflows that have all of these labels, and possibly others."""
    owner: str | None = None
    name: str | None = None
    statuses: tuple[WorkflowStatus, ...] | None = None
    error_type: str | None = None
    """Workflows that gave up a task with an error of this class name."""
    projects: tuple[str, ...] | None = None
    """Only workflows of these projects: for everybody else there are no others. Not a condition; None means all."""
    everything: bool = False
    """Must be set if there is no condition, so that nobody selects all workflows by accident."""

    def __post_init__(self) -> None:
        conditions = (self.ids, self.owner, self.name, self.statuses, self.error_type)
        if not self.everything and not self.labels and all(condition is None for condition in conditions):
            raise ParameterError("a selection needs a condition; use everything=True to select all workflows")

    def statuses_for(self, verb: Verb) -> list[WorkflowStatus] | None:
        """Statuses to search; None for any."""
        if self.statuses is not None:
            return list(self.statuses)
        return None if self.ids is not None else sorted(CONCERNED[verb])


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request to one of several workflows."""

    id: WorkflowId
    name: str
    """Empty if there is no such workflow."""
    status: WorkflowStatus | None
    """Its status now; None if there is no such workflow."""
    refusal: str = ""
    """Why the request was refused; empty if it was granted or already satisfied."""
