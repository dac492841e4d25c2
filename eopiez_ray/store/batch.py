"""What is written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from ..machine import (
    AdoptPlan,
    Command,
    RecordAttempt,
    RecordEnd,
    RecordInterruption,
    RecordLoss,
    RecordResults,
    RecordTask,
    SetStatus,
    UpdateStep,
)
from ..model.failures import failure_of
from ..model.status import StepStatus, WorkflowStatus
from ..model.tasks import Output, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ..machine import WorkflowState
    from ..model.ids import WorkflowId
    from ..model.plan import PlanSpec
    from ..model.results import Results


class StepRow(NamedTuple):
    """The counters of a step at the moment of a write."""

    workflow_id: WorkflowId
    position: int
    status: str
    partitions: int | None
    done: int
    running: int
    reason: str
    rows: int
    rejects: int
    cached: int
    wall_s: float
    cpu_s: float
    started_at: float | None
    """Unix seconds; None for a step whose first attempt has not been reported."""
    finished_at: float | None


class CacheEntry(NamedTuple):
    """A result, and the key by which equal tasks find it."""

    key: bytes
    output: Output
    rows: int


@dataclass(slots=True)
class Batch:
    """All writes of one moment, for any number of workflows, each fenced by its epoch."""

    epochs: dict[WorkflowId, int] = field(default_factory=dict)
    tasks: list[tuple[WorkflowId, Report]] = field(default_factory=list)
    results: list[tuple[WorkflowId, Results]] = field(default_factory=list)
    ends: list[tuple[WorkflowId, Report]] = field(default_factory=list)
    attempts: list[tuple[WorkflowId, RecordAttempt]] = field(default_factory=list)
    plans: dict[WorkflowId, PlanSpec] = field(default_factory=dict)
    """Plans with which workflows continue from now on."""
    interruptions: dict[WorkflowId, int] = field(default_factory=dict)
    """Tasks that were stopped on purpose."""
    losses: list[tuple[WorkflowId, RecordLoss]] = field(default_factory=list)
    steps: dict[tuple[WorkflowId, int], StepRow] = field(default_factory=dict)
    statuses: dict[WorkflowId, tuple[WorkflowStatus, dict[str, Any] | None]] = field(default_factory=dict)
    cached: list[tuple[WorkflowId, CacheEntry]] = field(default_factory=list)
    quarantined: dict[WorkflowId, dict[str, Any]] = field(default_factory=dict)
    """Quarantined workflows, each with the reason."""

    def __bool__(self) -> bool:
        return bool(self.epochs)

    def add(
        self,
        workflow: WorkflowId,
        epoch: int,
        state: WorkflowState,
        commands: Iterable[Command],
        cached: Iterable[CacheEntry] = (),
    ) -> None:
        """Add the machine's commands, with the counters of ``state`` as they are now."""
        self.epochs[workflow] = epoch
        self.cached.extend((workflow, entry) for entry in cached)
        for command in commands:
            if isinstance(command, RecordTask):
                self.tasks.append((workflow, command.report))
            elif isinstance(command, RecordResults):
                self.results.append((workflow, command.results))
            elif isinstance(command, UpdateStep):
                self.steps[workflow, command.step] = _step_row(workflow, state, command.step)
            elif isinstance(command, RecordEnd):
                self.ends.append((workflow, command.report))
            elif isinstance(command, RecordAttempt):
                self.attempts.append((workflow, command))
            elif isinstance(command, RecordInterruption):
                self.interruptions[workflow] = self.interruptions.get(workflow, 0) + command.tasks
            elif isinstance(command, RecordLoss):
                self.losses.append((workflow, command))
            elif isinstance(command, SetStatus):
                self.statuses[workflow] = command.status, _error(state, command)
            elif isinstance(command, AdoptPlan):
                self.plans[workflow] = command.plan
            else:
                assert_never(command)

    def quarantine(self, workflow: WorkflowId, epoch: int, error: BaseException) -> None:
        """Quarantine the workflow; its other writes are dropped."""
        self.drop({workflow})
        self.epochs[workflow] = epoch
        self.quarantined[workflow] = quarantine_of(error)

    def drop(self, workflows: Collection[WorkflowId]) -> None:
        """Drop the writes of these workflows."""
        kept = self._only(lambda workflow: workflow not in workflows)
        for each in fields(self):
            setattr(self, each.name, getattr(kept, each.name))

    def split(self) -> tuple[Batch, Batch]:
        """The writes of one half of the workflows, and of the other half."""
        half = set(list(self.epochs)[: len(self.epochs) // 2])
        return self._only(half.__contains__), self._only(lambda workflow: workflow not in half)

    def _only(self, wants: Callable[[WorkflowId], bool]) -> Batch:
        """The writes of some workflows."""
        return Batch(
            {key: value for key, value in self.epochs.items() if wants(key)},
            [row for row in self.tasks if wants(row[0])],
            [row for row in self.results if wants(row[0])],
            [row for row in self.ends if wants(row[0])],
            [row for row in self.attempts if wants(row[0])],
            {key: value for key, value in self.plans.items() if wants(key)},
            {key: value for key, value in self.interruptions.items() if wants(key)},
            [row for row in self.losses if wants(row[0])],
            {key: value for key, value in self.steps.items() if wants(key[0])},
            {key: value for key, value in self.statuses.items() if wants(key)},
            [row for row in self.cached if wants(row[0])],
            {key: value for key, value in self.quarantined.items() if wants(key)},
        )

    def has_notes(self) -> bool:
        """Whether there is more to write than results, counters and statuses."""
        reports = [row[1] for row in (*self.tasks, *self.ends)]
        if any((self.attempts, self.interruptions, self.losses, self.cached, self.plans, self.quarantined)):
            return True
        return any(report.rejects or report.logs for report in reports)


def quarantine_of(error: BaseException) -> dict[str, Any]:
    """Why a workflow was quarantined, as stored with it."""
    failure = failure_of(error)
    return {
        "error_type": failure.error_type,
        "message": f"eopiez could not continue it: {failure.error_type}: {failure.message}",
        "traceback": failure.traceback,
    }


def _error(state: WorkflowState, command: SetStatus) -> dict[str, Any] | None:
    if command.failure is None or command.step is None:
        return None
    step = state.steps[command.step]
    attempts = step.attempts(command.partition or 0)
    return {
        "step": step.spec.name,
        "partition": command.partition,
        "attempts": max(1, attempts),
        "error_type": command.failure.error_type,
        "message": command.failure.message,
    }


def _step_row(workflow: WorkflowId, state: WorkflowState, position: int) -> StepRow:
    step = state.steps[position]
    ended_at = step.ended_at if step.status is StepStatus.SUCCEEDED else None
    return StepRow(
        workflow, position, step.status, step.sealed, step.done, step.running, step.reason, step.rows, step.rejects,
        step.cached, step.wall_s, step.cpu_s, step.started_at or None, ended_at,
    )  # fmt: skip
