"""What a long workflow has left behind: listed, filtered, a page at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eopiez_ray.errors import ParameterError, PlanError, WorkflowNotFoundError
from eopiez_ray.machine import Profile
from eopiez_ray.model.filters import AttemptFilter, LogFilter, TaskFilter
from eopiez_ray.model.ids import OrchestratorId, WorkflowId, uuid7
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.model.status import Outcome
from eopiez_ray.model.tasks import TaskKey
from eopiez_ray.model.work import Place
from eopiez_ray.store import (
    Database,
    Ledger,
    PhaseBook,
    RuleBook,
    TaskView,
    Workflows,
)
from eopiez_ray.store.queries import sql

from .given import LEASE_S, Drivers, create

COUNT = 20_000
TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker,
    is_cached, peak_bytes
)
select
    $1::uuid, number / ($2::integer / 2), number % ($2::integer / 2), 'digest', 9, 'pickle', 'inline', 1,
    (number % 1000 = 7)::integer, now(), case when number % 1000 = 3 then 30 else 0.01 end, 0.01,
    'w' || number % 4, number % 500 = 1, case when number % 1000 = 3 then 4000 else 0 end
from generate_series(0, $2::integer - 1) as number
"""
ATTEMPTS = """
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at
)
select
    $1::uuid, number % 2, number, 1, case when number % 5 = 0 then 'lost' else 'failed' end, 'OSError', 'no luck', '',
    'w' || number % 4, now() - make_interval(secs => number)
from generate_series(1, 20) as number
"""
LOGS = """
insert into logs (workflow_id, at, step, partition, level, message)
select $1::uuid, now(), number % 3, number / 3, case when number % 10 = 0 then 'error' else 'info' end, number::text
from generate_series(0, $2::integer - 1) as number
"""


async def long(database: Database, count: int = 40) -> tuple[Workflows, WorkflowId]:
    """A workflow whose first two steps have finished ``count`` tasks on four workers, two on each of two hosts."""
    workflow = await create(database)
    await database.fetch(TASKS, workflow, count)
    await database.fetch(ATTEMPTS, workflow)
    await database.fetch(LOGS, workflow, count)
    places = {
        f"w{number}": Place(f"node{number // 2}", f"host{number // 2}", number, f"a{number}") for number in (0, 1, 2)
    }
    await Ledger(database, LEASE_S).save_workers(OrchestratorId(uuid7()), places)
    return Workflows(database), workflow


def keys(tasks: list[TaskView]) -> list[TaskKey]:
    return [task.key for task in tasks]


async def test_pages_of_tasks_go_on_where_the_last_one_ended(database: Database) -> None:
    workflows, workflow = await long(database)
    pages, after = [], None
    while page := await workflows.tasks(workflow, TaskFilter(), after, 7):
        pages.append(page)
        after = page[-1].key
    assert [len(page) for page in pages] == [7, 7, 7, 7, 7, 5]
    found = [key for page in pages for key in keys(page)]
    assert found == [TaskKey(step, partition) for step in (0, 1) for partition in range(20)]


async def test_a_task_says_where_it_ran(database: Database) -> None:
    workflows, workflow = await long(database)
    second = (await workflows.tasks(workflow))[1]
    assert (second.step, second.partition, second.wall_s, second.is_cached) == ("read", 1, 0.01, True)
    assert (second.worker, second.node, second.host, second.pid, second.actor) == ("w1", "node0", "host0", 1, "a1")
    unknown = (await workflows.tasks(workflow))[3]
    assert (unknown.worker, unknown.node, unknown.host, unknown.pid, unknown.actor) == ("w3", "", "", None, "")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (TaskFilter(step="tidy"), [(1, partition) for partition in range(20)]),
        (TaskFilter(worker="w3"), [(step, partition) for step in (0, 1) for partition in range(3, 20, 4)]),
        (TaskFilter(host="host0", step="read"), [(0, partition) for partition in range(20) if partition % 4 < 2]),
        (TaskFilter(node="node1", step="read"), [(0, partition) for partition in range(2, 20, 4)]),
        (TaskFilter(host="nowhere"), []),
        (TaskFilter(slower_than_s=10), [(0, 3)]),
        (TaskFilter(slower_than_s=0.001, step="tidy", worker="w0"), [(1, partition) for partition in range(0, 20, 4)]),
        (TaskFilter(more_than_bytes=1000), [(0, 3)]),
        (TaskFilter(is_cached=True), [(0, 1)]),
        (TaskFilter(has_rejects=True), [(0, 7)]),
        (TaskFilter(has_rejects=True, is_cached=True), []),
    ],
)
async def test_filters_keep_what_they_name(database: Database, where: TaskFilter, expected: list[Any]) -> None:
    workflows, workflow = await long(database)
    found = await workflows.tasks(workflow, where)
    assert keys(found) == expected
    for at, task in enumerate(found):
        assert keys(await workflows.tasks(workflow, where, task.key, 1)) == expected[at + 1 : at + 2]


