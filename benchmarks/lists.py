"""How long lists of workflows take among a million finished ones: by project, status and label, rare and common; and
what the indexes behind them cost those who create workflows.

    python benchmarks/lists.py [--workflows 1000000] [--created 20000]

The rows are made by the database itself, in an embedded server of its own. Each figure is of pages of 50, asked through
the store as ``GET /workflows`` does, parsing of rows included; the floor is a page by primary key, without any filter.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blake3 import blake3

from eopiez_ray.model.filters import Order, WorkflowFilter
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.plan import PhaseRef, PlanSpec, Step
from eopiez_ray.model.status import PhaseKind, WorkflowStatus
from eopiez_ray.store import Database, EmbeddedServer, Intake, NewWorkflow, Workflows, connect

S = WorkflowStatus
PAGE = 50
REPEATS = 40
WARM_UP = 8
"""Pages before those that count: the first plan a statement anew."""
CODE = b"nothing"
PLAN = PlanSpec("nightly", (Step("read", PhaseRef("read", "1", PhaseKind.MAP, blake3(CODE).hexdigest(16))),))
FIRST = datetime.fromtimestamp(1_700_000_000, UTC)
"""When the first one was created; another follows every 6 seconds."""
MAKE_PROJECTS = "insert into projects (name) select 'project-' || number from generate_series(0, 9) as number"
MAKE_WORKFLOWS = """
insert into workflows (id, project, name, plan, owner, status, labels, created_at, started_at, finished_at, error)
select
    (lpad(to_hex(1700000000000 + number::bigint * 6000), 12, '0') || '7' || substr(md5(number::text), 1, 3) || '8'
        || substr(md5(number::text), 4, 15))::uuid,
    'project-' || case when number % 10 < 5 then 0 else number % 10 end, 'nightly', $1::text, 'owner ' || number % 100,
    case when number % 1000 = 0 then 'failed' when number % 50000 = 1 then 'cancelled' else 'succeeded' end,
    jsonb_build_object('team', case when number % 10 = 9 then 'blue' else 'red' end, 'batch', (number / 5000)::text)
        || case when number % ($2::integer / 60) = 1 then '{"odd": "yes"}'::jsonb else '{}' end,
    to_timestamp(1700000000 + number * 6), now(), now(),
    case when number % 1000 = 0 then '{"error_type": "OSError"}'::jsonb end
