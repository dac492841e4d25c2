"""Rate limits that hold for all replicas together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .queries import sql

if TYPE_CHECKING:
    from .database import Database


class Taken(NamedTuple):
    """What a limit had room for."""

    granted: int
    next_s: float
    """Seconds until there is room for another one; not above 0 if there is now."""


class Rates:
    """Takes from limits, which the generic cell rate algorithm describes by one time each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, key: str, wanted: int, interval_s: float, burst: int) -> Taken:
        """Take as many as there is room for.

        Args:
            key: what is limited.
            wanted: at least 1.
            interval_s: seconds for each: 1 / rate.
            burst: how many at most at once.
        """
        row = await self._database.fetchrow(sql("take"), key, wanted, interval_s, burst)
        assert row is not None
        return Taken(row["granted"], row["next_s"])

    async def forget(self) -> None:
        """Forget limits that are unused."""
        await self._database.fetch(sql("forget_rates"))
