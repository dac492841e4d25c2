"""What has been measured about phases, across all workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..machine import Profile
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from .database import Database


class KnownPhase(NamedTuple):
    """A phase that has run."""

    profile: Profile
    seen_at: datetime
    """When it was last measured."""


class PhaseBook:
    """Stores what orchestrators measure about phases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, limit: int = 1000) -> list[KnownPhase]:
        """What has been measured, most recently used phases first."""
        rows = await self._database.fetch(sql("profiles"), limit)
        return [KnownPhase(Profile(*tuple(row)[:-1]), row["updated_at"]) for row in rows]

    async def save(self, learned: Collection[Profile]) -> None:
        """Add new measurements; ``tasks`` counts those since the last time."""
        if learned:
            await self._database.fetch(sql("save_profiles"), *map(list, zip(*learned, strict=True)))
