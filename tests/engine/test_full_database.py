"""A database without disk space, as a real server tells of it: all wait for it, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eopiez_ray import Plan
from eopiez_ray.errors import DatabaseFullError, DatabaseUnavailableError, StorageFullError
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store.database import Database

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor

S = WorkflowStatus
REFUSING = """
create function full_disk() returns trigger language plpgsql as $$
begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$
"""


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    """No table takes a row meanwhile."""
    rows = await database.fetch("select tablename as name from pg_tables where schemaname = 'eopiez'")
    tables = [row["name"] for row in rows]
    await database.fetch(REFUSING)
    async with database.transaction() as connection:
        for table in tables:
            await connection.execute(
                f"create trigger full_disk before insert or update on {table} for each row execute function full_disk()"
            )
    try:
        yield
    finally:
        await database.fetch("drop function full_disk cascade")


def doubling(n: int = 20) -> Plan:
    plan = Plan("doubling")
    plan.step("total", phases.total, plan.step("double", phases.double, plan.step("count", phases.count_to, n=n)))
    return plan


async def test_it_counts_as_full_and_as_unavailable(database: Database) -> None:
    async with full(database):
        for kind in (DatabaseFullError, DatabaseUnavailableError, StorageFullError):
            with pytest.raises(kind, match="has no disk space left; free some"):
                await database.fetch("insert into limits (kind, name, maximum) values ('owner', 'anna', 1)")


async def test_whatever_an_orchestrator_is_doing_it_waits_for_space(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=4)
    executor.gate.clear()
    stage.orchestrate(executor, lease_s=1)
    workflows = [await stage.submit(doubling()) for _ in range(12)]
    cancelled = await stage.submit(doubling())
    await until(lambda: executor.waiting)
    stage.orchestrate(lease_s=1)
    await stage.workflows.cancel(cancelled)
    async with full(stage.database):
        executor.gate.set()  # Results come in, leases run out, and both look for more.
        await asyncio.sleep(4)
        assert not any(task.done() for _, task in stage._running)
    for workflow in workflows:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED
        assert await stage.values(workflow, "total") == [380]
    assert (await stage.rest(cancelled)).status is S.CANCELLED


async def test_it_ends_when_space_stays_away_for_longer_than_its_patience(stage: Stage) -> None:
    orchestrator = stage.orchestrate()
    orchestrator._journal._patience_s = 0.5
    await until(lambda: orchestrator._session.ready.is_set())
    workflow = await stage.submit(doubling())
    (running,) = stage._running
    async with full(stage.database):
        began = time.monotonic()
        with pytest.raises(DatabaseFullError):
            await asyncio.wait_for(running[1], 30)
        assert time.monotonic() - began > 0.5
    stage._running.clear()
    stage.orchestrate()
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
