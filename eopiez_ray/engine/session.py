"""The orchestrator's session with the database, which hears of work and shows others that this process is alive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError, StoreError
from ..logs import get_logger

if TYPE_CHECKING:
    import asyncpg

    from ..store import Database, Ledger
    from .journal import Journal

RETRY_S = 0.2

log = get_logger(__name__)


class Session:
    """Listens on channels, under an advisory lock that lives exactly as long as the session."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        heard: Mapping[str, Callable[[], None]],
        revive: Callable[[], Awaitable[None]],
        *,
        on_open: Callable[[], None],
    ) -> None:
        """
        Args:
            database: where to listen.
            ledger: releases the lock.
            heard: what to call for news on each channel, and whenever some may have been missed.
            revive: restarts the database if it is ours.
            on_open: called when the session is open, for the first time or again.
        """
        self._database, self._ledger, self._heard, self._revive = database, ledger, heard, revive
        self._on_open = on_open
        self._lock_key = 0
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._is_away = False
        """Whether the log says that the database does not answer."""
        self.ready = asyncio.Event()
        """Set once others see that it is alive: workflows may be created for it."""

    def lock(self, key: int) -> None:
        """Key of the lock that shows that this orchestrator is alive."""
        self._lock_key = key

    async def run(self) -> None:
        """Keep listening, reopening the session whenever it is lost."""
        while True:
            try:
                connection = await self._database.listen(lambda channel, _: self._heard[channel](), *self._heard)
                try:
                    await self._hold(connection)
                finally:
                    connection.terminate()
            except DatabaseUnavailableError as error:
                if not self._is_away:  # Once for each outage, however many attempts it lasts.
                    log.warning("the database does not answer", error=str(error))
                self._is_away = True
                await self._revive()
            await asyncio.sleep(RETRY_S)

    async def _hold(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Show that this orchestrator is alive, and listen for news, until the session ends."""
        await self._ledger.show_life(connection, self._lock_key)
        if self._is_away:
            log.warning("the database answers again")
        self._connection, self._is_away = connection, False
        self.ready.set()
        self._on_open()
        for look in self._heard.values():
            look()
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        await ended.wait()

    async def bequeath(self, journal: Journal) -> None:
        """Publish what is finished, then let others take this orchestrator for dead, which it soon will be."""
        if self._connection is None:
            return
        with contextlib.suppress(StoreError):  # The end of the session shows it, too.
            await journal.flush()
            await self._ledger.bequeath(self._connection, self._lock_key)
