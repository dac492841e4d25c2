"""Group commit: one writer per orchestrator. While one transaction commits, the next one gathers.

A batch that the database refuses is split until the workflow whose rows it refuses is alone; that one is quarantined,
and all others are written.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import StoreError, WriteRefusedError
from ..logs import get_logger
from ..store import Batch

if TYPE_CHECKING:
    from ..machine import Command, WorkflowState
    from ..model.ids import WorkflowId
    from ..store import CacheEntry, Ledger

RETRY_S = 0.2
Tell = Callable[[BaseException | None], None]

log = get_logger(__name__)


class Journal:
    """Writes the machine's commands in order of arrival. Start ``run`` as a task."""

    def __init__(
        self,
        ledger: Ledger,
        patience_s: float,
        on_lost: Callable[[WorkflowId], None],
        revive: Callable[[], Awaitable[None]],
    ) -> None:
        """
        Args:
            ledger: writes batches.
            patience_s: seconds for which a commit is retried while the database is unavailable.
            on_lost: called with a workflow that can no longer be written: another orchestrator holds it, or it was
                quarantined.
            revive: called when the database is lost, to restart it if it is ours.
        """
        self._ledger, self._patience_s, self._on_lost, self._revive = ledger, patience_s, on_lost, revive
        self._pending = Batch()
        self._has_pending = asyncio.Event()
        self._added = self._written = 0
        self._waiting: deque[tuple[int, Tell]] = deque()
        self._failure: BaseException | None = None

    def add(
        self,
        workflow: WorkflowId,
        epoch: int,
        state: WorkflowState,
        commands: Sequence[Command],
        cached: Sequence[CacheEntry] = (),
    ) -> None:
        """Queue writes; they are durable after the next ``flush``."""
        self._pending.add(workflow, epoch, state, commands, cached)
        self._note()

    def quarantine(self, workflow: WorkflowId, epoch: int, error: BaseException) -> None:
        """Quarantine a workflow; its writes that are not yet on their way are dropped."""
        self._pending.quarantine(workflow, epoch, error)
        self._note()

    def _note(self) -> None:
        self._added += 1
        self._has_pending.set()

    async def flush(self) -> None:
        """Wait until everything added so far is durable.

        Raises:
            StoreError: the database stayed unavailable for longer than ``patience_s``.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(failure: BaseException | None) -> None:
            if not durable.done():
                durable.set_result(None) if failure is None else durable.set_exception(failure)

        self.when_durable(tell)
        await durable

    def when_durable(self, tell: Tell) -> None:
        """Call ``tell`` once everything added so far is durable, or with the error that prevents it."""
        if self._failure is not None or self._written >= self._added:
            _tell(tell, self._failure)
        else:
            self._waiting.append((self._added, tell))

    async def run(self) -> None:
        """Keep committing."""
        try:
            while True:
                await self._has_pending.wait()
                self._has_pending.clear()
                batch, self._pending, target = self._pending, Batch(), self._added
                for workflow in await self._commit(batch):
                    self._on_lost(workflow)
                self._advance(target)
        except Exception as error:
            self._failure = error
            for _, tell in self._waiting:
                _tell(tell, error)
            raise

    def _advance(self, target: int) -> None:
        self._written = target
        while self._waiting and self._waiting[0][0] <= target:
            _, tell = self._waiting.popleft()
            _tell(tell, None)

    async def _commit(self, batch: Batch) -> set[WorkflowId]:
        """Write the batch, in parts if need be, and give the workflows that can no longer be written."""
        try:
            return await self._patiently(batch)
        except StoreError as error:
            if not isinstance(error, WriteRefusedError):
                raise
            refusal: Exception = error
        except Exception as error:  # noqa: BLE001 - rows that cannot even be made
            refusal = error
        if len(batch.epochs) > 1:
            first, second = batch.split()
            return await self._commit(first) | await self._commit(second)
        return await self._set_aside(batch, refusal)

    async def _set_aside(self, batch: Batch, refusal: Exception) -> set[WorkflowId]:
        """Quarantine a workflow whose writes the database refuses.

        Raises:
            Exception: it refuses the quarantine too, so the database is at fault.
        """
        (workflow,) = batch.epochs
        if batch.quarantined:
            raise refusal
        log.error("workflow quarantined: its writes are refused", workflow=str(workflow), error=str(refusal))
        aside = Batch()
        aside.quarantine(workflow, batch.epochs[workflow], refusal)
        return {workflow} | await self._commit(aside)

    async def _patiently(self, batch: Batch) -> set[WorkflowId]:
        deadline, is_late = time.monotonic() + self._patience_s, False
        while True:
            try:
                lost = await self._ledger.commit(batch)
            except WriteRefusedError:
                raise
            except StoreError as error:
                if time.monotonic() > deadline:
                    raise
                if not is_late:
                    log.warning("commit failed, retrying", error=str(error), tasks=len(batch.tasks))
                is_late = True
                await self._revive()
                await asyncio.sleep(RETRY_S)
            else:
                if is_late:
                    log.warning("commit succeeded", tasks=len(batch.tasks))
                return lost


def _tell(tell: Tell, failure: BaseException | None) -> None:
    """Call a listener; whatever it raises, the next one is called too."""
    try:
        tell(failure)
    except Exception:
        log.exception("a commit listener failed")
