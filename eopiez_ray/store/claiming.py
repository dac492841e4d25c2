"""Taking workflows that nobody drives, together or, if one of them stands in the way, one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from ..errors import WriteRefusedError
from ..logs import get_logger
from ..model.ids import OrchestratorId, WorkflowId
from ..model.limits import NOBODY, Owner
from ..model.plan import PlanSpec
from ..model.status import WorkflowStatus
from .batch import quarantine_of
from .payloads import sealer
from .queries import sql
from .restoring import restored
from .translating import LOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..machine import WorkflowState
    from .database import Connection, Database

PLANS_AT_HAND = 1000

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A workflow that is now this orchestrator's to drive, with everything it has done so far."""

    id: WorkflowId
    epoch: int
    """The fence: writes under an older epoch are refused."""
    status: WorkflowStatus
    state: WorkflowState
    owner: Owner = NOBODY
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    previous: OrchestratorId | None = None
    """Who held it before and did not release it."""


class Claimer:
    """Claims workflows for one orchestrator. Those that cannot be claimed or restored are quarantined."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans: dict[str, PlanSpec] = {}
        self._passed_over: set[WorkflowId] = set()
        """Those that could neither be claimed nor quarantined: one by one, they do not come first again."""
        self.name = ""
        """The orchestrator's, for the history of what it claims."""

    async def taken(self, statement: str, *arguments: Any) -> list[Claim]:
        """The workflows that a statement claims, with what they have done so far.

        Raises:
            WriteRefusedError: the database refuses it; nothing is claimed.
        """
        async with self._database.transaction() as connection:
            rows = await connection.fetch(statement, *arguments)
            if rows:
                await connection.execute(sql("clear_in_flight"), [row["id"] for row in rows])
            claims = [await self._restore_or_set_aside(connection, row) for row in rows]
        return [claim for claim in claims if claim is not None]

    async def one_by_one(
        self, orchestrator: OrchestratorId, only: Sequence[WorkflowId] | None, limit: int, above: int
    ) -> list[Claim]:
        """Claim each in a transaction of its own, by priority and age; those that are refused are set aside."""
        rows = await self._database.fetch(sql("unclaimed"), only, list(self._passed_over), above, limit)
        claims: list[Claim] = []
        for row in rows:
            try:
                claims += await self.taken(sql("claim_named"), orchestrator, [row["id"]], 1)
            except WriteRefusedError as refusal:
                await self._set_aside(row, refusal)
        return claims

    async def _set_aside(self, row: asyncpg.Record, refusal: WriteRefusedError) -> None:
        """Quarantine a workflow that cannot be claimed; pass it over if that is refused too, or if the server was only
        too slow, which is not the workflow's fault."""
        if isinstance(refusal.__cause__, asyncpg.QueryCanceledError):
            log.warning("workflow passed over: its claim was cancelled", workflow=str(row["id"]), error=str(refusal))
            self._passed_over.add(WorkflowId(row["id"]))
            return
        log.error("workflow quarantined: it cannot be claimed", workflow=str(row["id"]), error=str(refusal))
        try:
            async with self._database.transaction() as connection:
                await self._quarantine(connection, row, refusal)
        except WriteRefusedError:
            log.exception("workflow passed over: it cannot even be quarantined", workflow=str(row["id"]))
            self._passed_over.add(WorkflowId(row["id"]))

    async def _restore_or_set_aside(self, connection: Connection, row: asyncpg.Record) -> Claim | None:
        """The claim; None for a workflow whose state cannot be restored: it is quarantined in the same transaction."""
        try:
            async with connection.transaction():
                return await self._restore(connection, row)
        except LOST:
            raise
        except Exception as error:
            log.error("workflow quarantined", workflow=str(row["id"]), exc_info=error)  # noqa: TRY400 - it is included
            await self._quarantine(connection, row, error)
            return None

    async def _quarantine(self, connection: Connection, row: asyncpg.Record, error: Exception) -> None:
        sealing = await sealer(self._database.vault, {row["id"]: row["project"]})
        told = sealing.error(row["id"], quarantine_of(error))
        await connection.execute(sql("quarantine"), [row["id"]], [row["epoch"]], [told])

    async def _restore(self, connection: Connection, row: asyncpg.Record) -> Claim:
        workflow, plan = row["id"], await self._plan(connection, row["plan"])
        state = await restored(connection, workflow, plan, self._database.vault)
        finished = sum(step.done for step in state.steps if not step.is_given)
        facts = {"epoch": row["epoch"], "finished_tasks": finished} | ({"by": self.name} if self.name else {})
        await connection.execute(sql("add_event"), workflow, "claimed", facts)
        status = WorkflowStatus(row["status"])
        previous = OrchestratorId(row["previous"]) if row["previous"] else None
        owner = Owner(row["project"], row["owner"])
        return Claim(WorkflowId(workflow), row["epoch"], status, state, owner, row["priority"], row["labels"], previous)

    async def plan(self, digest: str) -> PlanSpec:
        """The plan with that digest."""
        async with self._database.transaction() as connection:
            return await self._plan(connection, digest)

    async def _plan(self, connection: Connection, digest: str) -> PlanSpec:
        """The plan with that digest; the last few are kept in memory."""
        if digest not in self._plans:
            if len(self._plans) >= PLANS_AT_HAND:
                self._plans.clear()
            self._plans[digest] = PlanSpec.from_value(await connection.fetchval(sql("plan"), digest))
        return self._plans[digest]
