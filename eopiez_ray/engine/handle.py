"""A handle on one workflow."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack

from ..display import Rows, attempts_html, steps_html, watch, workflow_html
from ..errors import PlanError, WorkflowNotFinishedError
from ..model.changes import Change, StepChange
from ..model.endings import check_succeeded
from ..model.filters import AttemptFilter, LogFilter, TaskFilter
from ..model.names import check_step, check_version
from ..model.options import RequestOptions, login_name, request_of
from ..model.plan import PlanSpec
from ..model.status import PhaseKind, StepStatus, WorkflowStatus
from ..model.views import RejectReason
from ..settings import Settings
from ..store import Workflows
from ..store.rejects import name_of
from .artifacts import LoadedPartitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.ids import WorkflowId
    from ..model.tasks import TaskKey
    from ..model.views import PlanVersion
    from ..store import (
        AttemptView,
        DriverView,
        EventView,
        LogView,
        RejectView,
        StepFacts,
        StepView,
        TaskTime,
        TaskView,
        WorkflowView,
    )
    from .thread import EngineThread

Row = TypeVar("Row")
Key = TypeVar("Key")
PAGE = 1000
"""Rows of history fetched at a time."""


class Workflow:
    """A handle on one workflow."""

    is_remote: Literal[False] = False

    def __init__(self, thread: EngineThread, workflow: WorkflowId, plan: PlanSpec | None = None) -> None:
        self._thread, self.id, self._plan = thread, workflow, plan

    def __repr__(self) -> str:
        return f"<workflow {self.id}>"

    def _repr_html_(self) -> str:
        return workflow_html(self.view(), self.steps())

    @property
    def _workflows(self) -> Workflows:
        return self._thread.engine.workflows

    def view(self) -> WorkflowView:
        """The workflow's current state."""
        return self._thread.run(self._workflows.get(self.id))

    @property
    def status(self) -> WorkflowStatus:
        """Its current status."""
        return self.view().status

    @property
    def settings(self) -> Settings:
        """The settings of the system it is in."""
        return self._thread.settings

    @property
    def driver(self) -> DriverView | None:
        """The orchestrator that drives it, in this process or another."""
        return self._thread.run(self._workflows.driver(self.id))

    @property
    def is_driven(self) -> bool:
        """Whether some process, this one or another, drives it."""
        return self._thread.run(self._workflows.is_held(self.id))

    def wait(self, timeout_s: float | None = None) -> Self:
        """Wait until it has succeeded.

        Raises:
            WorkflowFailedError, WorkflowCancelledError, WorkflowPausedError, WorkflowQuarantinedError: it ended
                otherwise.
            TimeoutError: it is still at work.
        """
        if self._thread.engine.has_soon_succeeded(self.id, timeout_s):
            return self
        view = self._thread.run(asyncio.wait_for(self._thread.engine.settled(self.id), timeout_s))
        check_succeeded(view)
        return self

    def settled(self, timeout_s: float | None = None) -> WorkflowView:
        """Wait until it is at rest, however it ended.

        Raises:
            TimeoutError: it is still at work.
        """
        return self._thread.run(asyncio.wait_for(self._thread.engine.settled(self.id), timeout_s))

    def watch(self, every_s: float = 0.5) -> None:
        """Show it in a notebook, and keep the picture up to date until it is at rest; an interrupt ends the watching.

        Raises:
            EopiezError: this is no notebook.
        """
        watch(self._repr_html_, lambda: self.status.is_at_rest, every_s)

    def result(self, step: str) -> Any:
        """The output of a finished step: a value, or a sequence of partitions, each loaded on access.

        Raises:
            KeyError: the plan has no such step.
            PlanError: the step holds values of the plan.
            WorkflowNotFinishedError: the step is not done.
        """
        if self._plan is None:
            self._plan = self.view().plan
        positions = self._plan.index()
        if step not in positions:
            raise KeyError(f"workflow {self.id} has no step {step!r}; it has {', '.join(positions)}")
        position = positions[step]
        if self._plan.steps[position].phase.kind is PhaseKind.VALUES:
            raise PlanError(f"step {step!r} only holds values that came with the plan")
        if not self._thread.engine.has_succeeded(self.id):
            status = self.steps()[position].status
            if status is not StepStatus.SUCCEEDED:
                raise WorkflowNotFinishedError(f"step {step!r} of workflow {self.id} is {status}; wait for it first")
        outputs = self._thread.run(self._workflows.outputs(self.id, position))
        values = LoadedPartitions(self._thread.engine.artifacts, outputs)
        is_one = self._plan.steps[position].phase.kind.gives_one
        return values[0] if is_one else values

    def pause(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Start no more tasks; it is ``paused`` once none is in flight."""
        return self._thread.run(self._workflows.pause(self.id, request_of(options)))

    def resume(self, **options: Unpack[RequestOptions]) -> Self:
        """Continue in this process, after a pause or after the process that drove it died."""
        self._thread.run(self._workflows.resume(self.id, request_of(options)))
        self._thread.run(self._thread.engine.drive(self.id))
        return self

    def retry(self, **options: Unpack[RequestOptions]) -> Self:
        """Retry failed tasks in this process; finished ones keep their results."""
        self._thread.run(self._workflows.retry(self.id, request_of(options)))
        self._thread.run(self._thread.engine.drive(self.id))
        return self

    def cancel(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Cancel it; finished steps keep their results."""
        return self._thread.run(self._workflows.cancel(self.id, request_of(options)))

    def update(
        self,
        *steps: StepChange,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        by: str | None = None,
        why: str = "",
    ) -> Self:
        """Change what has not started: parameters of steps whose tasks have not begun, policies of steps that are not
        done, the priority, labels. ``by`` is the login name by default.

        Raises:
            PlanError: its plan has no such step.
            ParameterError: a phase rejects a parameter.
            UpdateRefusedError: the part to be changed has started; nothing was changed.
            TransitionError: it has ended.
            TimeoutError: the process that drives it did not answer; the history will show whether it was applied.
        """
        change = Change(steps, priority, labels, login_name() if by is None else by, why)
        self._thread.run(self._thread.engine.update(self.id, change))
        return self

    def steps(self) -> list[StepView]:
        """Its steps with their counters."""
        return Rows(self._thread.run(self._workflows.steps(self.id)), steps_html)

    def events(self, after: int = 0) -> list[EventView]:
        """Its history."""
        return self._thread.run(self._workflows.events(self.id, after))

    def history(self) -> Iterator[EventView]:
        """All its events, oldest first, fetched a page at a time."""

        def page(after: int, size: int) -> list[EventView]:
            return self._thread.run(self._workflows.events(self.id, after, size))

        return paged(page, lambda event: event.id, 0, None)

    def logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> list[LogView]:
        """What its phases logged and printed: up to 1,000 lines after the one with that id.

        Args:
            after: id of the last line already known; 0 begins with the first.
            step: only this step, or the steps of a content phase such as ``themes``.
            partition: only the tasks of this partition.
            level: only lines of this level and above: debug, info, warning, error, critical.

        Raises:
            PlanError: its plan has no such step.
            ParameterError: there is no such level.
        """
        where = LogFilter(step=step, partition=partition, level=level)
        return self._thread.run(self._workflows.logs(self.id, after, PAGE, where))

    def tasks(
        self, where: TaskFilter | None = None, after: TaskKey | None = None, limit: int | None = None
    ) -> Iterator[TaskView]:
        """Its finished tasks, in order of step and partition, fetched a page at a time.

        Args:
            where: which of them; all by default.
            after: begin after this one.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """

        def page(after: TaskKey | None, size: int) -> list[TaskView]:
            return self._thread.run(self._workflows.tasks(self.id, where or TaskFilter(), after, size))

        return paged(page, lambda task: task.key, after, limit)

    def attempts(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> list[AttemptView]:
        """Attempts that ended without a result, oldest first. Arguments and errors as in ``each_attempt``."""
        return Rows(self.each_attempt(where, after, limit), attempts_html)

    def each_attempt(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[AttemptView]:
        """Attempts that ended without a result, oldest first, fetched a page at a time.

        Args:
            where: which of them; all by default.
            after: id of the last one already known; 0 begins with the first.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """

        def page(after: int, size: int) -> list[AttemptView]:
            return self._thread.run(self._workflows.attempts(self.id, where or AttemptFilter(), after, size))

        return paged(page, lambda attempt: attempt.id, after, limit)

    def last_attempts(self, limit: int = 10) -> list[AttemptView]:
        """The newest attempts that ended without a result, the newest last."""
        return Rows(self._thread.run(self._workflows.last_attempts(self.id, limit)), attempts_html)

    def step_facts(self) -> list[StepFacts]:
        """Figures for each step besides its counters: its peak memory, its attempts without a result."""
        return self._thread.run(self._workflows.step_facts(self.id))

    def plans(self) -> list[PlanVersion]:
        """The plans that it has followed, the latest last: each update makes one."""
        return self._thread.run(self._thread.engine.updates.versions(self.id))

    def plan(self, version: int) -> PlanSpec:
        """One of these plans.

        Raises:
            ParameterError: it has not followed such a plan, or the plan is not kept.
        """
        found = self._thread.run(self._thread.engine.updates.version(self.id, version))
        if found is None:
            check_version(version, [each.version for each in self.plans()])
        assert found is not None
        return PlanSpec.from_value(found[1])

    def rejects(
        self, step: str | None = None, reason: str | None = None, limit: int | None = None
    ) -> Iterator[RejectView]:
        """Rows that its steps could not use, in order of step and partition, fetched a page at a time.

        Args:
            step: only of this step.
            reason: only for this reason, of which the first 1,000 characters count.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """
        names = self.view().step_names
        if step is not None:
            check_step(names, step)
        position = None if step is None else names.index(step)
        place, left = None, sys.maxsize if limit is None else limit
        while left > 0:
            rejects = self._thread.engine.rejects
            found = self._thread.run(rejects.page(self.id, names, position, reason, place, min(PAGE, left)))
            yield from found.rows
            place, left = found.following, left - len(found.rows)
            if place is None:
                return

    def reject_reasons(self) -> list[RejectReason]:
        """Why rows were rejected, and how many, by step; most frequent first."""
        names = self.view().step_names
        counts = self._thread.run(self._thread.engine.rejects.reasons(self.id))
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return [RejectReason(name_of(names, at), reason, rows) for (at, reason), rows in ordered]

    def task_times(self) -> list[TaskTime]:
        """When its tasks ran."""
        return self._thread.run(self._workflows.task_times(self.id))


def paged(
    page: Callable[[Key, int], list[Row]], key: Callable[[Row], Key], after: Key, limit: int | None
) -> Iterator[Row]:
    """Rows page after page, each continuing from the last row of the one before."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = page(after, size)
        yield from rows
        if len(rows) < size:
            return
        after, left = key(rows[-1]), None if left is None else left - size
