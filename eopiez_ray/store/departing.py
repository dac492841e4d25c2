"""What leaves for another system: the rows of workflows as they were at one moment, with what is sealed opened."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..encryption.texts import MARK, opened
from ..model.tasks import Output
from .code import read_code
from .queries import sql
from .vault import ATTEMPT_PLACES, ERROR_TEXTS, LOG_PLACE, REJECT_PLACES, error_place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from ..encryption.keys import Keys
    from .database import Connection, Database

Row = dict[str, Any]
AT_ONCE = 100
"""Workflows that are read by one statement."""
TABLES = ("workflows", "plans", "phases", "steps", "tasks", "attempts", "events", "logs", "rejects")
"""What workflows consist of, in the order in which it travels."""
STATEMENTS = {
    "workflows": "departing_workflows",
    "plans": "departing_plans",
    "phases": "departing_phases",
    "steps": "departing_steps",
    "tasks": "departing_tasks",
    "attempts": "departing_attempts",
    "events": "departing_events",
    "logs": "departing_logs",
    "rejects": "departing_rejects",
}
WHOLE = ("plans", "phases")
"""Tables whose rows several workflows share, so that they are read for all at once."""
PLACES: Mapping[str, Mapping[str, str]] = {
    "attempts": ATTEMPT_PLACES,
    "logs": {"message": LOG_PLACE},
    "rejects": REJECT_PLACES,
}
"""Of each table with texts that may be sealed, where they are."""


class Departure:
    """Some workflows, as they were at one moment."""

    def __init__(self, database: Database, connection: Connection, ids: Sequence[UUID]) -> None:
        self._database, self._connection, self._ids = database, connection, list(ids)

    async def rows(self, table: str) -> AsyncIterator[Row]:
        """The rows of a table, JSON values by column, never all of them in memory. Bytes are ``\\x`` and hexadecimal
        digits.

        Raises:
            DataKeyMissingError: the key of something is not at hand, or was destroyed.
            SealDamagedError: something was changed.
        """
        step = len(self._ids) or 1 if table in WHOLE else AT_ONCE
        for start in range(0, len(self._ids), step):
            async for record in self._connection.cursor(sql(STATEMENTS[table]), self._ids[start : start + step]):
                yield await self._opened(table, record["row"])

    async def artifacts(self) -> AsyncIterator[Output]:
        """Each artifact that a task refers to, once."""
        async for row in self._connection.cursor(sql("departing_artifacts"), self._ids):
            yield Output(row["digest"], row["size"], row["form"], None)

    async def _opened(self, table: str, row: Row) -> Row:
        if table == "phases":
            (code,) = (await read_code(self._database, [row["digest"]])).values()
            return row | {"code": f"\\x{code.hex()}"}
        if table == "workflows":
            return row | {"error": await self._error(row["error"], row["id"])}
        if table == "events" and "error_type" in row["data"]:
            return row | {"data": await self._error(row["data"], row["workflow_id"])}
        texts = {name: (row[name], place.format_map(row)) for name, place in PLACES.get(table, {}).items()}
        return row | await self._texts(texts)

    async def _error(self, error: Row | None, workflow: str) -> Row | None:
        if error is None:
            return None
        told = {name: (error[name], error_place(name, workflow)) for name in ERROR_TEXTS if error.get(name)}
        return error | await self._texts(told)

    async def _texts(self, texts: Mapping[str, tuple[Any, str]]) -> Row:
        """Texts as they were before they were stored."""
        found = Row()
        for name, (text, place) in texts.items():
            await self._database.vault.ready_for([text])
            found[name] = _plain(text, place, self._database.vault.keys)
        return found


@asynccontextmanager
async def departing(database: Database, ids: Sequence[UUID]) -> AsyncIterator[Departure]:
    """These workflows as they are now; while the block lasts, it sees nothing of what happens to them."""
    async with database.transaction() as connection:
        await connection.execute("set transaction isolation level repeatable read, read only")
        yield Departure(database, connection, ids)


async def ids_of_project(database: Database, project: str) -> list[UUID]:
    """Workflows of a project, the oldest first."""
    return [row["id"] for row in await database.fetch(sql("departing_ids"), project)]


def _plain(text: str, place: str, keys: Keys) -> str:
    """The opposite of ``shut``, which keeps a plain text apart that begins like a sealed one."""
    return text[1:] if text.startswith(f" {MARK}") else opened(text, place, keys)
