"""How the database's server is, by its own statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .queries import sql
from .recognizing import name_of

if TYPE_CHECKING:
    from uuid import UUID

    from .database import Database


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """What the server says of this database. What it counts, it counts since its statistics were last reset."""

    xact_commit: int
    xact_rollback: int
    blks_hit: int
    blks_read: int
    deadlocks: int
    temp_bytes: int
    size: int
    """In bytes."""
    longest_s: float
    """Age of the oldest open transaction."""
    waiting: int
    """Sessions that wait for a lock."""
    lag: float
    """Bytes that the standby furthest behind has not replayed."""


class TableFigures(NamedTuple):
    """A table, with rows as the server estimates them."""

    table: str
    live: int
    dead: int
    bytes: int
    """With indexes."""


class StatementFigures(NamedTuple):
    """A statement, as the server has counted it since its statistics were last reset."""

    name: str | None
    """None if it is not one of ours."""
    calls: int
    seconds: float


class Bloat(NamedTuple):
    """What a table or its indexes occupy beyond what their rows need, as estimated."""

    table: str
    kind: str
    """``table`` or ``index``."""
    bytes: int


class ServerStatistics:
    """Reads the server's statistics."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: dict[int, str | None] = {}
        """Of statements that were seen, by the server's ids."""

    async def figures(self) -> ServerFigures:
        """What it says of the database as a whole."""
        (row,) = await self._database.fetch(sql("server_figures"))
        return ServerFigures(**dict(row))

    async def connections(self) -> dict[str, int]:
        """How many connections there are, by what they do."""
        return {row["state"]: row["connections"] for row in await self._database.fetch(sql("server_connections"))}

    async def tables(self) -> list[TableFigures]:
        """Our tables."""
        return [TableFigures(*row) for row in await self._database.fetch(sql("server_tables"))]

    async def bloat(self) -> list[Bloat]:
        """Our tables that were analyzed."""
        return [Bloat(*row) for row in await self._database.fetch(sql("server_bloat"))]

    async def show_statements(self) -> None:
        """Let this database show how the server counts statements, if that can be."""
        await self._database.fetch(sql("show_statement_counts"))

    async def statements(self) -> dict[int, StatementFigures]:
        """Statements by the server's ids; nothing where it does not count them."""
        (row,) = await self._database.fetch(sql("statements_are_counted"))
        if not row["are_counted"]:
            return {}
        counts = {row["queryid"]: row for row in await self._database.fetch(sql("statement_counts"))}
        kept = {each: name for each, name in self._names.items() if each in counts}
        self._names = kept | await self._new_names([each for each in counts if each not in kept])
        return {
            each: StatementFigures(self._names.get(each), row["calls"], row["seconds"]) for each, row in counts.items()
        }

    async def _new_names(self, ids: list[int]) -> dict[int, str | None]:
        """Names of statements that were not seen before: their texts are read once."""
        rows = await self._database.fetch(sql("statement_texts"), ids) if ids else []
        return {row["queryid"]: name_of(row["text"]) for row in rows}

    async def commit_something(self, watch: str, holder: UUID) -> None:
        """Commit one small row, to see how long that takes."""
        await self._database.fetch(sql("probe_commit"), watch, holder)
