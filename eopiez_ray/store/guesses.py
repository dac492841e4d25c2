"""Failed attempts, counted for all replicas together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from .queries import sql

if TYPE_CHECKING:
    from .database import Database

Decide = Callable[[int, float, float], tuple[int, float] | None]
"""From failures, seconds since the last one and of block left, to failures and seconds of block; None refuses."""


class Guesses:
    """Counts attempts by account and network."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, account: bytes, network: str, decide: Decide) -> float:
        """Count an attempt as failed before it is made, so that many at once do not pass; gives the seconds to wait
        before it may be made, 0 if it may be made now."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("open_guess"), account, network)
            assert row is not None
            decided = decide(row["failures"], row["since_last_s"], row["blocked_s"])
            if decided is None:
                return float(row["blocked_s"])
            failures, block_s = decided
            await connection.execute(sql("count_guess"), account, network, failures, timedelta(seconds=block_s))
            return 0.0

    async def forgive(self, account: bytes, network: str) -> None:
        """Forget the failures: it was the owner."""
        await self._database.fetch(sql("forgive_guesses"), account, network)

    async def forget(self, age: timedelta) -> None:
        """Forget all failures that are older."""
        await self._database.fetch(sql("forget_guesses"), age)
