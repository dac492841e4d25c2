"""What people ask of workflows: pause, resume, cancel, retry; by whom, why, how, and of which workflows."""

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
    """What becomes of tasks in flight when a workflow is paused or cancelled."""

    DRAIN = "drain"
    """They end by themselves; after a cancel, within its grace."""
    NOW = "now"
    """After a moment in which short ones end, they are stopped and handed back: that is no attempt."""


class Timers(StrEnum):
    """Whether the time of a pause counts for attempts that wait for their moment."""

    RUNNING = "running"
    """It does: an attempt whose moment has passed meanwhile starts with the resume."""
    FROZEN = "frozen"
    """It does not: each waits after the resume as long as it still had to when the pause was asked for."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for something, why and how."""

    by: str = ""
    """Empty if nobody said."""
    why: str = ""
    mode: Mode = Mode.DRAIN
    """Of a pause or a cancel."""
    timers: Timers = Timers.RUNNING
    """Of a pause."""

    def __post_init__(self) -> None:
        for name, kind in (("mode", Mode), ("timers", Timers)):
            value = getattr(self, name)
            if value not in [*kind]:
                raise ParameterError(f"{name} {str(value)!r} is unknown; choose {' or '.join(kind)}")
            object.__setattr__(self, name, kind(value))

    def to_value(self, verb: Verb) -> dict[str, str]:
        """As JSON, with what matters to the verb."""
        value = {"by": self.by, "why": self.why}
        if verb in {Verb.PAUSE, Verb.CANCEL}:
            value["mode"] = self.mode
        if verb is Verb.PAUSE:
            value["timers"] = self.timers
        return value

    def after(self, earlier: Request) -> Request:
        """Both at once: what was asked for before stays asked for."""
        return Request(
            self.by,
            self.why,
            Mode.NOW if Mode.NOW in {self.mode, earlier.mode} else Mode.DRAIN,
            Timers.FROZEN if Timers.FROZEN in {self.timers, earlier.timers} else Timers.RUNNING,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The last request to a workflow, as it is remembered."""

    verb: Verb
    at: datetime
    """When it was first asked for; a sharper request for the same does not move it."""
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
"""Statuses of workflows that a request concerns if they were only described, and not named."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which workflows are meant: all that meet every condition given.

    Workflows that are described by anything but their ids or statuses are passed over where a request does not concern
    them: a pause, resume or cancel those that have ended, a retry those that have neither failed nor been quarantined.
    Those that are named by id or status are answered for in any case.
    """

    ids: tuple[WorkflowId, ...] | None = None
    """These; None does not ask for ids."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those that have all of these labels, perhaps among others."""
    owner: str | None = None
    name: str | None = None
    statuses: tuple[WorkflowStatus, ...] | None = None
    error_type: str | None = None
    """Those with a task that was given up with an error of this class name."""
    everything: bool = False
    """Must be said if there is no condition, so that nobody means all workflows by accident."""

    def __post_init__(self) -> None:
        conditions = (self.ids, self.owner, self.name, self.statuses, self.error_type)
        if not self.everything and not self.labels and all(condition is None for condition in conditions):
            raise ParameterError("a selection without a condition selects nothing; say everything=True for all")

    def statuses_for(self, verb: Verb) -> list[WorkflowStatus] | None:
        """Statuses to look among; None for any."""
        if self.statuses is not None:
            return list(self.statuses)
        return None if self.ids is not None else sorted(CONCERNED[verb])


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request to one of several workflows."""

    id: WorkflowId
    name: str
    """Empty if there is no such workflow."""
    status: WorkflowStatus | None
    """Where it stands now; None if there is no such workflow."""
    refusal: str = ""
    """Why what was asked for will not be; empty if it is, or was so already."""
