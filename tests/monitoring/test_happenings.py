"""Business metrics: what has happened to real workflows is counted, each thing once, whoever dies."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

import eopiez_ray as ez
from eopiez_ray.model.requests import Selection
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring import happenings
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.backups import BackupDesk
from eopiez_ray.store.queries import sql
from tests.engine.conftest import Stage
from tests.waiting import until

from .conftest import Post


@ez.phase(version="3", retry=ez.RetryPolicy(maximum_attempts=2, initial_interval_s=0.01))
def halve(number: int) -> float:
    if number % 2:
        raise ValueError(f"{number} is odd")
    time.sleep(0.002)
    return number / 2


@ez.phase(version="1", cache=True)
def square(number: float) -> float:
    return number**2


def halves(*numbers: int) -> ez.Plan:
    plan = ez.Plan("halves")
    plan.step("square", square, plan.step("halve", halve, plan.values("numbers", list(numbers))))
    return plan


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(database, tmp_path)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def counting(post: Post) -> Post:
    """A process that has begun to count."""
    await post.fold()
    return post


async def settled(post: Post) -> None:
    """Fold until everything that has happened is measured: nothing of it is newer than the horizon."""
    (row,) = await post.database.fetch("select clock_timestamp() as now")

    async def is_measured() -> bool:
        await post.fold()
        return bool(await post.store.measured_through() > row["now"])

    await until(is_measured)


async def test_tasks_and_workflows_are_counted(counting: Post, stage: Stage) -> None:
    stage.orchestrate()
    for _ in range(2):
        await stage.rest(await stage.submit(halves(2, 4, 6)))
    await settled(counting)
    await settled(counting)
    tasks = await counting.totals(c.TASKS, by=("phase", "outcome", "plan", "step", "version"))
    assert tasks.pop(("square", "cached", "halves", "square", "1"), 0) == 3
    assert tasks == {
        ("halve", "succeeded", "halves", "halve", "3"): 6,
        ("square", "succeeded", "halves", "square", "1"): 3,
    }
    assert await counting.totals(c.SUBMITTED) == {("default", "halves"): 2}
    assert await counting.totals(c.ENDED) == {("default", "succeeded", "halves"): 2}
    (took,) = (await counting.distributions(c.WORKFLOW_SECONDS, by=())).values()
    assert took.count == 2
    (first,) = (await counting.distributions(c.FIRST_TASK_SECONDS, by=())).values()
    assert 0 <= first.quantile(0.5) <= took.quantile(0.5)


async def test_durations_meet_those_of_the_tasks(counting: Post, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await stage.rest(await stage.submit(halves(*range(0, 400, 2))))
    await settled(counting)
    rows = await stage.database.fetch(
        "select wall_s, cpu_s from tasks where workflow_id = $1 and step = $2",
        workflow.id, workflow.plan.index()["halve"],
    )  # fmt: skip
    exact = sorted(row["wall_s"] for row in rows)
    run = await counting.distributions(c.RUN_SECONDS, by=("phase",))
    assert run["halve",].count == 200
    assert run["halve",].sum == pytest.approx(sum(exact))
    for q in (0.5, 0.95, 0.99):
        assert run["halve",].quantile(q) == pytest.approx(exact[int(q * 199)], rel=0.0101)
    waits = await counting.distributions(c.WAIT_SECONDS, by=("step",))
    assert {name: each.count for (name,), each in waits.items()} == {"halve": 200, "square": 200}
    commits = await counting.distributions(c.COMMIT_SECONDS, by=("plan",))
    assert commits["halves",].count == 400


async def test_failed_task_counts_once_however_often_orchestrators_die(
    counting: Post, stage: Stage, another: Callable[[], Post]
) -> None:
    first = stage.orchestrate(lease_s=0.5)
    workflow = await stage.submit(halves(3))

    async def has_failed_once() -> bool:
        rows = await stage.database.fetch("select from attempts where workflow_id = $1", workflow)
        return len(rows) >= 1

    await until(has_failed_once)
    await stage.kill(first)
    await settled(counting)
    stage.orchestrate(lease_s=0.5)
    assert (await stage.rest(workflow)).status == "failed"
    await counting.station.stop()
    heir = another()
    await settled(heir)
    await settled(heir)
    assert await heir.totals(c.TASKS, by=("outcome",)) == {("failed",): 1}
    attempts = await heir.totals(c.ATTEMPTS, by=("outcome", "error_type", "step"))
    assert attempts["failed", "ValueError", "halve"] == 2
    assert await heir.totals(c.ENDED, by=("status",)) == {("failed",): 1}
    assert (await heir.totals(c.CLAIMS, by=()))[()] >= 1


async def test_pauses_and_requests_are_counted_driven_or_not(counting: Post, stage: Stage) -> None:
    await stage.workflows.pause_all(Selection(ids=(await stage.submit(halves(2)),)))
    await stage.workflows.cancel_all(Selection(ids=(await stage.submit(halves(2)),)))
    await settled(counting)
    assert await counting.totals(c.REQUESTS) == {("default", "pause"): 1, ("default", "cancel"): 1}
    assert await counting.totals(c.ENDED, by=("status",)) == {("cancelled",): 1}
    (drained,) = (await counting.distributions(c.DRAIN_SECONDS, by=())).values()
    assert drained.count == 1


async def test_commit_that_takes_long_is_measured_once_it_is_there(counting: Post, database: Database) -> None:
    async with database.transaction() as slow:
        await slow.execute("insert into plans (digest, spec) values ('slow', $1)", halves(1).spec().to_value())
        await slow.execute(
            "insert into workflows (id, name, plan) values ('00000000-0000-7000-8000-000000000001', 'slow', 'slow')"
        )
        await slow.execute(
            "insert into events (workflow_id, kind) values ('00000000-0000-7000-8000-000000000001', 'created')"
        )
        await counting.fold()
        await counting.fold()
        assert await counting.totals(c.SUBMITTED) == {}
    await settled(counting)
    assert await counting.totals(c.SUBMITTED, by=()) == {(): 1}


async def test_what_was_used_costs_what_it_costs(database: Database, stage: Stage) -> None:
    post = Post(database, price_cpu_hour=3600.0)
    await post.fold()
    stage.orchestrate()
    workflow = await stage.rest(await stage.submit(halves(2, 4), owner="anna"))
    await settled(post)
    rows = await stage.database.fetch("select sum(cpu_s) as cpu_s from tasks where workflow_id = $1", workflow.id)
    used = await post.totals(c.CPU_SECONDS, by=("owner", "plan"))
    assert used["anna", "halves"] == pytest.approx(rows[0]["cpu_s"])
    assert (await post.totals(c.COST, by=("owner",)))["anna",] == pytest.approx(rows[0]["cpu_s"])


async def test_what_happened_in_a_long_absence_counts_when_it_happened(
    counting: Post, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.fetch("update metering set through = now() - interval '3 hours'")
    await database.fetch("insert into plans (digest, spec) values ('old', $1)", halves(1).spec().to_value())
    await database.fetch(
        "insert into workflows (id, name, plan) values ('00000000-0000-7000-8000-000000000002', 'old', 'old')"
    )
    await database.fetch(
        "insert into events (workflow_id, kind, at) "
        "values ('00000000-0000-7000-8000-000000000002', 'created', now() - interval '2 hours')"
    )
    await settled(counting)
    (row,) = await database.fetch("select now() - at as age from samples where metric = $1", c.SUBMITTED.name)
    assert abs(row["age"].total_seconds() - 7200) < happenings.LONGEST_PERIOD.total_seconds() + 60


async def test_queue_is_surveyed(counting: Post, stage: Stage) -> None:
    from eopiez_ray.monitoring.surveys import Surveys

    surveys = Surveys(counting.station, counting.settings)
    await stage.submit(halves(2))
    await surveys.queue()
    await surveys.server()
    await surveys.tables()
    await surveys.artifacts()
    await counting.report()
    await counting.fold()
    read: Any = counting.samples.latest
    assert (await read(c.WORKFLOWS, projects=None, by=("status",)))["queued",] == 1
    assert (await read(c.QUEUE_AGE, projects=None))["default",] >= 0
    assert (await read(c.DB_BYTES, projects=None))[()] > 1e6
    assert (await read(c.DB_TABLE_BYTES, projects=None))["tasks",] > 0
    assert await counting.totals(c.ARTIFACT_FAILURES) == {(): 0.0}
    (probe,) = (await counting.distributions(c.DB_PROBE_SECONDS, by=())).values()
    assert probe.count == 1


async def test_age_of_the_last_backup_is_surveyed_where_backups_are_wanted(counting: Post) -> None:
    from eopiez_ray.monitoring.surveys import Surveys

    began, desk = datetime.now(UTC) - timedelta(hours=30), BackupDesk(counting.station.database)
    await Surveys(counting.station, counting.settings).backups()
    await desk.note("1", "/mnt", began, "dump", 0, 0, "no space left")
    wanted = Settings(**{**counting.settings.model_dump(exclude_unset=True), "backup_url": "/mnt"})
    surveys, read = Surveys(counting.station, wanted), cast("Any", counting.samples.latest)

    async def seen(metric: c.Metric) -> dict[Any, float]:
        await counting.report()
        await counting.fold()
        return {labels: float(value) for labels, value in (await read(metric, projects=None)).items()}

    assert await seen(c.BACKUP_INTERVAL) == {}
    await surveys.backups()
    assert await seen(c.BACKUP_AGE) == {(): pytest.approx(30 * 3600, abs=60)}
    assert await seen(c.BACKUP_INTERVAL) == {(): 86400.0}
    await desk.note("2", "/mnt", began + timedelta(hours=29), "dump", 0, 0, "")
    await surveys.backups()
    assert await seen(c.BACKUP_AGE) == {(): pytest.approx(3600, abs=60)}
    assert await seen(c.BACKUP_VERIFIED_AGE) == {}


@pytest.mark.parametrize(("statement", "index"), [
    ("fresh_tasks", "tasks_by_time"), ("fresh_commits", "tasks_by_time"), ("fresh_attempts", "attempts_by_time"),
    ("fresh_events", "events_by_time"),
])  # fmt: skip
async def test_what_is_new_is_found_by_an_index(database: Database, statement: str, index: str) -> None:
    async with database.transaction() as connection:
        await connection.fetch(sql("prefer_indexes"))
        end = datetime.now(UTC)
        given = [end - timedelta(seconds=10), end] + ([0.02] if "$3" in sql(statement) else [])
        plan = await connection.fetch(f"explain {sql(statement)}", *given)
    assert any(index in row[0] for row in plan)