async def test_steps_that_do_not_exist_are_named_with_what_was_meant(database: Database) -> None:
    workflows, workflow = await long(database)
    with pytest.raises(PlanError, match="no step 'tidi'; did you mean 'tidy'"):
        await workflows.tasks(workflow, TaskFilter(step="tidi"))
    with pytest.raises(PlanError, match="it has read, tidy, sum"):
        await workflows.attempts(workflow, AttemptFilter(step="x"))
    with pytest.raises(ParameterError, match="the levels are debug, info, warning, error, critical"):
        await workflows.logs(workflow, where=LogFilter(level="loud"))
    with pytest.raises(WorkflowNotFoundError):
        await workflows.tasks(WorkflowId(uuid7()))


async def test_attempts_are_paged_and_filtered_as_tasks_are(database: Database) -> None:
    workflows, workflow = await long(database)
    every = await workflows.attempts(workflow)
    assert [attempt.partition for attempt in every] == list(range(1, 21))
    assert (every[0].worker, every[0].host, every[0].pid) == ("w1", "host0", 1)
    page = await workflows.attempts(workflow, after=every[4].id, limit=3)
    assert page == every[5:8]
    assert await workflows.last_attempts(workflow, 3) == every[-3:]

    async def partitions(**wanted: Any) -> list[int]:
        return [attempt.partition for attempt in await workflows.attempts(workflow, AttemptFilter(**wanted))]

    assert await partitions(outcome=Outcome.LOST) == [5, 10, 15, 20]
    assert await partitions(outcome=Outcome.LOST, step="tidy") == [5, 15]
    assert await partitions(slower_than_s=18.5) == [19, 20]
    assert await partitions(worker="w3") == [3, 7, 11, 15, 19]
    assert await partitions(host="host1", outcome=Outcome.LOST) == [10]


async def test_lines_of_a_log_are_those_of_a_task_and_of_a_level(database: Database) -> None:
    workflows, workflow = await long(database)

    async def messages(after: int = 0, **wanted: Any) -> list[str]:
        return [line.message for line in await workflows.logs(workflow, after, 3, LogFilter(**wanted))]

    assert await messages(step="tidy", partition=4) == ["13"]
    assert await messages(level="warning") == ["0", "10", "20"]
    third = (await workflows.logs(workflow, 0, 3, LogFilter(level="warning")))[-1]
    assert await messages(third.id, level="warning") == ["30"]
    assert await messages(level="debug") == ["0", "1", "2"]


async def test_a_step_comes_down_to_its_peak_and_its_failures(database: Database) -> None:
    workflows, workflow = await long(database)
    await database.fetch(
        "insert into steps (workflow_id, position, status, done, running, rows, rejects, cached, wall_s, cpu_s) "
        "select $1, position, 'running', 0, 0, 0, 0, 0, 0, 0 from generate_series(0, 1) as position",
        workflow,
    )
    read, tidy, total = await workflows.step_facts(workflow)
    assert (read.step, read.peak_bytes, read.attempts) == ("read", 4000, {Outcome.FAILED: 8, Outcome.LOST: 2})
    assert (tidy.peak_bytes, total.peak_bytes, total.attempts) == (0, 0, {})


async def test_a_driver_is_named_while_it_lives(database: Database, drivers: Drivers) -> None:
    workflows, workflow = Workflows(database), await create(database)
    assert await workflows.driver(workflow) is None
    driver = await drivers.start()
    await driver.claim()
    found = await workflows.driver(workflow)
    assert found is not None
    assert (found.name, found.pid > 0) == ("test", True)


