"""What happens to a held workflow, from an event to its writes, and when handling it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..logs import get_logger
from ..machine import (
    CancelRequested,
    Command,
    Event,
    PauseRequested,
    PlanUpdated,
    RecordResults,
    RecordTask,
    TimePassed,
    advance,
)
from ..model.status import WorkflowStatus

if TYPE_CHECKING:
    from ..model.ids import WorkflowId
    from ..model.plan import PlanSpec
    from ..store import CacheEntry
    from .chronicle import Chronicle
    from .executor import Executor
    from .journal import Journal
    from .roster import Roster
    from .run import Run
    from .turns import Turns

log = get_logger(__name__)


class Conductor:
    """Moves held workflows forward, one event at a time.

    Each of its methods is a bulkhead: an unexpected error quarantines the workflow and is not raised.
    """

    def __init__(
        self,
        roster: Roster,
        turns: Turns,
        journal: Journal,
        chronicle: Chronicle,
        executor: Executor,
        *,
        on_news: Callable[[], None],
        on_free: Callable[[], None],
    ) -> None:
        """
        Args:
            roster: the held workflows.
            turns: who wants to start something.
            journal: writes what the machine commands.
            chronicle: learns what tasks take.
            executor: stops workers.
            on_news: called when something may start.
            on_free: called when a workflow is released.
        """
        self._roster, self._turns, self._journal = roster, turns, journal
        self._chronicle, self._executor = chronicle, executor
        self._on_news, self._on_free = on_news, on_free

    def begin(self, run: Run, status: WorkflowStatus) -> None:
        """Begin from the workflow's current state, or with a request made while nobody drove it."""
        if status.is_ending:
            self.wind_down(run, status)
        else:
            self.apply(run, TimePassed())

    def wind_down(self, run: Run, status: WorkflowStatus) -> None:
        """Start no more of its tasks, for a pause or a cancel."""
        self.apply(run, PauseRequested() if status is WorkflowStatus.PAUSING else CancelRequested())

    def update(self, run: Run, plan: PlanSpec) -> None:
        """Continue it with a changed plan that has passed all checks."""
        self.apply(run, PlanUpdated(plan))
        run.adopt_policies()

    def apply(self, run: Run, event: Event, cached: Sequence[CacheEntry] = ()) -> None:
        """Pass an event to the machine, journal what it commands, and start what may start."""
        if run not in self._roster:
            return
        try:
            self._advance(run, event, cached)
        except Exception as error:  # noqa: BLE001 - the bulkhead
            self.quarantine(run, error)

    def _advance(self, run: Run, event: Event, cached: Sequence[CacheEntry]) -> None:
        commands = advance(run.state, event, time.time())
        for command in commands:
            self._remember(run, command)
        if commands or cached:
            self._journal.add(run.id, run.epoch, run.state, commands, cached)
        if run.state.status.is_at_rest:
            self._turns.leave(run)
            self._finish(run)
            return
        self._turns.look(run)
        if run.state.waiting or run.state.limited:
            self._set_alarm(run)
        if run.state.is_overdue:
            self._force(run)
        self._on_news()

    def _remember(self, run: Run, command: Command) -> None:
        """Keep the outputs that tasks take next in memory, and learn how long tasks take."""
        if isinstance(command, RecordTask):
            run.inputs.remember(command.report.key, command.report.output)
            if not command.report.is_cached:
                phase = run.state.steps[command.report.key.step].spec.phase
                self._chronicle.profiles.learn(phase, command.report)
        elif isinstance(command, RecordResults):
            run.inputs.remember_all(command.results)
            self._chronicle.profiles.learn_all(run.state.steps[command.results.step].spec.phase, command.results)

    def _set_alarm(self, run: Run) -> None:
        if run.wake is not None:
            run.wake.cancel()
            run.wake = None
        at = run.state.wake_at
        if at is not None and run.state.ending is None:
            run.wake = asyncio.get_running_loop().call_later(max(0.0, at - time.time()), self.apply, run, TimePassed())

    def limit(self, run: Run, grace_s: float) -> None:
        """Give the run's calls this long to end, unless they already have less."""
        loop = asyncio.get_running_loop()
        at = loop.time() + grace_s
        if run.force is None or at < run.force.when():
            if run.force is not None:
                run.force.cancel()
            run.force = loop.call_at(at, self._force, run)

    def _force(self, run: Run) -> None:
        """Stop the workers of a run whose tasks did not end in time; their tasks are requeued."""
        if run in self._roster and run.calls:
            log.warning(
                "tasks take too long to end, stopping their workers", workflow=str(run.id), calls=len(run.calls)
            )
            self._executor.stop_workers(set(run.calls.values()))

    def _finish(self, run: Run) -> None:
        log.info("workflow at rest", workflow=str(run.id), status=run.state.status)
        run.disarm()
        self._journal.when_durable(partial(self._let_go, run))
        if run.state.status is WorkflowStatus.PAUSED:
            self._executor.release_idle()

    def _let_go(self, run: Run, failure: BaseException | None) -> None:
        """Tell those who wait: the final status is durable, or the journal failed and ends the orchestrator."""
        has_succeeded = failure is None and run.state.status is WorkflowStatus.SUCCEEDED
        self._roster.release(run, has_succeeded=has_succeeded)
        self._on_free()

    def quarantine(self, run: Run, error: BaseException) -> None:
        """Quarantine a workflow that cannot be driven any further; others continue as if nothing had happened."""
        if run not in self._roster:
            return
        log.error("workflow quarantined", workflow=str(run.id), exc_info=error)
        self._journal.quarantine(run.id, run.epoch, error)
        self._leave(run)
        self._journal.when_durable(partial(self._let_go, run))

    def lose(self, workflow: WorkflowId) -> None:
        """Drop a workflow that can no longer be written: another orchestrator holds it, or it was quarantined."""
        run = self._roster.get(workflow)
        if run is not None:
            log.warning("workflow no longer held", workflow=str(workflow))
            self._leave(run)
            self._roster.release(run, has_succeeded=False)
            self._on_free()

    def _leave(self, run: Run) -> None:
        """Release it. Calls of its own are stopped; those it shares with others continue."""
        self._roster.drop(run)
        shared = {call for other in self._roster for call in other.calls} if run.calls else set()
        own = {worker for call, worker in run.calls.items() if call not in shared}
        if own:
            self._executor.stop_workers(own)
