"""Hears what cannot wait for the next beat: that workflows have changed, or that a process has reported early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ...engine.moments import set_within
from ..happenings import COUNTED
from ..station import RENEW_S, SYSTEM
from ..surveys import QUEUED

if TYPE_CHECKING:
    from ..folding import Folder
    from ..station import Station
    from .urgency import Lookout

REPORTED, CHANGED = "eopiez_measured", ("eopiez_status", "eopiez_work")
"""Channels: a process has reported early; a workflow has come or changed."""
FOLD, EVALUATE, DELIVER = "fold", "evaluate alerts", "deliver alerts"
"""Chores, in the order in which a cause becomes a message."""
SETTLED_S = 0.15
"""Seconds after which what was announced is certainly before the horizon of a fold, if no transaction is open."""
LATE_S = 0.3
"""How far a fold may be behind what was announced."""
MOST_TRIES = 3
"""Folds in a row that are made for what an open transaction still hides."""


Survey = Callable[[], Awaitable[None]]


class Hearing:
    """Listens for the whole system, as long as this process keeps the watch over it. A lost notice costs time alone:
    everything is looked at again at the next beat."""

    def __init__(self, station: Station, lookout: Lookout, folder: Folder, survey: Survey) -> None:
        """
        Args:
            station: keeps the watch.
            lookout: knows what rules watch.
            folder: folds.
            survey: looks at the queue, and reports what is watched.
        """
        self._station, self._lookout, self._folder, self._survey = station, lookout, folder, survey
        self._settling: asyncio.TimerHandle | None = None
        self._has_changed = False
        """Whether the queue is to be looked at."""
        self._tries = 0
        """Folds that are still made for the latest news."""

    async def listen(self) -> None:
        """Listen until the end of the watch, of the process, or of the connection."""
        connection = await self._station.database.listen(self._hear, REPORTED, *CHANGED)
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        try:
            while self._station.keeps(SYSTEM) and not ended.is_set() and not self._station.stopping.is_set():
                await set_within(self._station.stopping, RENEW_S)
        finally:
            connection.terminate()
            if self._settling is not None:
                self._settling.cancel()

    async def fold(self) -> None:
        """Fold, and let rules be looked at; before, look at the queue, if it has changed and a rule watches it."""
        if self._has_changed:
            self._has_changed = False
            await self._survey()
        await self._folder.fold()
        self._station.wake(EVALUATE)
        if self._folder.late_s < LATE_S:
            self._tries = 0
        elif self._tries:
            self._tries -= 1
            self._station.wake(FOLD)

    def _hear(self, channel: str, _payload: str) -> None:
        if channel == REPORTED:
            self._station.wake(FOLD)
            return
        watched = self._lookout.watched
        self._has_changed |= watched.has(QUEUED)
        if self._has_changed or watched.has(COUNTED):
            self._settle()

    def _settle(self) -> None:
        """Fold as soon as what was just announced can be seen."""
        self._tries = MOST_TRIES
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLED_S, self._fold_soon)

    def _fold_soon(self) -> None:
        self._settling = None
        self._station.wake(FOLD)
