"""Group commit: one writer an orchestrator. While one transaction commits, the next one gathers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError, StorageFullError
from ..logs import get_logger
from ..store import Batch

if TYPE_CHECKING:
    from ..machine import Command, WorkflowState
    from ..model.ids import WorkflowId
    from ..store import CacheEntry, Ledger

RETRY_S = 0.2

log = get_logger(__name__)


class Journal:
    """Writes commands of the machine, in the order in which they came. Start ``run`` as a task."""

    def __init__(
        self,
        ledger: Ledger,
        patience_s: float,
        on_fenced: Callable[[WorkflowId], None],
        revive: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger, self._patience_s, self._on_fenced, self._revive = ledger, patience_s, on_fenced, revive
        self._pending = Batch()
        self._has_pending = asyncio.Event()
        self._added = self._written = 0
        self._waiting: deque[tuple[int, Callable[[BaseException | None], None]]] = deque()
        self._failure: BaseException | None = None

    def add(
        self,
        workflow: WorkflowId,
        epoch: int,
        state: WorkflowState,
        commands: Sequence[Command],
        cached: Sequence[CacheEntry] = (),
    ) -> None:
        """Take writes; they are on their way when this returns, and durable after the next ``flush``."""
        self._pending.add(workflow, epoch, state, commands, cached)
        self._added += 1
        self._has_pending.set()

    async def flush(self) -> None:
        """Wait until all that was added so far is durable.

        Raises:
            DatabaseUnavailableError: the database stayed away for longer than the patience.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(failure: BaseException | None) -> None:
            if not durable.done():
                durable.set_result(None) if failure is None else durable.set_exception(failure)

        self.when_durable(tell)
        await durable

    def when_durable(self, tell: Callable[[BaseException | None], None]) -> None:
        """Call ``tell`` once all that was added so far is durable, or with what keeps it from being so."""
        if self._failure is not None or self._written >= self._added:
            tell(self._failure)
        else:
            self._waiting.append((self._added, tell))

    async def run(self) -> None:
        """Commit for ever."""
        try:
            while True:
                await self._has_pending.wait()
                self._has_pending.clear()
                batch, self._pending, target = self._pending, Batch(), self._added
                for workflow in await self._commit(batch):
                    self._on_fenced(workflow)
                self._advance(target)
        except (DatabaseUnavailableError, StorageFullError) as error:
            self._failure = error
            for _, tell in self._waiting:
                tell(error)
            raise

    def _advance(self, target: int) -> None:
        self._written = target
        while self._waiting and self._waiting[0][0] <= target:
            _, tell = self._waiting.popleft()
            tell(None)

    async def _commit(self, batch: Batch) -> set[WorkflowId]:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return await self._ledger.commit(batch)
            except (DatabaseUnavailableError, StorageFullError) as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("commit failed, trying again", error=str(error), tasks=len(batch.tasks))
                await self._revive()
                await asyncio.sleep(RETRY_S)
