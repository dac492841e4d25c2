"""The store as users need it for workflows: look, pause, resume, cancel, retry."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import PlanError, TransitionError, WorkflowNotFoundError
from ..model.filters import AttemptFilter, LogFilter, Order, TaskFilter, WorkflowFilter
from ..model.ids import WorkflowId
from ..model.names import unknown_step
from ..model.plan import PlanSpec
from ..model.requests import Answer, Request, Selection, Verb
from ..model.status import Outcome, WorkflowStatus
from ..model.tasks import Output, TaskKey
from ..model.views import (
    AttemptView,
    DriverView,
    EventView,
    GivenUp,
    LogView,
    RejectView,
    SetAside,
    StepFacts,
    StepView,
    TaskTime,
    TaskView,
    WorkflowView,
)
from .code import read_code
from .erasing import forget_plans
from .ledger import _output
from .listing import ALL, Listing
from .projects import project_names
from .queries import sql
from .requests import ask, conditions
from .vault import ATTEMPT_PLACES, LOG_PLACE, REJECT_PLACES, error_place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from .database import Database

PAGE = 1000
"""Rows of history read at a time."""
COUNTED = 1000
"""How many workflows are counted; beyond that, a list says that there are more."""
LAST_STEP = 2**15 - 1

EVERYTHING = Selection(everything=True)
_UNSAID = Request()


class Workflows:
    """The store as a gateway or a command uses it.

    Where ``projects`` are given, workflows of other projects are as if they did not exist; None means all projects.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listing = Listing(database)

    async def pause(
        self, workflow: WorkflowId, request: Request = _UNSAID, projects: Collection[str] | None = None
    ) -> WorkflowStatus:
        """Request a pause: ``pausing`` while an orchestrator drains it, ``paused`` at once if nobody drives it."""
        return await self._ask_one(Verb.PAUSE, workflow, request, projects)

    async def cancel(
        self, workflow: WorkflowId, request: Request = _UNSAID, projects: Collection[str] | None = None
    ) -> WorkflowStatus:
        """Request a cancel: ``cancelling`` while tasks are in flight, then ``cancelled``. Results stay."""
        return await self._ask_one(Verb.CANCEL, workflow, request, projects)

    async def resume(
        self, workflow: WorkflowId, request: Request = _UNSAID, projects: Collection[str] | None = None
    ) -> WorkflowStatus:
        """Queue a paused workflow; one that is already queued or running stays so."""
        return await self._ask_one(Verb.RESUME, workflow, request, projects)

    async def retry(
        self, workflow: WorkflowId, request: Request = _UNSAID, projects: Collection[str] | None = None
    ) -> WorkflowStatus:
        """Requeue a failed, cancelled or quarantined workflow: finished work is kept, the rest starts afresh."""
        return await self._ask_one(Verb.RETRY, workflow, request, projects)

    async def _ask_one(
        self, verb: Verb, workflow: WorkflowId, request: Request, projects: Collection[str] | None
    ) -> WorkflowStatus:
        among = None if projects is None else tuple(projects)
        (answer,) = await ask(self._database, verb, Selection(ids=(workflow,), projects=among), request)
        if answer.status is None:
            raise WorkflowNotFoundError(str(workflow))
        if answer.refusal:
            raise TransitionError(str(workflow), verb, answer.status)
        return answer.status

    async def pause_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """Like ``pause``, for all selected; gives the outcome for each. Refusing one undoes nothing for others."""
        return await ask(self._database, Verb.PAUSE, selection, request)

    async def cancel_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """Like ``cancel``, for all selected."""
        return await ask(self._database, Verb.CANCEL, selection, request)

    async def resume_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """Like ``resume``, for all selected."""
        return await ask(self._database, Verb.RESUME, selection, request)

    async def retry_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """Like ``retry``, for all selected."""
        return await ask(self._database, Verb.RETRY, selection, request)

    async def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would apply to now."""
        row = await self._database.fetchrow(sql("count_selected"), *conditions(selection, selection.statuses_for(verb)))
        assert row is not None
        return int(row["count"])

    async def given_up(
        self, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 1000
    ) -> list[GivenUp]:
        """Tasks of failed or quarantined workflows that have used up their attempts, latest first.

        Args:
            selection: which workflows; an ``error_type`` applies to the tasks too.
            before: continues after the ``id`` of the last one on an earlier page.
            limit: how many at most.
        """
        found = await self._database.fetch(sql("given_up"), *conditions(selection, selection.statuses), before, limit)
        place = ATTEMPT_PLACES["message"].replace("{attempt}", "{attempts}")
        return [GivenUp(**row) for row in await self._database.vault.revealed(found, {"message": place})]

    async def set_aside(self, selection: Selection = EVERYTHING, limit: int = 1000) -> list[SetAside]:
        """Quarantined workflows, newest first; an ``error_type`` is that of the error that quarantined them."""
        found = await self._database.fetch(sql("set_aside"), *conditions(selection, selection.statuses), limit)
        place = error_place("message", "{workflow_id}")
        return [SetAside(**row) for row in await self._database.vault.revealed(found, {"message": place})]

    async def statuses(
        self, workflows: Sequence[WorkflowId], projects: Collection[str] | None = None
    ) -> dict[WorkflowId, WorkflowStatus]:
        """The status of each of these workflows."""
        rows = await self._database.fetch(sql("statuses"), list(workflows), project_names(projects))
        return {WorkflowId(row["id"]): WorkflowStatus(row["status"]) for row in rows}

    async def plans(self, workflows: Sequence[WorkflowId]) -> list[tuple[PlanSpec, list[WorkflowId]]]:
        """The plans of these workflows, each with the workflows that follow it; skips plans that cannot be read."""
        rows = await self._database.fetch(sql("plans_of"), list(workflows))
        found: list[tuple[PlanSpec, list[WorkflowId]]] = []
        for row in rows:
            with contextlib.suppress(PlanError):
                found.append((PlanSpec.from_value(row["plan"]), [WorkflowId(key) for key in row["workflows"]]))
        return found

    async def get(self, workflow: WorkflowId, projects: Collection[str] | None = None) -> WorkflowView:
        """One workflow.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        row = await self._database.fetchrow(sql("workflow"), workflow, project_names(projects))
        if row is None:
            raise WorkflowNotFoundError(str(workflow))
        (told,) = await self._database.vault.revealed_errors([row], "error", "id")
        return WorkflowView.from_row(told)

    async def is_held(self, workflow: WorkflowId) -> bool:
        """Whether a living orchestrator, of this or another process, drives the workflow now."""
        row = await self._database.fetchrow(sql("is_held"), workflow)
        return bool(row and row["is_held"])

    async def page(
        self,
        where: WorkflowFilter = ALL,
        order: Order = Order.NEWEST,
        after: WorkflowId | None = None,
        limit: int = 50,
    ) -> list[WorkflowView]:
        """A page of a list of workflows; ``after`` continues after the last one on an earlier page."""
        return await self._listing.page(where, order, after, limit)

    async def listed_ids(
        self,
        where: WorkflowFilter = ALL,
        order: Order = Order.NEWEST,
        after: WorkflowId | None = None,
        limit: int = PAGE,
    ) -> list[WorkflowId]:
        """The ids of a page of such a list, which cost less than the workflows themselves."""
        return await self._listing.ids(where, order, after, limit)

    async def count_listed(self, where: WorkflowFilter = ALL, most: int = COUNTED) -> int:
        """How many workflows a list has; ``most`` + 1 if there are more than that."""
        return len(await self._listing.ids(where, Order.NEWEST, None, most + 1))

    async def forgettable(self, before: datetime, keep: int) -> list[WorkflowId]:
        """Workflows that ended before that time, except the ``keep`` newest of all that have ended."""
        return [WorkflowId(row["id"]) for row in await self._database.fetch(sql("forgettable"), before, keep)]

    async def forget(self, workflows: Iterable[WorkflowId], cached_before: datetime) -> None:
        """Delete these workflows with all their rows and with plans and code that nothing else uses, and cached results
        from before that time."""
        for workflow in workflows:
            async with self._database.transaction() as connection:
                row = await connection.fetchrow(sql("workflow_to_erase"), workflow)
                if row is not None and await connection.fetch(sql("delete_workflow"), workflow):
                    await forget_plans(connection, row["plans"])
        await self._database.fetch(sql("forget_old_cache"), cached_before)

    async def live_digests(self) -> set[bytes]:
        """Digests of all artifacts that results and the cache refer to."""
        return {row["digest"] for row in await self._database.fetch(sql("live_digests"))}

    async def code(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Pickled phases by digest."""
        return await read_code(self._database, digests)

    async def resolve(self, text: str, projects: Collection[str] | None = None) -> WorkflowId:
        """The workflow with that unique beginning or end of an id; a whole id is taken as it is if no project is given.

        Raises:
            WorkflowNotFoundError: none or several match.
        """
        with contextlib.suppress(ValueError):
            whole = WorkflowId(UUID(text))
            return whole if projects is None else (await self.get(whole, projects)).id
        rows = await self._database.fetch(sql("workflows_by_prefix"), text, project_names(projects))
        if len(rows) != 1:
            raise WorkflowNotFoundError(text)
        return WorkflowId(rows[0]["id"])

    async def steps(self, workflow: WorkflowId) -> list[StepView]:
        """Steps with their counters, in the plan's order.

        Raises:
            PlanError: its plan cannot be read.
        """
        rows = await self._database.fetch(sql("steps"), [workflow])
        if not rows:
            await self._step_names(workflow)
        try:
            return [StepView.from_row(dict(row)) for row in rows]
        except ValueError as error:
            raise _unreadable(workflow) from error

    async def events(self, workflow: WorkflowId, after: int = 0, limit: int = 1000) -> list[EventView]:
        """History, oldest first."""
        rows = await self._database.fetch(sql("events"), workflow, after, limit)
        told = [dict(row) | {"workflow_id": workflow} for row in rows]
        told = await self._database.vault.revealed_errors(told, "data", "workflow_id")
        return [EventView(row["id"], row["at"], row["kind"], row["data"]) for row in told]

    async def tasks(
        self,
        workflow: WorkflowId,
        where: TaskFilter = TaskFilter(),  # noqa: B008 - frozen
        after: TaskKey | None = None,
        limit: int = PAGE,
    ) -> list[TaskView]:
        """Finished tasks in order of step and partition; ``after`` continues after the last one on an earlier page.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
            PlanError: its plan has no such step.
        """
        names = await self._step_names(workflow)
        first, last = 0, LAST_STEP
        if where.step is not None:
            first = last = _position(names, where.step)
        begin = max(after or (0, -1), (first, -1))
        found = await self._planned(
            "tasks", workflow, *begin, last, where.worker, where.host, where.node, where.slower_than_s,
            where.more_than_bytes, where.is_cached, where.has_rejects, limit,
        )  # fmt: skip
        return [
            TaskView(key=TaskKey(row["step"], row["partition"]), **row | {"step": names[row["step"]]}) for row in found
        ]

    async def attempts(
        self,
        workflow: WorkflowId,
        where: AttemptFilter = AttemptFilter(),  # noqa: B008 - frozen
        after: int = 0,
        limit: int = PAGE,
    ) -> list[AttemptView]:
        """Attempts that ended without a result, oldest first; ``after`` is the last id on an earlier page.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
            PlanError: its plan has no such step.
        """
        names = await self._step_names(workflow)
        step = None if where.step is None else _position(names, where.step)
        found = await self._planned(
            "attempts", workflow, after, step, where.worker, where.host, where.node, where.slower_than_s,
            where.outcome, limit,
        )  # fmt: skip
        return await self._attempts(workflow, found, names)

    async def last_attempts(self, workflow: WorkflowId, limit: int) -> list[AttemptView]:
        """The newest attempts without a result, newest last."""
        names = await self._step_names(workflow)
        found = await self._database.fetch(sql("last_attempts"), workflow, limit)
        return await self._attempts(workflow, [dict(row) for row in reversed(found)], names)

    async def _attempts(
        self, workflow: WorkflowId, rows: Sequence[dict[str, Any]], names: Sequence[str]
    ) -> list[AttemptView]:
        places = {column: place.replace("{workflow_id}", str(workflow)) for column, place in ATTEMPT_PLACES.items()}
        told = await self._database.vault.revealed(rows, places)
        return [AttemptView(**row | {"step": names[row["step"]]}) for row in told]

    async def logs(
        self,
        workflow: WorkflowId,
        after: int = 0,
        limit: int = PAGE,
        where: LogFilter = LogFilter(),  # noqa: B008 - frozen
    ) -> list[LogView]:
        """What phases logged and printed, oldest first.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
            PlanError: its plan has no such step.
            ParameterError: there is no such level.
        """
        names = await self._step_names(workflow)
        steps = None if where.step is None else _positions(names, where.step)
        found = await self._planned("logs", workflow, after, steps, where.partition, where.levels(), limit)
        places = {"message": LOG_PLACE.replace("{workflow_id}", str(workflow))}
        told = await self._database.vault.revealed(found, places)
        return [LogView(**row | {"step": names[row["step"]]}) for row in told]

    async def step_facts(self, workflow: WorkflowId) -> list[StepFacts]:
        """Figures for each step, in the plan's order."""
        names = await self._step_names(workflow)
        peaks = {row["step"]: row["peak_bytes"] for row in await self._database.fetch(sql("step_peaks"), workflow)}
        counts: dict[int, dict[Outcome, int]] = {}
        for row in await self._database.fetch(sql("attempt_counts"), workflow):
            counts.setdefault(row["step"], {})[Outcome(row["outcome"])] = row["attempts"]
        return [
            StepFacts(name, peaks.get(position, 0), counts.get(position, {})) for position, name in enumerate(names)
        ]

    async def driver(self, workflow: WorkflowId) -> DriverView | None:
        """The living orchestrator that drives it, if there is one."""
        row = await self._database.fetchrow(sql("driver"), workflow)
        return None if row is None else DriverView(**dict(row))

    async def _step_names(self, workflow: WorkflowId) -> list[str]:
        row = await self._database.fetchrow(sql("step_names"), workflow)
        if row is None:
            raise WorkflowNotFoundError(str(workflow))
        if not isinstance(row["steps"], list):
            raise _unreadable(workflow)
        return [step["name"] for step in row["steps"]]

    async def _planned(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Rows of a statement planned for its arguments, so that unused filters cost nothing."""
        async with self._database.transaction() as connection:
            await connection.execute("set local plan_cache_mode = force_custom_plan")
            return [dict(row) for row in await connection.fetch(sql(statement), *arguments)]

    async def rejects(self, workflow: WorkflowId) -> list[RejectView]:
        """Quarantined rows."""
        rows = await self._database.fetch(sql("rejects"), workflow)
        places = {column: place.replace("{workflow_id}", str(workflow)) for column, place in REJECT_PLACES.items()}
        return [RejectView(**row) for row in await self._database.vault.revealed(rows, places)]

    async def task_times(self, workflow: WorkflowId, limit: int = 100_000) -> list[TaskTime]:
        """When each finished task ran."""
        return [TaskTime(**dict(row)) for row in await self._database.fetch(sql("task_times"), workflow, limit)]

    async def outputs(self, workflow: WorkflowId, step: int) -> list[Output]:
        """All outputs of a step, in order of its partitions."""
        return [_output(row) for row in await self._database.fetch(sql("step_outputs"), workflow, step)]


def _unreadable(workflow: WorkflowId) -> PlanError:
    return PlanError(
        f"the stored plan of workflow {workflow} cannot be read; if a newer version of eopiez made it, use that one"
    )


def _position(names: Sequence[str], step: str) -> int:
    if step not in names:
        raise unknown_step(names, step)
    return names.index(step)


def _positions(names: Sequence[str], step: str) -> list[int]:
    """The step, or the steps of a content phase, whose names begin with it and a dot."""
    found = [at for at, name in enumerate(names) if name == step or name.startswith(f"{step}.")]
    if not found:
        raise unknown_step(names, step)
    return found
