"""Disks without space, under the database and under artifacts: all wait for some, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eopiez_ray import Plan
from eopiez_ray.engine.shelves import Folder
from eopiez_ray.errors import DatabaseFullError, DatabaseUnavailableError, StorageFullError
from eopiez_ray.machine import transitions
from eopiez_ray.machine.transitions import FULL_PAUSES_S
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


class Shelf(Folder):
    """A folder on a disk that is full for the first writes, and then for none."""

    def __init__(self, folder: Path, refusals: int) -> None:
        super().__init__(folder)
        self.refusals = refusals

    def write(self, name: str, pieces: Iterable[memoryview | bytes]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(name, pieces)


@pytest.mark.parametrize(("refusals", "status"), [(8, S.SUCCEEDED), (9, S.FAILED)])
async def test_results_wait_for_space_longer_than_their_policy_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, refusals: int, status: WorkflowStatus
) -> None:
    monkeypatch.setattr(transitions, "FULL_PAUSES_S", (0.01,) * len(FULL_PAUSES_S))
    shelf = Shelf(stage.folder, refusals)
    executor = InlineExecutor(stage.folder)
    for worker in executor._workers.values():
        worker._artifacts._place = shelf
    stage.orchestrate(executor)
    plan = Plan("large")
    plan.step("write", phases.write_much)
    view = await stage.rest(await stage.submit(plan))
    assert view.status is status
    assert len(await stage.workflows.attempts(view.id)) == refusals
    assert 100 < sum(FULL_PAUSES_S) < 140


async def test_a_sink_that_tells_of_a_full_disk_itself_is_not_tried_again(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("sink")
    plan.step("write", phases.find_no_space)
    view = await stage.rest(await stage.submit(plan))
    assert view.status is S.FAILED
    assert len(await stage.workflows.attempts(view.id)) == 1
