"""How the whole system is, as the database knows it: for health checks, metrics and performance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .database import Database


@dataclass(frozen=True, slots=True)
class Server:
    """The database's server."""

    version: str
    now: float
    """Its clock, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Drivers:
    """The orchestrators that may drive workflows now."""

    orchestrators: int
    takers: int
    """How many of them take any workflow, whoever submitted it."""
    clusters: int


@dataclass(frozen=True, slots=True)
class SystemLog:
    """A log line, with the workflow that it belongs to."""

    workflow_id: UUID
    workflow: str
    project: str
    id: int
    at: datetime
    level: str
    message: str
    step: str
    partition: int


class Vitals:
    """Reads how the system is; ``projects`` are those to look at, None all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def server(self) -> Server:
        """What the server says of itself."""
        (row,) = await self._database.fetch(sql("server"))
        return Server(**dict(row))

    async def drivers(self) -> Drivers:
        """Who drives workflows now."""
        (row,) = await self._database.fetch(sql("orchestrators_alive"))
        return Drivers(**dict(row))

    async def logs(
        self,
        projects: Sequence[str] | None,
        before: int | None,
        levels: Sequence[str] | None,
        text: str | None,
        limit: int,
    ) -> list[SystemLog]:
        """The latest log lines of the 200 newest workflows, newest first; ``before`` continues an earlier page."""
        found = text and text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        rows = await self._database.fetch(sql("recent_logs"), projects, before, levels, found, limit)
        return [SystemLog(**dict(row)) for row in rows]
