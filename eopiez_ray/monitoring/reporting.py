"""Writes down what a process has measured: at each beat all of it, and what a rule watches as soon as there is news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .alerts.hearing import FOLD
from .station import SYSTEM

if TYPE_CHECKING:
    from ..store.samples import SampleStore
    from .alerts.urgency import Lookout
    from .catalogue import Metric
    from .station import Station


class Reporter:
    """Writes what a process has measured, in one statement. What cannot be written now is written later, and once, even
    if nobody knows whether it has been."""

    def __init__(self, station: Station, store: SampleStore) -> None:
        self._station, self._store = station, store
        self._number = 0
        self._pending: list[Any] = []
        """What may or may not be written under that number."""
        self._writing = asyncio.Lock()

    async def report(self, wanted: Callable[[Metric], bool] = lambda _: True) -> None:
        """Write what was measured since the last time, of the metrics that are wanted."""
        async with self._writing:
            if self._pending:
                await self._send()
            if self._take(wanted):
                await self._send()

    async def _send(self) -> None:
        await self._store.report(self._station.id, self._number, self._pending)
        self._pending = []

    def _take(self, wanted: Callable[[Metric], bool]) -> bool:
        """Take what was measured; False if that is nothing."""
        self._pending, self._number = self._station.meter.take(wanted).entries(), self._number + 1
        return bool(self._pending)


class EarlyReporter:
    """Looks into the meter, which costs next to nothing, and reports what a rule watches as soon as it has news."""

    def __init__(self, station: Station, store: SampleStore, reporter: Reporter, lookout: Lookout) -> None:
        self._station, self._store, self._reporter, self.lookout = station, store, reporter, lookout

    async def glance(self) -> None:
        """Report what is watched, if there is news, and let it be folded."""
        if self._station.meter.has_news(self.lookout.watched.covers):
            await self.report()
            await self._tell()

    async def report(self) -> None:
        """Report what is watched."""
        choices = self.lookout.watched.choices
        await self._reporter.report(lambda metric: metric.name in choices)

    async def _tell(self) -> None:
        if self._station.keeps(SYSTEM):
            self._station.wake(FOLD)
        else:
            await self._store.tell_reported()
