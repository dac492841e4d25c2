"""Sends finished work to a collector: one process at a time, from where the last one has come, which Postgres knows.

The place moves on only after the collector has taken what is before it. So nothing is lost if this process or the
collector dies, and what is sent again has the same ids. The work itself never waits for any of this.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from ...errors import NotDeliveredError
from ...store.traces import TraceStore
from ..station import SYSTEM
from .spans import spans_of

if TYPE_CHECKING:
    import httpx

    from ..station import Station
    from .collector import Collector

EXPORT_S = 5.0
"""Seconds between exports."""
WINDOW = timedelta(seconds=10)
"""How much is read at once."""


class Exporter:
    """Exports what has finished, as far as it is committed."""

    def __init__(self, station: Station, collector: Collector) -> None:
        """
        Args:
            station: whose watch over the system says who exports.
            collector: where spans go.
        """
        self._station, self._collector = station, collector
        self._store = TraceStore(station.database)

    async def export(self) -> None:
        """Export all that is left; a collector that cannot be reached gets it next time."""
        with contextlib.suppress(NotDeliveredError):  # It is logged where it is found out.
            async with self._collector.client() as client:
                while await self._export_once(client):
                    pass

    async def _export_once(self, client: httpx.AsyncClient) -> bool:
        """Export what finished in a window, and pass over idle time after it; True if there is more."""
        window = await self._store.window()
        until = min(window.through + WINDOW, window.horizon)
        if until <= window.through:
            return False
        finished = await self._store.finished(window.through, until)
        await self._collector.send(client, spans_of(finished))
        if finished.is_empty and until < window.horizon:
            until = await self._store.idle_until(until, window.horizon)
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return False
            await self._store.advance(connection, until)
        return until < window.horizon
