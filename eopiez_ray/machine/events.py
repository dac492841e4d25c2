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
    """A call returned: the reports of its tasks, in the order in which they ran."""

    reports: tuple[Report | Results, ...]


@dataclass(frozen=True, slots=True)
class CallLost:
    """A call will never return: its worker, its node or the cluster is gone."""

    tasks: tuple[TaskKey, ...]
    reason: str
    worker: str = ""
    is_out_of_memory: bool = False
    """Whether the worker was killed for its memory use."""
    has_ended_itself: bool = False
    """Whether the call's own code ended the process: the phase's fault, not an accident."""
    is_shared: bool = False
    """Whether the call held tasks of other workflows too, any of which may have been the cause."""


@dataclass(frozen=True, slots=True)
class CallStopped:
    """A call was stopped on purpose, for a pause or a cancel: unreported tasks do not count as attempts."""

    tasks: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A call of a dead orchestrator is still running, or its reports have not arrived."""

    tasks: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A retry or a time limit may be due."""


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """Start no more tasks; be paused once none is in flight."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Start no more tasks; be cancelled once none is in flight."""


@dataclass(frozen=True, slots=True)
class PlanUpdated:
    """What has not started should follow this plan; ``updates.refusal`` has found nothing against it."""

    plan: PlanSpec


Event = Reported | CallLost | CallStopped | Adopted | TimePassed | PauseRequested | CancelRequested | PlanUpdated
