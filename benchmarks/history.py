"""How long the history of a long workflow takes to read: pages of tasks, filtered ones, attempts, logs, claims;
and how long retention takes to forget it.

    python benchmarks/history.py [--tasks 1000000] [--queued 10000]

The rows are made by the database itself, in an embedded server of its own. Each figure is the median of a page of 50,
asked through the store as ``eopiez tasks`` does, parsing of rows included.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blake3 import blake3

from eopiez_ray.model.filters import AttemptFilter, LogFilter, TaskFilter
from eopiez_ray.model.ids import OrchestratorId, WorkflowId, uuid7
from eopiez_ray.model.limits import Owner
from eopiez_ray.model.plan import PhaseRef, PlanSpec, Step
from eopiez_ray.model.status import PhaseKind
from eopiez_ray.model.tasks import TaskKey
from eopiez_ray.store import (
    Database,
    EmbeddedServer,
    Intake,
    Ledger,
    NewWorkflow,
    Workflows,
    connect,
)

PAGE = 50
REPEATS = 15
PLAN = PlanSpec(
    "long",
    tuple(
        Step(name, PhaseRef(name, "1", PhaseKind.MAP, blake3(b"").hexdigest(16)))
        for name in ("read", "tidy", "count", "write")
    ),
)
CODE = {step.phase.digest: b"" for step in PLAN.steps}
MAKE_WORKERS = """
insert into workers (name, orchestrator, node, host, pid, actor)
select 'worker-' || number, gen_random_uuid(), 'node-' || number / 4, 'host-' || number / 4, number, 'actor-' || number
from generate_series(0, 63) as number
"""
MAKE_TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker,
    is_cached, peak_bytes
)
select
    $1::uuid, number / ($2::integer / 4), number % ($2::integer / 4), decode(md5(number::text), 'hex'), 40, 'pickle',
    decode(md5(number::text), 'hex'), 1, (number % 20000 = 7)::integer, now(),
    case when number % 10000 = 3 then 30 else 0.004 end, 0.004,
    case when number % 100000 = 5 then 'worker-63' else 'worker-' || number / 50 % 63 end, number % 5000 = 1,
    case when number % 10000 = 3 then 4000000000 else 0 end
from generate_series(0, $2::integer - 1) as number
"""
MAKE_ATTEMPTS = """
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at
)
select
    $1::uuid, 1, number, 1, case when number % 1000 = 0 then 'lost' else 'failed' end, 'OSError', 'no luck', '',
    'worker-' || number % 63, now()
from generate_series(1, $2::integer / 10) as number
"""
MAKE_LOGS = """
insert into logs (workflow_id, at, step, partition, level, message)
select $1::uuid, now(), 1, number, case when number % 10000 = 0 then 'error' else 'info' end, 'a line'
from generate_series(1, $2::integer) as number
"""
MAKE_QUEUE = """
insert into workflows (id, name, plan, owner)
select gen_random_uuid(), 'long', $1::text, 'anna'
from generate_series(1, $2::integer)
"""


