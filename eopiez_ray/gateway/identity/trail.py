"""The audit trail of a replica: what happens is written in batches, so that no request waits long for the chain."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from ...errors import WriteRefusedError
from ...logs import get_logger
from ...model.audit import Entry, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...store.audit import AuditLog
    from .anchors import Anchor

BATCH = 500
"""Entries in one transaction."""
DELAY_S = 0.05
"""Seconds for which an entry that nobody waits for may wait for others."""
MOST = 10_000
"""Entries that wait while the database is away; of more, the number alone is kept."""
PAUSE_S = 1.0
"""Seconds before the next try after the database was lost."""

log = get_logger(__name__)
_Waiting = tuple[Entry, asyncio.Future[None] | None]


class Trail:
    """Appends entries to the audit log; start it before use, and stop it so that nothing is lost."""

    def __init__(self, audit: AuditLog, anchors: Sequence[Anchor] = ()) -> None:
        self._audit, self._anchors = audit, anchors
        self._waiting: deque[_Waiting] = deque()
        self._lost = 0
        self._arrived, self._urgent, self._extended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write_all()), asyncio.create_task(self._anchor_all())]

    async def stop(self) -> None:
        """Write what waits, anchor it, and end."""
        self._is_stopping = True
        for event in (self._arrived, self._urgent):
            event.set()
        if self._tasks:
            await self._tasks[0]
            self._extended.set()
            await self._tasks[1]

    async def record(self, entry: Entry) -> None:
        """Write an entry; it is durable when this returns.

        Raises:
            StoreError: it could not be written.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        self._urgent.set()
        self._arrived.set()
        await written

    def note(self, entry: Entry) -> None:
        """Write an entry soon, without waiting for it; if the database is away, once it is back.

        If the connection is lost during a commit, the entry may be written twice, and never not at all.
        """
        if len(self._waiting) >= MOST:
            self._lost += 1
            return
        self._waiting.append((entry, None))
        self._arrived.set()

    async def _write_all(self) -> None:
        while not self._is_stopping or self._waiting:
            await self._arrived.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), DELAY_S)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not self._waiting and not self._is_stopping:
                self._arrived.clear()
                self._urgent.clear()
            if batch and not await self._write(batch):
                if self._is_stopping:
                    log.error("audit entries are lost, the database is away", entries=len(self._waiting))
                    return
                await asyncio.sleep(PAUSE_S)

    async def _write(self, batch: list[_Waiting]) -> bool:
        """Whether the batch was written. If not, whoever waits for an entry is told, and the others wait on."""
        entries = [entry for entry, _ in batch]
        if self._lost:
            entries.append(Entry("audit.overflow", Outcome.FAILED, details={"entries": str(self._lost)}))
        try:
            await self._audit.append(entries)
        except WriteRefusedError as error:
            return await self._write_apart(batch, error)
        except Exception as error:  # noqa: BLE001 - the outermost guard: whoever waits is told, whatever it is.
            self._return(batch, error)
            return False
        self._lost = 0
        for _, written in batch:
            if written is not None and not written.done():
                written.set_result(None)
        self._extended.set()
        return True

    async def _write_apart(self, batch: list[_Waiting], error: WriteRefusedError) -> bool:
        """Write what can be written of a batch that the database refuses; what it refuses alone is dropped."""
        if len(batch) > 1:
            middle = len(batch) // 2
            if await self._write(batch[:middle]):
                return await self._write(batch[middle:])
            self._return(batch[middle:], error)
            return False
        log.critical("the database refuses an audit entry", action=batch[0][0].action, error=str(error))
        for _, written in batch:
            if written is not None and not written.done():
                written.set_exception(error)
        return True

    def _return(self, batch: list[_Waiting], error: Exception) -> None:
        log.warning("cannot write the audit log", error=repr(error))
        for _, written in batch:
            if written is not None and not written.done():
                written.set_exception(error)
        self._waiting.extendleft((entry, None) for entry, written in reversed(batch) if written is None)
        if self._waiting:
            self._arrived.set()

    async def _anchor_all(self) -> None:
        """Tell the world outside where the chain ends: the latest end, whatever happened meanwhile."""
        while True:
            await self._extended.wait()
            self._extended.clear()
            is_last = self._is_stopping and self._tasks[0].done()
            for anchor in self._anchors:
                await self._anchor(anchor)
            if is_last:
                return

    async def _anchor(self, anchor: Anchor) -> None:
        try:
            await anchor.advance(self._audit)
        except Exception as error:  # noqa: BLE001 - the outermost guard: the next head is anchored all the same.
            log.critical("cannot anchor the audit log", anchor=str(anchor), error=str(error) or repr(error))
