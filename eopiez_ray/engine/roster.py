"""The workflows that an orchestrator holds, and those who wait for them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model.ids import WorkflowId
    from .run import Run
    from .turns import Turns

REMEMBERED = 200_000
"""Workflows of which is remembered that they have succeeded here."""


class Roster:
    """Held workflows by id. Whoever waits for one may ask from any thread."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._runs: dict[WorkflowId, Run] = {}
        self._succeeded: OrderedDict[WorkflowId, None] = OrderedDict()
        """The last workflows that have succeeded here; they will never be anything else."""

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter([*self._runs.values()])

    def __contains__(self, run: Run) -> bool:
        return self._runs.get(run.id) is run

    def get(self, workflow: WorkflowId) -> Run | None:
        """The run of a workflow that is held."""
        return self._runs.get(workflow)

    @property
    def epochs(self) -> dict[WorkflowId, int]:
        """Epochs of the workflows that are held."""
        return {run.id: run.epoch for run in self._runs.values()}

    def add(self, run: Run) -> None:
        """Hold it."""
        self._runs[run.id] = run

    def drop(self, run: Run) -> bool:
        """Hold it no longer: nothing more happens to it here. Whether it was held."""
        if run not in self:
            return False
        del self._runs[run.id]
        self._turns.leave(run)
        run.disarm()
        return True

    def release(self, run: Run, *, has_succeeded: bool) -> None:
        """It has come to rest: hold it no longer, and tell those who wait for it."""
        self.drop(run)
        if has_succeeded:
            self._succeeded[run.id] = None
            if len(self._succeeded) > REMEMBERED:
                self._succeeded.popitem(last=False)
        tell(run)

    def clear(self) -> list[Run]:
        """Hold nothing more, and tell all who wait; what was held."""
        runs = [*self._runs.values()]
        self._runs.clear()
        for run in runs:
            run.disarm()
            tell(run)
        return runs

    def ending(self, workflow: WorkflowId) -> Future[None] | None:
        """Resolved when a workflow that is held here is at rest, durably, or no longer held. From any thread."""
        run = self._runs.get(workflow)
        if run is None:
            return None
        ending: Future[None] = Future()
        run.watchers.append(ending)
        if run not in self:  # It came to rest in this moment.
            tell(run)
        return ending

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the last that have succeeded here, durably."""
        return workflow in self._succeeded

    def without_calls(self) -> Iterable[Run]:
        """Those that could go on and of which nothing is in flight, the last ones that came first."""
        return [run for run in reversed(self._runs.values()) if not run.calls and run.queued_for]


def tell(run: Run) -> None:
    """Those who wait for the run look at it again."""
    while run.watchers:
        with contextlib.suppress(IndexError):  # Another thread was quicker.
            watcher = run.watchers.pop()
            if watcher.set_running_or_notify_cancel():
                watcher.set_result(None)
