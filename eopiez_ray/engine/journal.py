"""Group commit: one writer an orchestrator. While one transaction commits, the next one gathers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, assert_never

import structlog

from ..errors import DatabaseUnavailableError, StorageFullError
from ..machine import Command, RecordAttempt, RecordEnd, RecordTask, SetStatus, UpdateStep
from ..model.status import StepStatus
from ..store.ledger import Batch, CacheEntry, StepRow

if TYPE_CHECKING:
    from ..machine import WorkflowState
    from ..model.ids import WorkflowId
    from ..store.ledger import Ledger

RETRY_S = 0.2

log = structlog.get_logger(__name__)


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
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
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
        batch = self._pending
        batch.epochs[workflow] = epoch
        batch.cached.extend(cached)
        for command in commands:
            if isinstance(command, RecordTask):
                batch.tasks.append((workflow, command.report))
            elif isinstance(command, UpdateStep):
                batch.steps[workflow, command.step] = _step_row(workflow, state, command.step)
            elif isinstance(command, RecordEnd):
                batch.ends.append((workflow, command.report))
            elif isinstance(command, RecordAttempt):
                batch.attempts.append((workflow, command.report, command.attempt, command.retry_at))
            elif isinstance(command, SetStatus):
                batch.statuses[workflow] = command.status, _error(state, command)
            else:
                assert_never(command)
        self._added += 1
        self._has_pending.set()

    async def flush(self) -> None:
        """Wait until all that was added so far is durable.

        Raises:
            DatabaseUnavailableError: the database stayed away for longer than the patience.
        """
        if self._failure is not None:
            raise self._failure
        if self._written < self._added:
            durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((self._added, durable))
            await durable

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
            for _, durable in self._waiting:
                if not durable.done():
                    durable.set_exception(error)
            raise

    def _advance(self, target: int) -> None:
        self._written = target
        while self._waiting and self._waiting[0][0] <= target:
            _, durable = self._waiting.popleft()
            if not durable.done():
                durable.set_result(None)

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


def _error(state: WorkflowState, command: SetStatus) -> dict[str, Any] | None:
    if command.failure is None or command.step is None:
        return None
    step = state.steps[command.step]
    attempts = step.failures.get(command.partition or 0, 0) + step.losses.get(command.partition or 0, 0)
    return {
        "step": step.spec.name,
        "partition": command.partition,
        "attempts": max(1, attempts),
        "error_type": command.failure.error_type,
        "message": command.failure.message.replace("\0", "␀"),
    }


def _step_row(workflow: WorkflowId, state: WorkflowState, position: int) -> StepRow:
    step = state.steps[position]
    ended_at = step.ended_at if step.status is StepStatus.SUCCEEDED else None
    return StepRow(
        workflow, position, step.status, step.sealed, step.done, step.running, step.rows, step.rejects, step.cached,
        step.wall_s, step.cpu_s, step.started_at or time.time(), ended_at,
    )  # fmt: skip
