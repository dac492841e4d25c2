"""Drives the workflows that it holds a lease on: claims, admits, dispatches, journals."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DatabaseUnavailableError
from ..logs import get_logger
from ..machine import (
    CancelRequested,
    Event,
    Packing,
    PauseRequested,
    RecordTask,
    TimePassed,
    UpdateStep,
    WorkflowState,
    advance,
)
from ..model.ids import OrchestratorId, WorkflowId, uuid7
from ..model.requests import Mode
from ..model.status import PhaseKind, WorkflowStatus
from ..store import CacheEntry, Claim, Database, Intake, Ledger, NewWorkflow
from .admission import reasons
from .dispatch import Dispatcher
from .executor import Executor
from .inputs import InputResolver
from .journal import Journal
from .run import Run

if TYPE_CHECKING:
    import asyncpg

    from ..settings import Settings
    from .artifacts import Artifacts

POLL_S = 2.0
"""Seconds between looks at the queue when no notification comes."""
CLAIM_LIMIT = 100
EXPLAIN_S = 1.0
"""Seconds between looks at why steps wait."""
REMEMBERED = 10_000
CANCEL_GRACE_S = 5.0
"""Seconds that running tasks get to end after a cancel before their workers are stopped."""
NOW_GRACE_S = 0.25
"""The same where a pause or a cancel is wanted now: calls of short tasks end within 0.05 s by themselves."""
IDLE_S = 10.0
"""Seconds without a workflow after which the workers' resources are given back."""

log = get_logger(__name__)


