"""How the database's server is, by its own statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .queries import sql

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


class ServerStatistics:
    """Reads the server's statistics."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    async def commit_something(self, watch: str, holder: UUID) -> None:
        """Commit one small row, to see how long that takes."""
        await self._database.fetch(sql("probe_commit"), watch, holder)
