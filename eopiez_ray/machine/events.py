"""What can happen to a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.plan import PlanSpec
    from ..model.results import Results
    from ..model.tasks import Report, TaskKey


@dataclass(frozen=True, slots=True)
class Reported:
    """A call returned: what became of its tasks, in the order in which they ran."""

    reports: tuple[Report | Results, ...]


@dataclass(frozen=True, slots=True)
class CallLost:
    """A call will never return: its worker, its node or the cluster is gone."""

    tasks: tuple[TaskKey, ...]
    reason: str
    worker: str = ""
    is_out_of_memory: bool = False
    """Whether the worker was killed for the memory that it used."""
    has_ended_itself: bool = False
    """Whether code of the call ended the process: an error of the phase, and no mishap."""
    is_shared: bool = False
    """Whether the call held tasks of other workflows too, any of which may have been the cause."""


@dataclass(frozen=True, slots=True)
class CallStopped:
    """A call was stopped on purpose, for a pause or a cancel: what it has not reported was no attempt."""

    tasks: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A call of an orchestrator that died is still at work, or its reports have not been heard."""

    tasks: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The moment that a retry waited for may have come, or that of a time limit."""


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """Start nothing more; be paused once nothing is in flight."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Start nothing more; be cancelled once nothing is in flight."""


@dataclass(frozen=True, slots=True)
class PlanUpdated:
    """What has not started is to run as this plan says; ``updates.refusal`` has found nothing against it."""

    plan: PlanSpec


Event = Reported | CallLost | CallStopped | Adopted | TimePassed | PauseRequested | CancelRequested | PlanUpdated
