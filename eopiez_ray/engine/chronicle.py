"""Data kept alongside the workflows: where workers are, and what phases take."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError
from ..machine import Profiles
from ..store import PhaseBook

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId
    from ..model.work import Place
    from ..store import Database, Ledger

PROFILE_S = 10.0
"""Seconds between saves of what was measured about phases."""
RETRY_S = 2.0
"""Seconds until a save is retried."""


class Chronicle:
    """Saves both now and then. A crash costs some accuracy, but nothing of any workflow."""

    def __init__(self, database: Database, ledger: Ledger, orchestrator: OrchestratorId) -> None:
        self._ledger, self._orchestrator, self._book = ledger, orchestrator, PhaseBook(database)
        self.profiles = Profiles()
        self._workers: dict[str, Place] = {}
        """New workers that the store does not know yet."""
        self._has_workers = asyncio.Event()

    async def read(self) -> None:
        """Load what is known about phases."""
        self.profiles = Profiles(known.profile for known in await self._book.read())

    def note_worker(self, name: str, place: Place) -> None:
        """Record where a worker is."""
        self._workers[name] = place
        self._has_workers.set()

    async def save_profiles(self) -> None:
        """Save what was measured about phases since the last time.

        Raises:
            DatabaseUnavailableError: these measurements are lost.
        """
        await self._book.save(self.profiles.take_learned())

    async def keep_profiles(self) -> None:
        """Keep saving what is measured about phases."""
        while True:
            await asyncio.sleep(PROFILE_S)
            with contextlib.suppress(DatabaseUnavailableError):
                await self.save_profiles()

    async def keep_workers(self) -> None:
        """Keep saving where new workers are."""
        while True:
            await self._has_workers.wait()
            self._has_workers.clear()
            known = dict(self._workers)
            try:
                await self._ledger.save_workers(self._orchestrator, known)
            except DatabaseUnavailableError:
                self._has_workers.set()
                await asyncio.sleep(RETRY_S)
                continue
            for name in known:
                del self._workers[name]
