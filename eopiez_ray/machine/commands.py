"""What the machine wants done: each command is a write, and one transaction carries all those of a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..model.plan import PlanSpec
    from ..model.results import Results
    from ..model.status import WorkflowStatus
    from ..model.tasks import Failure, Report


class RecordTask(NamedTuple):
    """The task is finished; this is its result."""

    report: Report


class RecordResults(NamedTuple):
    """Many tasks are finished; these are their results."""

    results: Results


class RecordEnd(NamedTuple):
    """A source has ended; this keeps what it logged and rejected after its last partition."""

    report: Report


class RecordAttempt(NamedTuple):
    """An attempt ended without a result."""

    report: Report
    attempt: int
    """Counted from 1 for each task, including losses."""
    retry_at: float | None
    """Unix seconds of the next attempt; None if this was the last."""
    retry_memory_bytes: int = 0
    """Memory of the next attempt if the step's policy gave too little; otherwise 0."""


@dataclass(frozen=True, slots=True)
class RecordInterruption:
    """Tasks were stopped on purpose and requeued."""

    tasks: int


class RecordLoss(NamedTuple):
    """A call of several tasks was lost, and it is unknown which of them caused it; they were requeued."""

    tasks: int
    reason: str
    worker: str


class UpdateStep(NamedTuple):
    """The step's status or counters changed; the shell reads them from the state when it writes."""

    step: int


@dataclass(frozen=True, slots=True)
class SetStatus:
    """The workflow is now in this status."""

    status: WorkflowStatus
    failure: Failure | None = None
    step: int | None = None
    """The step that failed."""
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    """The workflow continues with this plan."""

    plan: PlanSpec


Command = (
    AdoptPlan
    | RecordTask
    | RecordResults
    | RecordEnd
    | RecordAttempt
    | RecordInterruption
    | RecordLoss
    | UpdateStep
    | SetStatus
)