from generate_series(0, $2 - 1) as number
"""
MAKE_LABELS = """
insert into workflow_labels (project, label, workflow_id)
select project, hashtextextended(key || '=' || value, 0), id
from workflows
cross join jsonb_each_text(labels)
"""
FLOOR = "select * from workflows order by id desc limit 50"


def main() -> None:
    """Print a line for each list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workflows", type=int, default=1_000_000)
    parser.add_argument("--created", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            asyncio.run(_measure(server.start(), options.workflows, options.created))
        finally:
            server.leave()


async def _measure(url: str, count: int, created: int) -> None:
    async with await connect(url) as database:
        await _creation(database, created)
        await database.fetch("truncate workflows, replaced_plans, workflow_labels, events")
        await _fill(database, count)
        print(f"\n{count:,} finished workflows in 6 projects, half of them in one; pages of {PAGE}, ms")
        print(f"{'':54}{'p50':>8}{'p95':>8}   rows")
        await _lists(database, FIRST + timedelta(seconds=3 * count))


async def _fill(database: Database, count: int) -> None:
    await database.fetch(MAKE_PROJECTS)
    await database.fetch(MAKE_WORKFLOWS, PLAN.digest, count)
    await database.fetch(MAKE_LABELS)
    for table in ("workflows", "workflow_labels"):
        await database.fetch(f"vacuum analyze {table}")


async def _lists(database: Database, middle: datetime) -> None:
    workflows = Workflows(database)
    for _ in range(WARM_UP):
        await workflows.page(WorkflowFilter(projects=("project-0",)))
    await _time("a page by primary key alone", lambda: database.fetch(FLOOR))
    half, succeeded = ("project-0",), (S.SUCCEEDED,)
    lists: dict[str, WorkflowFilter] = {
        "all projects": WorkflowFilter(),
        "one project": WorkflowFilter(projects=half),
        "project, status": WorkflowFilter(projects=half, statuses=succeeded),
        "project, status of 20": WorkflowFilter(projects=half, statuses=(S.CANCELLED,)),
        "project, status, label on nine of ten": _labelled(half, succeeded, team="red"),
        "project, status, label on 60": _labelled(half, succeeded, odd="yes"),
        "project, status, label on 5,000": _labelled(half, succeeded, batch="7"),
        "project, status, label on none there": _labelled(half, succeeded, team="blue"),
        "project, status of 1 in 1,000, label on nine of ten": _labelled(half, (S.FAILED,), team="red"),
        "project, status, two labels, rare and common": _labelled(half, succeeded, odd="yes", team="red"),
        "three projects, two statuses, label on nine of ten": _labelled(
            ("project-0", "project-5", "project-6"), (S.SUCCEEDED, S.FAILED), team="red"
        ),
        "all projects, status, label on 60": _labelled(None, succeeded, odd="yes"),
        "project, owner of 1 in 100": WorkflowFilter(projects=half, owner="owner 3"),
        "project, error": WorkflowFilter(projects=half, statuses=(S.FAILED,), error_type="OSError"),
        "project, an hour half-way": _hour(half, middle),
        "project, the name begins so": WorkflowFilter(projects=half, text="night"),
    }
    for name, where in lists.items():
        await _time(name, lambda where=where: workflows.page(where, limit=PAGE))  # type: ignore[misc]
    for order in Order:
        last = (await workflows.page(_hour(half, middle), order, limit=PAGE))[-1].id
        await _time(f"project, status, half-way, {order}", _after(workflows, last, order))
    for name in ("project, status", "project, status, label on nine of ten", "project, status, label on 60"):
        await _time(f"count to 1,000: {name}", _counted(workflows, lists[name]))


def _labelled(projects: tuple[str, ...] | None, statuses: tuple[WorkflowStatus, ...], **labels: str) -> WorkflowFilter:
    return WorkflowFilter(projects=projects, statuses=statuses, labels=labels)


def _hour(projects: tuple[str, ...], begin: datetime) -> WorkflowFilter:
    return WorkflowFilter(projects=projects, created_after=begin, created_before=begin + timedelta(hours=1))


def _after(workflows: Workflows, middle: WorkflowId, order: Order) -> Callable[[], Awaitable[Any]]:
    where = WorkflowFilter(projects=("project-0",), statuses=(S.SUCCEEDED,))
    return lambda: workflows.page(where, order, middle, PAGE)


def _counted(workflows: Workflows, where: WorkflowFilter) -> Callable[[], Awaitable[int]]:
    return lambda: workflows.count_listed(where)


async def _creation(database: Database, count: int) -> None:
    """Workflows a second, submitted 500 at a time; once with labels, and without."""
    print(f"{count:,} workflows created, 500 at a time")
    for name, labels in (("no labels", {}), ("two labels", {"team": "red", "batch": "7"})):
        new, took = NewWorkflow(PLAN, {PLAN.steps[0].phase.digest: CODE}, labels=labels), []
        intake = Intake(database)
        for _ in range(count // 500):
            began = time.perf_counter()
            await intake.create(*[new] * 500)
            took.append(time.perf_counter() - began)
        print(f"{name:54}{500 / statistics.median(took):8,.0f} workflows a second")


async def _time(name: str, ask: Callable[[], Awaitable[Any]]) -> None:
    taken: list[float] = []
    for _ in range(WARM_UP + REPEATS):
        began = time.perf_counter()
        answer = await ask()
        taken.append((time.perf_counter() - began) * 1000)
    counted = sorted(taken[WARM_UP:])
    rows = answer if isinstance(answer, int) else len(answer)
    p95 = counted[int(0.95 * (len(counted) - 1))]
    print(f"{name:54}{statistics.median(counted):8.1f}{p95:8.1f}   {rows:,}", flush=True)


if __name__ == "__main__":
    main()