async def test_what_is_known_of_phases_is_read_with_when_it_was_learned(database: Database) -> None:
    book = PhaseBook(database)
    await book.save([Profile("d1", "tidy", "1", 10, 0.5, 0.4, 1000), Profile("d2", "read", "2", 1, 3.0, 1.0, 0)])
    await book.save([Profile("d1", "tidy", "1", 5, 0.7, 0.6, 500)])
    await book.save([])
    first, second = await book.read()
    assert first.profile == Profile("d1", "tidy", "1", 15, 0.7, 0.6, 1000)
    assert second.profile.name == "read"
    assert first.seen_at > second.seen_at


async def test_limits_tell_what_living_orchestrators_hold_of_them(database: Database, drivers: Drivers) -> None:
    rules, key = RuleBook(database), LimitKey(LimitKind.OWNER, "anna")
    await rules.limit(key, 5)
    await rules.limit(LimitKey(LimitKind.PHASE, "tidy"), 0)
    living, dying = await drivers.start(), await drivers.start()
    for driver in (living, dying):
        await rules.permits(driver.id, {key: (2, 4)}, lambda *_: 2)
    assert [limit[1:] for limit in await rules.standing()] == [(5, 4, 8), (0, 0, 0)]
    await dying.die()
    assert [(limit.key.name, limit.held) for limit in await rules.standing()] == [("anna", 2), ("tidy", 0)]


async def plan_of(database: Database, statement: str, *arguments: object) -> dict[str, Any]:
    """How Postgres reads with these arguments."""
    async with database.transaction() as connection:
        await connection.execute("set local plan_cache_mode = force_custom_plan")
        (row,) = await connection.fetch("explain (analyze, format json) " + sql(statement), *arguments)
    return dict(json.loads(row[0])[0]["Plan"])


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]


NOTHING = (None, None, None, None, None, False, False)
NARROW = {
    "everything": NOTHING,
    "worker": ("w1", *NOTHING[1:]),
    "host": (None, "host0", *NOTHING[2:]),
    "slow": (None, None, None, 10.0, None, False, False),
    "large": (None, None, None, None, 1000, False, False),
    "cached": (None, None, None, None, None, True, False),
    "rejects": (None, None, None, None, None, False, True),
}


@pytest.mark.parametrize("where", NARROW.values(), ids=NARROW)
async def test_a_page_of_a_long_workflow_reads_little(database: Database, where: tuple[object, ...]) -> None:
    _, workflow = await long(database, COUNT)
    await database.fetch("analyze tasks")
    plan = await plan_of(database, "tasks", workflow, 0, 4999, 100, *where, 10)
    reads = [node for node in nodes(plan) if node.get("Relation Name") == "tasks"]
    assert {node["Node Type"] for node in reads} <= {"Index Scan", "Bitmap Heap Scan"}
    assert all(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) < 100 for node in reads)
    sorts = [node for node in nodes(plan) if "Sort" in node["Node Type"]]
    assert all(node["Actual Rows"] < 100 for node in sorts)


async def test_pages_of_attempts_and_of_one_tasks_log_read_little(database: Database) -> None:
    _, workflow = await long(database, COUNT)
    for other in (*(uuid7() for _ in range(60)), workflow):
        await database.fetch(ATTEMPTS.replace("20)", "500)"), other)
    for table in ("logs", "attempts"):
        await database.fetch(f"analyze {table}")
    plan = await plan_of(database, "attempts", workflow, 100, None, None, None, None, None, None, 10)
    assert "attempts_in_order" in {node.get("Index Name") for node in nodes(plan)}
    plan = await plan_of(database, "logs", workflow, 0, [1], 77, None, 10)
    (found,) = [node for node in nodes(plan) if "Index Name" in node]
    assert found["Index Name"] == "logs_of_task"
    plan = await plan_of(database, "logs", workflow, 0, None, None, ["error", "critical"], 10)
    (found,) = [node for node in nodes(plan) if "Index Name" in node]
    assert found["Index Name"] == "logs_of_note"
