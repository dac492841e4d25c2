"""The workflows an orchestrator holds, and those who wait for them."""

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
"""How many workflows to remember as having succeeded here."""


class Roster:
    """Held workflows by id. Waiting for one is possible from any thread."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._runs: dict[WorkflowId, Run] = {}
        self._succeeded: OrderedDict[WorkflowId, None] = OrderedDict()
        """The latest workflows that succeeded here; success is final."""

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter([*self._runs.values()])

    def __contains__(self, run: Run) -> bool:
        return self._runs.get(run.id) is run

    def get(self, workflow: WorkflowId) -> Run | None:
        """The run of a held workflow."""
        return self._runs.get(workflow)

    @property
    def epochs(self) -> dict[WorkflowId, int]:
        """Epochs of the held workflows."""
        return {run.id: run.epoch for run in self._runs.values()}

    def add(self, run: Run) -> None:
        """Hold it."""
        self._runs[run.id] = run

    def drop(self, run: Run) -> bool:
        """Release it, so that nothing more happens to it here; give whether it was held."""
        if run not in self:
            return False
        del self._runs[run.id]
        self._turns.leave(run)
        run.disarm()
        return True

    def release(self, run: Run, *, has_succeeded: bool) -> None:
        """Release a workflow that has come to rest, and tell those who wait for it."""
        self.drop(run)
        if has_succeeded:
            self._succeeded[run.id] = None
            if len(self._succeeded) > REMEMBERED:
                self._succeeded.popitem(last=False)
        tell(run)

    def clear(self) -> list[Run]:
        """Release all workflows, tell all who wait, and give what was held."""
        runs = [*self._runs.values()]
        self._runs.clear()
        for run in runs:
            run.disarm()
            tell(run)
        return runs

    def ending(self, workflow: WorkflowId) -> Future[None] | None:
        """Resolved when a workflow held here is durably at rest, or no longer held. Callable from any thread."""
        run = self._runs.get(workflow)
        if run is None:
            return None
        ending: Future[None] = Future()
        run.watchers.append(ending)
        if run not in self:  # It came to rest just now.
            tell(run)
        return ending

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the latest that durably succeeded here."""
        return workflow in self._succeeded

    def without_calls(self) -> Iterable[Run]:
        """Runs that could continue and have nothing in flight, latest first."""
        return [run for run in reversed(self._runs.values()) if not run.calls and run.queued_for]


def tell(run: Run) -> None:
    """Make those who wait for the run look at it again."""
    while run.watchers:
        with contextlib.suppress(IndexError):  # Another thread was quicker.
            watcher = run.watchers.pop()
            if watcher.set_running_or_notify_cancel():
                watcher.set_result(None)
