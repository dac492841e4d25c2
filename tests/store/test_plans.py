"""Postgres's plans for the statements: none takes time that grows with the square of what it is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from eopiez_ray.store import Database
from eopiez_ray.store.database import Writer
from eopiez_ray.store.pictures import STATES
from eopiez_ray.store.queries import sql, statements

from .given import create

SMALL = {
    "begin_fold": "one server has few connections",
    "claim": "a claim takes a few workflows",
    "delete_project": "one project",
    "expire_errors": "few projects have a rule of their own",
    "forget_plain_code": "a project has few phases",
    "fresh_waits": "a step has few inputs",
    "gather_log_lines": "5,000 lines at most",
    "idle_trace_period": "nine periods",
    "is_held": "one workflow",
    "lock_for_update": "one workflow",
    "missing_session_settings": "two settings",
    "server_bloat": "our tables and their columns are few",
    "server_connections": "one server has few connections",
    "server_figures": "one server has few connections",
    "standing_limits": "few orchestrators are alive",
    "trace_window": "one server has few connections",
    "want_update": "the labels of one workflow",
}
"""Statements that may compare each of their rows with each of others, and why these are few."""


@pytest.mark.asyncio(loop_scope="session")
async def test_no_statement_compares_all_with_all(database: Database) -> None:
    """A nested loop with a join filter does. The plans are those of the connection that drives workflows."""
    writer = database.writer()
    texts = dict(statements())
    async with writer.transaction() as connection:
        for name in ("make_stages", "show_statement_counts"):
            await connection.execute(texts.pop(name))  # Other statements are about these tables.
    plans = {name: await plan_of(writer, text) for name, text in texts.items()}
    writer.close()
    assert {name for name, plan in plans.items() if "Join Filter" in plan} == set(SMALL)


async def plan_of(writer: Writer, text: str) -> str:
    """The plan of a statement for any arguments."""
    count = max(map(int, re.findall(r"\$(\d+)", text)), default=0)
    arguments = f"({', '.join(['null'] * count)})" if count else ""
    async with writer.transaction() as connection:
        await connection.execute(f"prepare planned as {text}")
        rows = await connection.fetch(f"explain execute planned{arguments}")
        await connection.execute("deallocate planned")
    return "\n".join(row[0] for row in rows)


ADD_TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached,
    peak_bytes, committed_at
)
select $1, 0, number, '\\x00', 0, 'pickle', 1, 0, now(), 1, 0, 'w', false, 0, now() - interval '1 day'
from generate_series(1, 20000) as number
"""


@pytest.mark.asyncio(loop_scope="session")
async def test_a_timeline_reads_the_tasks_of_no_other_workflow(database: Database) -> None:
    """Neither as a whole, nor when only what is new is asked for."""
    workflows = [await create(database) for _ in range(10)]
    for workflow in workflows:
        await database.fetch(ADD_TASKS, workflow)
    await database.fetch("analyze tasks")
    for since in (None, datetime.now(UTC)):
        arguments = (workflows[4], since, 0, -1, 0, 10_000, list(STATES), datetime.now(UTC))
        plan = "\n".join(row[0] for row in await database.fetch(f"explain {sql('timeline')}", *arguments))
        assert "Seq Scan on tasks" not in plan, plan
        assert "Seq Scan on attempts" not in plan, plan
        assert plan.count("workflow_id = ") >= 3
