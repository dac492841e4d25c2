"""Postgres's plans for the statements: none takes time that grows with the square of what it is given."""

from __future__ import annotations

import re

import pytest

from eopiez_ray.store import Database
from eopiez_ray.store.database import Writer
from eopiez_ray.store.queries import statements

SMALL = {
    "begin_fold": "one server has few connections",
    "claim": "a claim takes a few workflows",
    "delete_project": "one project",
    "fresh_waits": "a step has few inputs",
    "gather_log_lines": "5,000 lines at most",
    "is_held": "one workflow",
    "lock_for_update": "one workflow",
    "missing_session_settings": "two settings",
    "server_connections": "one server has few connections",
    "server_figures": "one server has few connections",
    "standing_limits": "few orchestrators are alive",
    "want_update": "the labels of one workflow",
}
"""Statements that may compare each of their rows with each of others, and why these are few."""


@pytest.mark.asyncio(loop_scope="session")
async def test_no_statement_compares_all_with_all(database: Database) -> None:
    """A nested loop with a join filter does. The plans are those of the connection that drives workflows."""
    writer = database.writer()
    plans = {name: await plan_of(writer, text) for name, text in statements().items()}
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
