"""What one process does for monitoring: chores, each in a task of its own, none of which can hurt another.

Some chores each process does for itself, others one process does for its node or for the whole system: whoever keeps
the *watch*, a lease in the database by its clock. If that process dies, another takes over within ``LEASE_S`` and
``RENEW_S``. What such a chore writes is fenced by ``Watches.held``, so that a process that was frozen writes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from ..engine.moments import set_within
from ..errors import DatabaseUnavailableError, StoreError
from ..logs import get_logger
from ..model.ids import uuid7
from ..store.samples import Watches
from .catalogue import CHORE_FAILURES
from .meter import Meter

if TYPE_CHECKING:
    from ..store import Database

SYSTEM = "system"
"""The watch over the whole system."""
LEASE_S, RENEW_S = 6.0, 2.0
STOP_S = 3.0
"""Seconds that chores under way get at the end."""
LONGEST_PAUSE = 3
"""Longest pause after failures in a row, in intervals of the chore."""
HURRIED_S = 2.0
"""Seconds between two times of a chore that measures what somebody waits for."""
WOKEN_SHARE = 0.04
"""Part of the time that a chore may take because it is woken, again and again."""
NEAR = 0.02
"""Part of an interval before its beat within which a chore that has just been done is not done again."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again."""

    name: str
    every_s: float
    """Seconds from one time to the next."""
    work: Callable[[], Awaitable[object]]
    watch: str | None = None
    """Done only by the process that keeps this watch; None: by each for itself."""
    beat: float | None = None
    """At which part of each interval of the wall clock it is done, so that what is measured, reported, folded and
    looked at comes in this order, in all processes; None: so long after the last time."""
    is_hurried: Callable[[], bool] | None = None
    """Whether it is done every ``hurried_s`` now, if its interval is longer."""
    hurried_s: float = HURRIED_S
    woken_s: float = 1.0
    """Seconds that pass at least from one time to the next that it is woken for."""

    @property
    def interval_s(self) -> float:
        """Seconds from one time to the next, as things are."""
        return min(self.every_s, self.hurried_s) if self.is_hurried is not None and self.is_hurried() else self.every_s

    def pause_s(self, failures: int, clock_s: float) -> float:
        """Seconds until it is due again, at that time of the wall clock and after so many failures in a row."""
        if failures or self.beat is None or self.interval_s < self.every_s:
            return self.interval_s * min(max(failures, 1), LONGEST_PAUSE)
        left = (self.beat * self.every_s - clock_s) % self.every_s
        return left if left > NEAR * self.every_s else left + self.every_s


class Watch:
    """Whether this process keeps a watch: never two processes at a time, by the database's clock."""

    def __init__(self, name: str, watches: Watches) -> None:
        self.name, self._watches = name, watches
        self._until = 0.0
        """By this process's monotonic clock, and earlier than by the database's."""

    @property
    def is_kept(self) -> bool:
        """Whether it is this process's now."""
        return time.monotonic() < self._until

    async def renew(self) -> None:
        """Take it, or keep it."""
        asked_at = time.monotonic()
        is_ours = await self._watches.keep(self.name)
        self._until = asked_at + LEASE_S if is_ours else 0.0

    async def leave(self) -> None:
        """Let another process have it."""
        if self.is_kept:
            self._until = 0.0
            await self._watches.leave(self.name)


class Station:
    """The chores of one process. ``start`` it in a running loop; ``stop`` waits for what is under way."""

    def __init__(self, database: Database, meter: Meter, part: str) -> None:
        """
        Args:
            database: where watches are.
            meter: what this process measures.
            part: what this process is, such as ``gateway``.
        """
        self.id: UUID = uuid7()
        self.database, self.meter, self.part = database, meter, part
        self.watches = Watches(database, self.id, timedelta(seconds=LEASE_S))
        self._kept: dict[str, Watch] = {}
        self._chores: list[Chore] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._wakes: dict[str, asyncio.Event] = {}
        self.stopping = asyncio.Event()
        """Set when it is time to end."""

    def add(self, *chores: Chore) -> None:
        """Add chores, before the start."""
        for chore in chores:
            self._chores.append(chore)
            self._wakes[chore.name] = asyncio.Event()
            if chore.watch is not None and chore.watch not in self._kept:
                self._kept[chore.watch] = Watch(chore.watch, self.watches)

    def keeps(self, watch: str) -> bool:
        """Whether this process keeps a watch now."""
        return watch in self._kept and self._kept[watch].is_kept

    async def watch(self) -> None:
        """Take or keep each watch that its chores need, as it does by itself once it is started."""
        for watch in self._kept.values():
            await watch.renew()

    def wake(self, chore: str) -> None:
        """Let a chore be done before it is due, if this process does it; from the loop's own thread."""
        if chore in self._wakes:
            self._wakes[chore].set()

    def start(self) -> None:
        """Begin."""
        self.add(*(Chore(f"watch {watch.name}", RENEW_S, watch.renew) for watch in self._kept.values()))
        self._tasks = [asyncio.create_task(self._keep_doing(chore)) for chore in self._chores]

    async def stop(self, last: Sequence[Callable[[], Awaitable[object]]] = ()) -> None:
        """End all chores after what they are doing now, do a last thing, and let others take over. What takes longer
        than ``STOP_S`` is broken off: it is repeatable, or its transaction is undone."""
        self.stopping.set()
        for wake in self._wakes.values():
            wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for work in (*last, *(watch.leave for watch in self._kept.values())):
            try:
                await work()
            except StoreError as error:  # The database may be gone: no reason not to end.
                log.warning("a last chore of monitoring was left undone", error=str(error))

    async def _keep_doing(self, chore: Chore) -> None:
        """Do it until the end; one that fails is logged, and tried again after a growing pause."""
        failures, wake = 0, self._wakes[chore.name]
        while not self.stopping.is_set():
            if chore.watch is not None and not self.keeps(chore.watch):
                await set_within(self.stopping, min(chore.every_s, RENEW_S))
                continue
            wake.clear()
            began = time.monotonic()
            failures = 0 if await self._is_done(chore, failures) else failures + 1
            await self._rest(chore, failures, time.monotonic() - began)

    async def _rest(self, chore: Chore, failures: int, took_s: float) -> None:
        """Wait until a chore is due again, or is woken, which it is not all the time."""
        pause_s = chore.pause_s(failures, time.time())
        least_s = min(pause_s, max(chore.woken_s, took_s / WOKEN_SHARE)) - took_s
        due_at = time.monotonic() + pause_s
        await set_within(self.stopping, max(0.0, least_s))
        await set_within(self._wakes[chore.name], max(0.0, due_at - time.monotonic()))

    async def _is_done(self, chore: Chore, failures: int) -> bool:
        try:
            await chore.work()
        except DatabaseUnavailableError as error:
            if not failures:  # Once for each outage.
                log.warning("monitoring waits for the database", chore=chore.name, error=str(error))
            return False
        except Exception:  # The outermost guard of a loop.
            self.meter.add(CHORE_FAILURES, labels=(chore.name,))
            log.exception("a chore of monitoring failed", chore=chore.name, failures=failures + 1)
            return False
        return True