def main() -> None:
    """Print a line for each question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--queued", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder))
        try:
            asyncio.run(_measure(server.start(), options.tasks, options.queued))
        finally:
            server.leave()


async def _measure(url: str, tasks: int, queued: int) -> None:
    async with await connect(url) as database:
        workflow = await _long_workflow(database, tasks)
        print(
            f"a workflow of {tasks:,} tasks, {tasks // 10:,} attempts without a result, {tasks:,} lines of log; "
            f"pages of {PAGE}"
        )
        await _ask(Workflows(database), workflow, tasks)
        print(f"\n{queued:,} workflows queued by one owner, one by another; claims of 100")
        await _claim(database, queued)
        print()
        await _forget(Workflows(database), workflow)


async def _long_workflow(database: Database, tasks: int) -> WorkflowId:
    (created,) = await Intake(database).create(NewWorkflow(PLAN, CODE))
    await database.fetch("update workflows set status = 'succeeded', finished_at = now()")
    await database.fetch(MAKE_WORKERS)
    for statement in (MAKE_TASKS, MAKE_ATTEMPTS, MAKE_LOGS):
        await database.fetch(statement, created.id, tasks)
    await database.fetch(MAKE_TASKS, uuid7(), tasks // 4)
    for table in ("tasks", "attempts", "logs", "workers"):
        await database.fetch(f"vacuum analyze {table}")
    return created.id


async def _ask(workflows: Workflows, workflow: WorkflowId, tasks: int) -> None:
    middle = TaskKey(2, tasks // 8)
    questions: dict[str, TaskFilter] = {
        "the first page": TaskFilter(),
        "one step": TaskFilter(step="count"),
        "one worker of 64": TaskFilter(worker="worker-7"),
        "one host of 16": TaskFilter(host="host-7"),
        "a worker that ran 10": TaskFilter(worker="worker-63"),
        "slower than 10 s: 1 of 10,000": TaskFilter(slower_than_s=10),
        "slower than 10 s, of one step": TaskFilter(slower_than_s=10, step="count"),
        "slower than 1 ms: all": TaskFilter(slower_than_s=0.001),
        "more than 1 GB: 1 of 10,000": TaskFilter(more_than_bytes=10**9),
        "cached: 1 of 5,000": TaskFilter(is_cached=True),
        "with rejects: 1 of 20,000": TaskFilter(has_rejects=True),
        "cached on one worker: none": TaskFilter(is_cached=True, worker="worker-63"),
    }
    for name, where in questions.items():
        await _time(name, lambda where=where: workflows.tasks(workflow, where, None, PAGE))  # type: ignore[misc]
    await _time("a page in the middle", lambda: workflows.tasks(workflow, TaskFilter(), middle, PAGE))
    await _time("attempts, the first page", lambda: workflows.attempts(workflow, AttemptFilter(), 0, PAGE))
    lost = AttemptFilter(worker="worker-7", step="tidy")
    await _time("attempts of one worker", lambda: workflows.attempts(workflow, lost, 0, PAGE))
    one = LogFilter(step="tidy", partition=77)
    await _time("log of one task", lambda: workflows.logs(workflow, 0, PAGE, one))
    errors = LogFilter(level="error")
    await _time("errors in the log: 1 of 10,000", lambda: workflows.logs(workflow, 0, PAGE, errors))
    await _time("what each step comes down to", lambda: workflows.step_facts(workflow))


async def _claim(database: Database, queued: int) -> None:
    await database.fetch(MAKE_QUEUE, PLAN.digest, queued)
    await Intake(database).create(NewWorkflow(PLAN, CODE, owner="ben"))
    await database.fetch("vacuum analyze workflows")
    ledger = Ledger(database, 3600)
    driver = OrchestratorId(uuid7())
    session = await database.listen(lambda *_: None)
    await session.execute("select pg_advisory_lock($1)", await ledger.register(driver))
    claims = await ledger.claim(driver, None, 100)
    print(
        f"{'the other owner is among the first claimed':44}{'yes' if 'ben' in {c.owner.name for c in claims} else 'NO'}"
    )
    anna, ben = Owner("default", "anna"), Owner("default", "ben")
    driven = {anna: 99, ben: 1}

    async def claim() -> int:
        found = await ledger.claim(driver, None, 100, driven=driven)
        driven[anna] += len(found)
        return len(found)

    await _time("100 workflows, claimed and restored", claim)
    await session.close()


async def _forget(workflows: Workflows, workflow: WorkflowId) -> None:
    began = time.perf_counter()
    await workflows.forget([workflow], datetime.now(UTC))
    print(f"{'the long workflow forgotten with all rows':44}{time.perf_counter() - began:8.1f} s")


async def _time(name: str, ask: Callable[[], Awaitable[Any]]) -> None:
    taken: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answer = await ask()
        taken.append((time.perf_counter() - began) * 1000)
    count = answer if isinstance(answer, int) else len(answer)
    print(f"{name:44}{statistics.median(taken):8.1f} ms  ({max(taken):.1f} at most, {count} rows)", flush=True)


if __name__ == "__main__":
    main()
