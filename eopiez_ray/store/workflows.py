"""What users ask of the store about workflows: look, pause, resume, cancel, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from ..errors import TransitionError, WorkflowNotFoundError
from ..model.ids import WorkflowId
from ..model.plan import PlanSpec
from ..model.requests import Answer, Request, Selection, Verb
from ..model.status import WorkflowStatus
from ..model.tasks import Output
from .ledger import _output
from .queries import sql
from .requests import ask, conditions
from .views import AttemptView, EventView, GivenUp, LogView, RejectView, StepView, TaskTime, WorkflowView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from .database import Database

View = TypeVar("View", EventView, GivenUp, LogView, AttemptView, RejectView, TaskTime)

EVERYTHING = Selection(everything=True)
_UNSAID = Request()


class Workflows:
    """The store as a gateway or a command uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, workflow: WorkflowId, request: Request = _UNSAID) -> WorkflowStatus:
        """Ask for a pause: ``pausing`` while an orchestrator drains it, ``paused`` at once if nobody drives it."""
        return await self._ask_one(Verb.PAUSE, workflow, request)

    async def cancel(self, workflow: WorkflowId, request: Request = _UNSAID) -> WorkflowStatus:
        """Ask for an end: ``cancelling`` while tasks are in flight, then ``cancelled``. Results stay."""
        return await self._ask_one(Verb.CANCEL, workflow, request)

    async def resume(self, workflow: WorkflowId, request: Request = _UNSAID) -> WorkflowStatus:
        """Queue a paused workflow; one that is queued or running already stays so."""
        return await self._ask_one(Verb.RESUME, workflow, request)

    async def retry(self, workflow: WorkflowId, request: Request = _UNSAID) -> WorkflowStatus:
        """Queue a failed or cancelled workflow again: finished tasks keep their results, failed ones start anew."""
        return await self._ask_one(Verb.RETRY, workflow, request)

    async def _ask_one(self, verb: Verb, workflow: WorkflowId, request: Request) -> WorkflowStatus:
        (answer,) = await ask(self._database, verb, Selection(ids=(workflow,)), request)
        if answer.status is None:
            raise WorkflowNotFoundError(str(workflow))
        if answer.refusal:
            raise TransitionError(str(workflow), verb, answer.status)
        return answer.status

    async def pause_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """As ``pause``, for all that are selected; what became of each. A refusal of one undoes nothing of others."""
        return await ask(self._database, Verb.PAUSE, selection, request)

    async def cancel_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """As ``cancel``, for all that are selected."""
        return await ask(self._database, Verb.CANCEL, selection, request)

    async def resume_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """As ``resume``, for all that are selected."""
        return await ask(self._database, Verb.RESUME, selection, request)

    async def retry_all(self, selection: Selection, request: Request = _UNSAID) -> list[Answer]:
        """As ``retry``, for all that are selected."""
        return await ask(self._database, Verb.RETRY, selection, request)

    async def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would mean now."""
        row = await self._database.fetchrow(sql("count_selected"), *conditions(selection, selection.statuses_for(verb)))
        assert row is not None
        return int(row["count"])

    async def given_up(
        self, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 1000
    ) -> list[GivenUp]:
        """Tasks of failed workflows that have used up their attempts, the last ones first; retried ones are not.

        Args:
            selection: which workflows; an ``error_type`` holds for the tasks too.
            before: goes on from the ``id`` of the last one of an earlier page.
            limit: how many at most.
        """
        return await self._views(GivenUp, "given_up", *conditions(selection, selection.statuses), before, limit)

    async def statuses(self, workflows: Sequence[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """Where these workflows stand."""
        rows = await self._database.fetch(sql("statuses"), list(workflows))
        return {WorkflowId(row["id"]): WorkflowStatus(row["status"]) for row in rows}

    async def plans(self, workflows: Sequence[WorkflowId]) -> list[tuple[PlanSpec, list[WorkflowId]]]:
        """The plans of these workflows, each with those that follow it."""
        rows = await self._database.fetch(sql("plans_of"), list(workflows))
        return [(PlanSpec.from_value(row["plan"]), [WorkflowId(key) for key in row["workflows"]]) for row in rows]

    async def get(self, workflow: WorkflowId) -> WorkflowView:
        """One workflow.

        Raises:
            WorkflowNotFoundError: there is none.
        """
        row = await self._database.fetchrow(sql("workflow"), workflow)
        if row is None:
            raise WorkflowNotFoundError(str(workflow))
        return WorkflowView.from_row(dict(row))

    async def is_held(self, workflow: WorkflowId) -> bool:
        """Whether a living orchestrator, of this or another process, drives the workflow now."""
        row = await self._database.fetchrow(sql("is_held"), workflow)
        return bool(row and row["is_held"])

    async def page(
        self, status: WorkflowStatus | None = None, before: WorkflowId | None = None, limit: int = 50
    ) -> list[WorkflowView]:
        """Workflows, newest first; ``before`` goes on from the last one of an earlier page."""
        return [
            WorkflowView.from_row(dict(row))
            for row in await self._database.fetch(sql("workflows"), status, before, limit)
        ]

    async def forgettable(self, before: datetime, keep: int) -> list[WorkflowId]:
        """Workflows that ended before that moment, without the ``keep`` newest of all that have ended."""
        return [WorkflowId(row["id"]) for row in await self._database.fetch(sql("forgettable"), before, keep)]

    async def forget(self, workflows: Iterable[WorkflowId], cached_before: datetime) -> None:
        """Delete these workflows with all their rows, and what the cache holds from before that moment."""
        for workflow in workflows:
            await self._database.fetch(sql("delete_workflow"), workflow)
        await self._database.fetch(sql("forget_old_cache"), cached_before)

    async def live_digests(self) -> set[bytes]:
        """Digests of all artifacts that results and the cache refer to."""
        return {row["digest"] for row in await self._database.fetch(sql("live_digests"))}

    async def code(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Pickled phases by digest."""
        return {row["digest"]: row["code"] for row in await self._database.fetch(sql("phase_code"), list(digests))}

    async def resolve(self, text: str) -> WorkflowId:
        """The workflow that somebody means by a whole id, or by a beginning or an end of it that only one has.

        Raises:
            WorkflowNotFoundError: none or several match.
        """
        try:
            return WorkflowId(UUID(text))
        except ValueError:
            rows = await self._database.fetch(sql("workflows_by_prefix"), text)
        if len(rows) != 1:
            raise WorkflowNotFoundError(text)
        return WorkflowId(rows[0]["id"])

    async def steps(self, workflow: WorkflowId) -> list[StepView]:
        """Steps with their counters, in the plan's order."""
        return [StepView.from_row(dict(row)) for row in await self._database.fetch(sql("steps"), workflow)]

    async def events(self, workflow: WorkflowId, after: int = 0, limit: int = 1000) -> list[EventView]:
        """History, oldest first."""
        return await self._views(EventView, "events", workflow, after, limit)

    async def logs(self, workflow: WorkflowId, after: int = 0, limit: int = 1000) -> list[LogView]:
        """What phases logged and printed, oldest first."""
        return await self._views(LogView, "logs", workflow, after, limit)

    async def attempts(self, workflow: WorkflowId) -> list[AttemptView]:
        """Attempts that ended without a result, oldest first."""
        return await self._views(AttemptView, "attempts", workflow)

    async def rejects(self, workflow: WorkflowId) -> list[RejectView]:
        """Quarantined rows."""
        return await self._views(RejectView, "rejects", workflow)

    async def task_times(self, workflow: WorkflowId, limit: int = 100_000) -> list[TaskTime]:
        """When each finished task ran."""
        return await self._views(TaskTime, "task_times", workflow, limit)

    async def outputs(self, workflow: WorkflowId, step: int) -> list[Output]:
        """All outputs of a step, in order of its partitions."""
        return [_output(row) for row in await self._database.fetch(sql("step_outputs"), workflow, step)]

    async def _views(self, view: type[View], statement: str, *arguments: Any) -> list[View]:
        return [view(**dict(row)) for row in await self._database.fetch(sql(statement), *arguments)]
