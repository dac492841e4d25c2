"""What tests of the store write: plans without code, and reports."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import asyncpg

from eopiez_ray.machine import RecordTask, SetStatus, UpdateStep, WorkflowState
from eopiez_ray.model.ids import OrchestratorId, WorkflowId, uuid7
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Output, Report, TaskKey
from eopiez_ray.store import Batch, Database, Intake, Ledger, NewWorkflow

from ..machine.plans import codes, plan, step

LEASE_S = 15.0
PLAN = plan(step("read", "source"), step("tidy", "map", "read"), step("sum", "reduce", "tidy"))
CODE = codes(PLAN)


def wanted(**options: Any) -> NewWorkflow:
    return NewWorkflow(PLAN, CODE)._replace(**options)


@lru_cache(maxsize=4)
def intake_of(database: Database) -> Intake:
    """The same one each time: it has a connection for as long as the database is open."""
    return Intake(database)


async def create(database: Database, **options: Any) -> WorkflowId:
    (created,) = await intake_of(database).create(wanted(**options))
    return created.id


def result(step_number: int, partition: int, value: bytes = b"1") -> Report:
    output = Output(value.ljust(16, b"."), len(value), "pickle", value)
    return Report(TaskKey(step_number, partition), Outcome.SUCCEEDED, output, rows=1, started_at=1.0, worker="w")


def batch_of(workflow: WorkflowId, epoch: int, *reports: Report, status: WorkflowStatus | None = None) -> Batch:
    batch = Batch()
    state = WorkflowState.restore(PLAN)
    batch.add(workflow, epoch, state, [RecordTask(report) for report in reports])
    batch.add(workflow, epoch, state, [UpdateStep(report.key.step) for report in reports])
    if status is not None:
        batch.add(workflow, epoch, state, [SetStatus(status)])
    return batch


class Driver(NamedTuple):
    """A registered orchestrator with the session that shows that it lives."""

    ledger: Ledger
    id: OrchestratorId
    session: asyncpg.Connection[asyncpg.Record]

    async def claim(self) -> list[WorkflowId]:
        return [claim.id for claim in await self.ledger.claim(self.id, None, 10)]

    async def die(self) -> None:
        """End the session, seen by others at once: the server notices a closed connection a little later, and a server
        that has just started gives holders time to come back."""
        await self.session.execute("select pg_sleep_until(pg_postmaster_start_time() + interval '5.1 seconds')")
        await self.session.execute("select pg_advisory_unlock_all()")
        await self.session.close()


class Drivers:
    """Starts drivers, and ends their sessions after the test."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions: list[asyncpg.Connection[asyncpg.Record]] = []

    async def start(self, lease_s: float = LEASE_S) -> Driver:
        ledger, orchestrator = Ledger(self._database, lease_s), OrchestratorId(uuid7())
        key = await ledger.register(orchestrator, "test")
        session = await asyncpg.connect(self._database.url)
        self._sessions.append(session)
        await session.execute("select pg_advisory_lock($1)", key)
        return Driver(ledger, orchestrator, session)

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()
