"""What users ask of the store about workflows: look, pause, resume, cancel, retry. A request is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from ..errors import TransitionError, WorkflowNotFoundError
from ..model.ids import WorkflowId
from ..model.status import WorkflowStatus
from ..model.tasks import Output
from .ledger import _output
from .queries import sql
from .views import AttemptView, EventView, LogView, RejectView, StepView, TaskTime, WorkflowView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from .database import Connection, Database

View = TypeVar("View", EventView, LogView, AttemptView, RejectView, TaskTime)


class Workflows:
    """The store as a gateway or a command uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, workflow: WorkflowId) -> WorkflowStatus:
        """Ask for a pause: ``pausing`` while an orchestrator drains it, ``paused`` at once if nobody drives it."""
        allowed = {
            WorkflowStatus.QUEUED,
            WorkflowStatus.RUNNING,
            WorkflowStatus.PAUSING,
            WorkflowStatus.PAUSED,
        }
        return await self._request(workflow, "pause", allowed, WorkflowStatus.PAUSING, WorkflowStatus.PAUSED)

    async def cancel(self, workflow: WorkflowId) -> WorkflowStatus:
        """Ask for an end: ``cancelling`` while tasks are in flight, then ``cancelled``. Results stay."""
        allowed = set(WorkflowStatus) - {WorkflowStatus.SUCCEEDED, WorkflowStatus.FAILED}
        return await self._request(workflow, "cancel", allowed, WorkflowStatus.CANCELLING, WorkflowStatus.CANCELLED)

    async def _request(
        self,
        workflow: WorkflowId,
        verb: str,
        allowed: set[WorkflowStatus],
        meanwhile: WorkflowStatus,
        ending: WorkflowStatus,
    ) -> WorkflowStatus:
        async with self._database.transaction() as connection:
            status, is_held = await self._locked(connection, workflow)
            if status not in allowed:
                raise TransitionError(str(workflow), verb, status)
            if status is ending:
                return status
            reached = meanwhile if is_held else ending
            await connection.execute(sql("request" if is_held else "settle_unheld"), workflow, reached)
            await connection.execute(sql("add_event"), workflow, f"{verb}_requested", {})
            await connection.execute(
                "select pg_notify('eopiez_request', $1), pg_notify('eopiez_status', $1)", str(workflow)
            )
            return reached

    async def resume(self, workflow: WorkflowId) -> WorkflowStatus:
        """Queue a paused workflow; one that is queued or running already stays so."""
        return await self._requeue(workflow, "resume", {WorkflowStatus.PAUSED})

    async def retry(self, workflow: WorkflowId) -> WorkflowStatus:
        """Queue a failed or cancelled workflow again: finished tasks keep their results, failed ones start anew."""
        return await self._requeue(workflow, "retry", {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED})

    async def _requeue(self, workflow: WorkflowId, verb: str, allowed: set[WorkflowStatus]) -> WorkflowStatus:
        async with self._database.transaction() as connection:
            status, is_held = await self._locked(connection, workflow)
            is_abandoned = status in {WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING} and not is_held
            if status in {WorkflowStatus.QUEUED, WorkflowStatus.RUNNING} and verb == "resume":
                return status
            if status not in allowed and not is_abandoned:
                raise TransitionError(str(workflow), verb, status)
            await connection.execute(sql("requeue"), workflow)
            if verb == "retry":
                await connection.execute(sql("forgive"), workflow)
            await connection.execute(sql("add_event"), workflow, f"{verb}_requested", {})
            await connection.execute(
                "select pg_notify('eopiez_work', $1), pg_notify('eopiez_status', $1)", str(workflow)
            )
        return WorkflowStatus.QUEUED

    async def _locked(self, connection: Connection, workflow: WorkflowId) -> tuple[WorkflowStatus, bool]:
        row = await connection.fetchrow(sql("lock_workflow"), workflow)
        if row is None:
            raise WorkflowNotFoundError(str(workflow))
        return WorkflowStatus(row["status"]), bool(row["is_held"])

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
