"""New workflows: those that come at the same moment are made durable in one statement."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..errors import DatabaseUnavailableError, IdempotencyConflictError
from ..model.ids import WorkflowId, uuid7
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.ids import OrchestratorId
    from ..model.plan import PlanSpec
    from .database import Database

MOST_AT_ONCE = 1000
"""Workflows in one statement."""


class NewWorkflow(NamedTuple):
    """What somebody wants run."""

    plan: PlanSpec
    code: Mapping[str, bytes]
    """Pickled phases and values by digest."""
    owner: str = ""
    priority: int = 0
    """Higher goes first, from -32,768 to 32,767."""
    labels: Mapping[str, str] = {}
    idempotency_key: str | None = None
    """The same owner, key and plan give the same workflow."""
    holder: OrchestratorId | None = None
    """The orchestrator that drives it from the start; None leaves it in the queue."""


class Created(NamedTuple):
    """What became of a wish for a workflow."""

    id: WorkflowId
    is_new: bool
    """False if the idempotency key had made it before."""


class Intake:
    """Creates workflows. When ``create`` returns, they are durable."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database, self._lease = database, timedelta(seconds=lease_s)
        self._writer = database.writer()
        self._waiting: list[tuple[WorkflowId, NewWorkflow, asyncio.Future[Created]]] = []
        self._known: set[str] = set()
        """Digests of plans whose phases are in the store."""
        self._writing: asyncio.Task[None] | None = None

    async def create(self, *wanted: NewWorkflow) -> list[Created]:
        """The new workflows, in the order given. Cancelling the caller does not stop what it began.

        Raises:
            IdempotencyConflictError: the key was used for another plan.
            DatabaseUnavailableError: it is not known whether they were created; with idempotency keys, ask again.
        """
        loop = asyncio.get_running_loop()
        places = [loop.create_future() for _ in wanted]
        self._waiting.extend((WorkflowId(uuid7()), *both) for both in zip(wanted, places, strict=True))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_all())
        return list(await asyncio.shield(asyncio.gather(*places)))

    async def _write_all(self) -> None:
        """Write while there is something to write; what arrives meanwhile goes with the next statement."""
        while self._waiting:
            part, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._write(part)
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                for _, _, place in part:
                    if not place.done():
                        place.set_exception(error)

    async def _write(self, part: Sequence[tuple[WorkflowId, NewWorkflow, asyncio.Future[Created]]]) -> None:
        await self._keep_plans([new for _, new, _ in part])
        columns = [
            list(column)
            for column in zip(
                *(
                    (key, new.plan.name, new.plan.digest, new.owner, new.priority, dict(new.labels),
                     new.idempotency_key, new.holder)
                    for key, new, _ in part
                ),
                strict=True,
            )
        ]  # fmt: skip
        rows = await self._writer.fetch(sql("add_workflows"), *columns, self._lease)
        created = {row["id"] for row in rows}
        for workflow, new, place in part:
            if place.done():
                continue
            if workflow in created:
                place.set_result(Created(workflow, is_new=True))
                continue
            try:
                place.set_result(await self._earlier(new))
            except (IdempotencyConflictError, DatabaseUnavailableError) as error:
                place.set_exception(error)

    async def _keep_plans(self, wanted: Sequence[NewWorkflow]) -> None:
        unknown = {new.plan.digest: new for new in wanted if new.plan.digest not in self._known}
        if not unknown:
            return
        async with self._database.transaction() as connection:
            for digest, new in sorted(unknown.items()):
                phases = {step.phase.digest: step.phase for step in new.plan.steps}
                rows = [
                    (phase.digest, phase.name, phase.version, phase.kind, new.code[phase.digest])
                    for _, phase in sorted(phases.items())
                ]
                await connection.executemany(sql("add_phase"), rows)
                await connection.execute(sql("add_plan"), digest, new.plan.to_value())
        self._known |= unknown.keys()

    async def _earlier(self, new: NewWorkflow) -> Created:
        row = await self._database.fetchrow(sql("idempotent_workflow"), new.owner, new.idempotency_key)
        assert row is not None
        if row["plan"] != new.plan.digest:
            raise IdempotencyConflictError(new.idempotency_key or "", str(row["id"]))
        return Created(WorkflowId(row["id"]), is_new=False)
