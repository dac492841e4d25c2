"""Spans of phases: what an orchestrator has heard of the inside of tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Protocol

from ...errors import EopiezError
from ...logs import get_logger
from ...store.traces import TraceStore
from .spans import inner_spans
from .unsent import Unsent

if TYPE_CHECKING:
    from ...engine.spans import TracedTask
    from ..station import Station
    from .collector import Collector

MOST_HEARD = 10_000
"""Tasks that wait while the database is away; then the oldest are forgotten."""

log = get_logger(__name__)


class Hears(Protocol):
    """An orchestrator's view of its tasks."""

    def take_spans(self) -> list[TracedTask]:
        """What phases have measured since this was last asked."""
        ...


class Inside:
    """Sends them. A workflow that was erased meanwhile has none."""

    def __init__(self, station: Station, collector: Collector, hears: Hears) -> None:
        self._store, self._collector, self._hears = TraceStore(station.database), collector, hears
        self._heard: deque[TracedTask] = deque(maxlen=MOST_HEARD)
        """Those whose place in a trace the database has not said yet."""
        self._unsent = Unsent()

    async def send(self) -> None:
        """Send what has come; a collector that cannot be reached gets it next time."""
        with contextlib.suppress(EopiezError):  # It is being closed.
            self._heard.extend(await asyncio.to_thread(self._hears.take_spans))
        if self._heard:
            callers = await self._store.callers({task.workflow for task in self._heard})
            while self._heard:
                task = self._heard.popleft()
                if task.workflow in callers:
                    self._add(task, callers[task.workflow])
        await self._unsent.send(self._collector)

    def _add(self, task: TracedTask, caller: str | None) -> None:
        try:
            self._unsent.add(*inner_spans(task, caller))
        except Exception:  # A worker's process is anybody's code, and so is what it sends.
            log.exception("spans of a task cannot be understood", workflow=str(task.workflow))
