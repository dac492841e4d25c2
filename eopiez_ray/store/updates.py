"""Updates to workflows that are under way. The holder decides, since it alone knows what has started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import TransitionError, UpdateRefusedError, WorkflowNotFoundError
from ..machine import refusal
from ..model.plan import PlanSpec
from ..model.status import WorkflowStatus
from ..model.views import PlanVersion
from .projects import project_names
from .queries import sql
from .restoring import restored

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.changes import Change
    from ..model.ids import WorkflowId
    from .database import Connection, Database


class Asked(NamedTuple):
    """The state of a requested update."""

    event: int
    """Id of the request's event: the answer follows it, as ``updated`` or ``update_refused``."""
    is_answered: bool
    """Whether it is already applied, because nobody drives the workflow."""


class Updates:
    """Requests updates, each in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, workflow: WorkflowId, change: Change, projects: Collection[str] | None = None) -> Asked:
        """Update priority and labels at once, and the plan once the holder finds that it can continue with it.

        Raises:
            WorkflowNotFoundError: there is no such workflow, or none in these projects.
            TransitionError: it has ended.
            PlanError: its plan has no such step.
            UpdateRefusedError: nobody drives it, and the part to be changed has started.
        """
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("lock_for_update"), workflow, project_names(projects))
            if row is None:
                raise WorkflowNotFoundError(str(workflow))
            status = WorkflowStatus(row["status"])
            if status in {WorkflowStatus.SUCCEEDED, WorkflowStatus.CANCELLED, WorkflowStatus.CANCELLING}:
                raise TransitionError(str(workflow), "update", status)
            plan = PlanSpec.from_value(await connection.fetchval(sql("plan"), row["plan"]))
            wanted = change.applied(plan)
            await connection.execute(sql("add_plan"), wanted.digest, wanted.to_value())
            priority = row["priority"] if change.priority is None else change.priority
            labels = {**row["labels"], **(change.labels or {})}
            held_plan = wanted.digest if row["is_held"] else None
            replaced = [f"{name}={value}" for name, value in row["labels"].items() if labels[name] != value]
            await connection.execute(sql("want_update"), workflow, held_plan, priority, labels, replaced)
            event = await connection.fetchval(sql("add_event"), workflow, "update_requested", change.to_value())
            if row["is_held"]:
                await connection.execute("select pg_notify('eopiez_request', $1)", str(workflow))
            elif wanted != plan:
                await self._adopt(connection, workflow, plan, wanted)
            return Asked(event, not row["is_held"])

    async def _adopt(self, connection: Connection, workflow: WorkflowId, plan: PlanSpec, wanted: PlanSpec) -> None:
        reason = refusal(await restored(connection, workflow, plan, self._database.vault), wanted)
        if reason is not None:
            raise UpdateRefusedError(str(workflow), reason)
        await connection.execute(sql("save_plans"), [workflow], [wanted.digest])

    async def versions(self, workflow: WorkflowId) -> list[PlanVersion]:
        """The plans that a workflow has followed, the latest last. Those replaced before it was moved here, or before
        they were kept, are missing."""
        return [PlanVersion(**dict(row)) for row in await self._database.fetch(sql("plan_versions"), workflow)]

    async def version(self, workflow: WorkflowId, number: int) -> tuple[PlanVersion, dict[str, Any]] | None:
        """One of these plans and what it says; None if it is not kept."""
        row = await self._database.fetchrow(sql("plan_version"), workflow, number)
        if row is None:
            return None
        facts = dict(row)
        return PlanVersion(**{name: facts[name] for name in PlanVersion.__dataclass_fields__}), facts["spec"]

    async def answer(self, workflow: WorkflowId, asked: Asked) -> bool:
        """Whether the holder has answered.

        Raises:
            UpdateRefusedError: the workflow cannot continue this way.
        """
        if asked.is_answered:
            return True
        row = await self._database.fetchrow(sql("answer_to_update"), workflow, asked.event)
        if row is not None and row["kind"] == "update_refused":
            raise UpdateRefusedError(str(workflow), row["data"]["reason"])
        return row is not None
