"""How the whole system is, as the database knows it: for health checks, metrics and performance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .queries import sql

if TYPE_CHECKING:
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