class Orchestrator:
    """One driver of workflows. ``run`` it; ``stop`` ends it, leaving everything to be claimed by another."""

    def __init__(
        self,
        database: Database,
        executor: Executor,
        artifacts: Artifacts,
        settings: Settings,
        *,
        only: Sequence[WorkflowId] | None = None,
        revive: Callable[[], Awaitable[None]] | None = None,
        orchestrator_id: OrchestratorId | None = None,
    ) -> None:
        """
        Args:
            database: where the workflows are.
            executor: where their tasks run.
            artifacts: where their outputs are.
            settings: leases and patience.
            only: drive no workflows but these; None drives all.
            revive: called when the database is lost, to bring it back if that is in our hands.
            orchestrator_id: its own, where the executor must know it too.
        """
        self.id = orchestrator_id or OrchestratorId(uuid7())
        self.only: list[WorkflowId] | None = None if only is None else list(only)
        self._database, self._executor, self._settings = database, executor, settings
        self._ledger = Ledger(database, settings.lease_s)
        self._intake = Intake(database, settings.lease_s)
        self._revive = revive or _leave_it
        self._journal = Journal(self._ledger, settings.database_patience_s, self._drop, self._revive)
        self._has_news = asyncio.Event()
        """Set when something may start."""
        self._dispatcher = Dispatcher(
            executor, self._ledger, self._journal, artifacts, apply=self._apply, on_room=self._has_news.set
        )
        self._runs: dict[WorkflowId, Run] = {}
        self._count = 0
        self._durations_s: dict[str, float] = {}
        self._work = asyncio.Event()
        self._requests = asyncio.Event()
        self._stopping = asyncio.Event()
        self._succeeded: OrderedDict[WorkflowId, None] = OrderedDict()
        """The last workflows that have succeeded here; they will never be anything else."""
        self._lock_key = 0

    @property
    def held(self) -> dict[WorkflowId, int]:
        """Epochs of the workflows that it holds."""
        return {run.id: run.epoch for run in self._runs.values()}

    def drive(self, *workflows: WorkflowId) -> None:
        """Add workflows to those that it may claim, and look for them now."""
        if self.only is not None:
            known = set(self.only)
            self.only += [workflow for workflow in workflows if workflow not in known]
        self._work.set()

    async def create(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows and drive them from the first moment. They are durable when this returns.

        Raises:
            IdempotencyConflictError: a key was used for another plan.
        """
        created = await self._intake.create(*(new._replace(holder=self.id) for new in wanted))
        for made, new in zip(created, wanted, strict=True):
            if made.is_new:
                state = WorkflowState.restore(new.plan)
                claim = Claim(made.id, 1, WorkflowStatus.RUNNING, state, new.owner, new.priority)
                self._go_on(self._hold(claim, dict(new.code)), claim.status)
            else:
                self.drive(made.id)
        return [made.id for made in created]

    async def settled(self, workflow: WorkflowId) -> bool:
        """Wait until a workflow that is held here is at rest, durably; False at once if it is not held here."""
        run = self._runs.get(workflow)
        if run is None:
            return False
        if run.at_rest is None:
            run.at_rest = asyncio.get_running_loop().create_future()
        await asyncio.shield(run.at_rest)
        return True

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the last that have succeeded here, durably."""
        return workflow in self._succeeded

    def stop(self) -> None:
        """End soon: nothing more is started, running calls are dropped, leases are released."""
        self._stopping.set()

    async def run(self) -> None:
        """Drive workflows until ``stop``.

        Raises:
            DatabaseUnavailableError: the database stayed away for longer than the patience.
        """
        self._lock_key = await self._ledger.register(self.id)
        duties = [
            self._journal.run(),
            self._listen(),
            self._executor.watch(self._has_news.set),
            self._admit(),
            self._explain(),
            self._dispatcher.broken(),
            self._claim(),
            self._answer_requests(),
            self._renew(),
            self._stopping.wait(),
        ]
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._wind_up(tasks)

    async def _wind_up(self, tasks: Sequence[asyncio.Future[Any]]) -> None:
        held = self.held
        for run in self._runs.values():
            _tell(run)
        calls = [call for run in self._runs.values() for call in run.calls]
        self._runs.clear()
        for task in (*calls, *tasks):
            task.cancel()
        await asyncio.gather(*calls, *tasks, return_exceptions=True)
        if held:
            with contextlib.suppress(DatabaseUnavailableError):  # The lease then runs out by itself.
                await self._ledger.release(held)

    async def _listen(self) -> None:
        """Hear of work and requests; the session's advisory lock shows others that this process lives."""

        def heard(channel: str, _payload: str) -> None:
            (self._requests if channel == "eopiez_request" else self._work).set()

        while True:
            try:
                connection = await self._database.listen(heard, "eopiez_work", "eopiez_request")
                await connection.execute("select pg_advisory_lock($1)", self._lock_key)
                self._work.set()
                self._requests.set()
                await _closed(connection)
            except DatabaseUnavailableError as error:
                log.warning("the database does not answer", error=str(error))
                await self._revive()
            await asyncio.sleep(0.2)

    async def _claim(self) -> None:
        while True:
            await _set_within(self._work, POLL_S)
            self._work.clear()
            try:
                claims = await self._ledger.claim(self.id, self.only, CLAIM_LIMIT)
                code = await self._ledger.code(sorted({digest for claim in claims for digest in _digests(claim)}))
                former = {claim.previous for claim in claims if claim.previous is not None}
                dead = await self._ledger.dead_among(former) if former else set()
            except DatabaseUnavailableError:
                continue  # The listener is bringing it back.
            inherited = await self._executor.inherit(dead)
            claims.sort(key=lambda claim: (-claim.priority, claim.id))
            held = [self._hold(claim, {digest: code[digest] for digest in _digests(claim)}) for claim in claims]
            runs = {str(run.id): run for run in self._runs.values()}
            for call in inherited:  # Before they go on: one that is to be paused is not, while these are in flight.
                self._dispatcher.inherit(runs, call)
            for run, claim in zip(held, claims, strict=True):
                self._go_on(run, claim.status)
            if len(claims) == CLAIM_LIMIT:
                self._work.set()

    def _hold(self, claim: Claim, code: dict[str, bytes]) -> Run:
        plan = claim.state.plan
        cached = frozenset(position for position, step in enumerate(plan.steps) if step.policy.cache)
        shapes = {step.policy.resources for step in plan.steps if step.phase.kind is not PhaseKind.VALUES}
        slots = max((self._executor.slots(shape) for shape in shapes), default=1)
        packing = Packing(slots, self._durations_s, cached)
        inputs = InputResolver(claim.id, claim.state, self._ledger, self._journal)
        self._count += 1
        run = Run(
            claim.id, claim.epoch, claim.state, packing, inputs, code, claim.owner, claim.priority, self._count
        )  # fmt: skip
        self._runs[claim.id] = run
        log.info("workflow held", workflow=str(claim.id), epoch=claim.epoch)
        refusal = next((reason for shape in shapes if (reason := self._executor.refusal(shape))), None)
        if refusal is not None:
            log.warning(
                "a step waits for resources that the cluster does not have", workflow=str(claim.id), reason=refusal
            )
        return run

    def _go_on(self, run: Run, status: WorkflowStatus) -> None:
        """Begin where the workflow stands, or with what somebody has asked for while nobody drove it."""
        if status in {WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING}:
            self._requests.set()  # Which also tells how long its calls may take.
            self._wind_down(run, status)
        else:
            self._apply(run, TimePassed())

    def _wind_down(self, run: Run, status: WorkflowStatus) -> None:
        self._apply(run, PauseRequested() if status is WorkflowStatus.PAUSING else CancelRequested())

    async def _answer_requests(self) -> None:
        while True:
            await _set_within(self._requests, POLL_S)
            self._requests.clear()
            try:
                requested = await self._ledger.requested(self.id)
            except DatabaseUnavailableError:
                continue
            for workflow, status, mode in requested:
                run = self._runs.get(workflow)
                if run is None:
                    continue
                if run.state.status is not status:
                    self._wind_down(run, status)
                if mode is Mode.NOW:
                    self._limit(run, NOW_GRACE_S)
                elif status is WorkflowStatus.CANCELLING:
                    self._limit(run, CANCEL_GRACE_S)

    def _limit(self, run: Run, grace_s: float) -> None:
        """Give the run's calls so long to end, unless they have less already."""
        loop = asyncio.get_running_loop()
        at = loop.time() + grace_s
        if run.force is None or at < run.force.when():
            if run.force is not None:
                run.force.cancel()
            run.force = loop.call_at(at, self._force, run)

    def _force(self, run: Run) -> None:
        """Stop the workers of a run whose tasks did not end in time; what they had in hand is handed back."""
        if self._runs.get(run.id) is run and run.calls:
            log.warning(
                "tasks take too long to end, stopping their workers", workflow=str(run.id), calls=len(run.calls)
            )
            self._executor.stop_workers(set(run.calls.values()))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            held = self.held
            if not held:
                continue
            try:
                kept = await self._ledger.renew(held)
            except DatabaseUnavailableError:
                continue  # Nobody can claim them either while the database is away.
            await self._journal.flush()
            for workflow in held.keys() - kept:
                if workflow in self._runs:
                    self._drop(workflow)

    def _drop(self, workflow: WorkflowId) -> None:
        """Another orchestrator holds it now, or it is at rest."""
        run = self._runs.pop(workflow, None)
        if run is not None:
            log.warning("workflow lost to another orchestrator", workflow=str(workflow))
            _tell(run)
            for call in run.calls:
                call.cancel()

    def _apply(self, run: Run, event: Event, cached: Sequence[CacheEntry] = ()) -> None:
        """Let the machine take an event, journal what it commands, and start what may start."""
        if run.id not in self._runs:
            return
        commands = advance(run.state, event, time.time())
        for command in commands:
            if isinstance(command, RecordTask):
                run.inputs.remember(command.report)
                if not command.report.is_cached:
                    run.packing.learn(run.state.steps[command.report.key.step], command.report.wall_s)
        if commands or cached:
            self._journal.add(run.id, run.epoch, run.state, commands, cached)
        if run.state.status.is_at_rest:
            self._finish(run)
            return
        run.look()
        if run.state.waiting:
            self._set_alarm(run)
        self._has_news.set()

    def _set_alarm(self, run: Run) -> None:
        if run.wake is not None:
            run.wake.cancel()
            run.wake = None
        at = run.state.wake_at
        if at is not None and run.state.ending is None:
            run.wake = asyncio.get_running_loop().call_later(max(0.0, at - time.time()), self._apply, run, TimePassed())

    def _finish(self, run: Run) -> None:
        log.info("workflow at rest", workflow=str(run.id), status=run.state.status)
        if run.wake is not None:
            run.wake.cancel()
        closing = asyncio.ensure_future(self._journal.flush())
        closing.add_done_callback(lambda done: self._let_go(run, done))
        if run.state.status is WorkflowStatus.PAUSED:
            self._executor.release_idle()

    def _let_go(self, run: Run, flushed: asyncio.Future[None]) -> None:
        """The final status is durable, or the journal has failed and ended the orchestrator."""
        if self._runs.get(run.id) is run:
            del self._runs[run.id]
        is_durable = not flushed.cancelled() and flushed.exception() is None
        if is_durable and run.state.status is WorkflowStatus.SUCCEEDED:
            self._succeeded[run.id] = None
            if len(self._succeeded) > REMEMBERED:
                self._succeeded.popitem(last=False)
        _tell(run)
        if not self._runs:
            asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        """Give the hardware back after a while without work."""
        if not self._runs:
            self._executor.release_idle()

    async def _explain(self) -> None:
        """Write down why steps wait, as far as it has changed."""
        while True:
            await asyncio.sleep(EXPLAIN_S)
            room = self._dispatcher.room(self._runs.values())
            for run in self._runs.values():
                found = reasons(run, room, time.time())
                changed = [step for step in run.state.steps if step.reason != found.get(step.position, "")]
                for step in changed:
                    step.reason = found.get(step.position, "")
                if changed:
                    updates = [UpdateStep(step.position) for step in changed]
                    self._journal.add(run.id, run.epoch, run.state, updates)

    async def _admit(self) -> None:
        """Start what may start, once for all that happens in a turn of the loop."""
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            self._dispatcher.start_what_fits(self._runs.values())


def _digests(claim: Claim) -> set[str]:
    return {step.phase.digest for step in claim.state.plan.steps}


def _tell(run: Run) -> None:
    """Those who wait for the run look at it again."""
    if run.at_rest is not None and not run.at_rest.done():
        run.at_rest.set_result(None)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set or the time is over.

    Not by ``asyncio.wait_for``, which until Python 3.12 forgets a cancel that meets the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _leave_it() -> None:
    """The database is not ours to start."""


async def _closed(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Wait until the connection's session has ended."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    try:
        await ended.wait()
    finally:
        connection.terminate()
