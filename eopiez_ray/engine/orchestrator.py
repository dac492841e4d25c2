"""Drives the workflows that it holds a lease on: claims, admits, dispatches, journals."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from ..errors import ArtifactError, DatabaseUnavailableError, EopiezError
from ..machine import (
    Call,
    CallLost,
    CancelRequested,
    Command,
    Event,
    Packing,
    PauseRequested,
    RecordTask,
    Reported,
    TimePassed,
    UpdateStep,
    WorkflowState,
    advance,
    next_call,
)
from ..model.ids import OrchestratorId, WorkflowId, uuid7
from ..model.status import Outcome, WorkflowStatus
from ..model.tasks import Failure, Report, TaskKey
from ..store import CacheEntry, Claim, Database, Ledger
from .executor import CallTimedOutError, Executor, Slot, WorkerLostError
from .inputs import InputResolver
from .journal import Journal

if TYPE_CHECKING:
    import asyncpg

    from ..model.policies import Resources
    from ..settings import Settings
    from .artifacts import Artifacts

POLL_S = 2.0
"""Seconds between looks at the queue when no notification comes."""
CLAIM_LIMIT = 100
CANCEL_GRACE_S = 5.0
"""Seconds that running tasks get to end after a cancel before their workers are killed."""
IDLE_S = 10.0
"""Seconds without a workflow after which the workers' resources are given back."""
LONG_S = 0.05
"""Estimated seconds from which a call's start is written down, so that people see what is running."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Run:
    """A workflow that is held."""

    id: WorkflowId
    epoch: int
    state: WorkflowState
    packing: Packing
    inputs: InputResolver
    shapes: tuple[Resources, ...]
    calls: dict[asyncio.Task[None], str] = field(default_factory=dict)
    """Running calls and their workers."""
    wake: asyncio.TimerHandle | None = None
    source_workers: dict[int, str] = field(default_factory=dict)
    """The worker that holds each source's iterator."""


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
    ) -> None:
        """
        Args:
            database: where the workflows are.
            executor: where their tasks run.
            artifacts: where their outputs are.
            settings: leases and patience.
            only: drive no workflows but these; None drives all.
            revive: called when the database is lost, to bring it back if that is in our hands.
        """
        self.id = OrchestratorId(uuid7())
        self.only: list[WorkflowId] | None = None if only is None else list(only)
        self._database, self._executor, self._artifacts, self._settings = (
            database,
            executor,
            artifacts,
            settings,
        )
        self._ledger = Ledger(database, settings.lease_s)
        self._revive = revive or _leave_it
        self._journal = Journal(self._ledger, settings.database_patience_s, self._drop, self._revive)
        self._runs: dict[WorkflowId, Run] = {}
        self._durations_s: dict[str, float] = {}
        self._work = asyncio.Event()
        self._requests = asyncio.Event()
        self._stopping = asyncio.Event()
        self._lock_key = 0

    @property
    def held(self) -> dict[WorkflowId, int]:
        """Epochs of the workflows that it holds."""
        return {run.id: run.epoch for run in self._runs.values()}

    def drive(self, workflow: WorkflowId) -> None:
        """Add a workflow to those that it may claim, and look for it now."""
        if self.only is not None and workflow not in self.only:
            self.only.append(workflow)
        self._work.set()

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
            self._executor.watch(self._admit_all),
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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), POLL_S)
            self._work.clear()
            try:
                claims = await self._ledger.claim(self.id, self.only, CLAIM_LIMIT)
            except DatabaseUnavailableError:
                continue  # The listener is bringing it back.
            for claim in claims:
                await self._begin(claim)
            if len(claims) == CLAIM_LIMIT:
                self._work.set()

    async def _begin(self, claim: Claim) -> None:
        plan = claim.state.plan
        code = await self._ledger.code([step.phase.digest for step in plan.steps])
        shapes = tuple({step.policy.resources: None for step in plan.steps})
        cached = frozenset(position for position, step in enumerate(plan.steps) if step.policy.cache)
        packing = Packing(self._executor.slots(shapes[0]), self._durations_s, cached)
        inputs = InputResolver(claim.id, claim.state, self._ledger, self._journal, code)
        run = self._runs[claim.id] = Run(claim.id, claim.epoch, claim.state, packing, inputs, shapes)
        log.info("workflow claimed", workflow=str(claim.id), epoch=claim.epoch)
        refusal = next((reason for shape in shapes if (reason := self._executor.refusal(shape))), None)
        if refusal is not None:
            log.warning(
                "a step waits for resources that the cluster does not have",
                workflow=str(claim.id),
                reason=refusal,
            )
        if claim.status is WorkflowStatus.PAUSING:
            self._apply(run, PauseRequested())
        elif claim.status is WorkflowStatus.CANCELLING:
            self._apply(run, CancelRequested())
        else:
            self._apply(run, TimePassed())

    async def _answer_requests(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._requests.wait(), POLL_S)
            self._requests.clear()
            try:
                requested = await self._ledger.requested(self.id)
            except DatabaseUnavailableError:
                continue
            for workflow, status in requested:
                run = self._runs.get(workflow)
                if run is None or run.state.status is status:
                    continue
                if status is WorkflowStatus.PAUSING:
                    self._apply(run, PauseRequested())
                elif status is WorkflowStatus.CANCELLING:
                    self._apply(run, CancelRequested())
                    asyncio.get_running_loop().call_later(CANCEL_GRACE_S, self._force, run)

    def _force(self, run: Run) -> None:
        """Kill the workers of a cancelled run whose tasks did not end in time."""
        if run.id in self._runs and run.calls:
            log.warning(
                "tasks outlast their cancel, stopping their workers",
                workflow=str(run.id),
                calls=len(run.calls),
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
            for call in run.calls:
                call.cancel()

    def _apply(self, run: Run, event: Event, cached: list[CacheEntry] | None = None) -> None:
        """Let the machine take an event, journal what it commands, and start what may start."""
        if run.id not in self._runs:
            return
        commands = advance(run.state, event, time.time())
        self._learn(run, commands)
        if commands or cached:
            self._journal.add(run.id, run.epoch, run.state, commands, cached)
        if run.state.status.is_at_rest:
            self._finish(run)
            return
        self._set_alarm(run)
        self._admit_all()

    def _learn(self, run: Run, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, RecordTask):
                run.inputs.remember(command.report)
                if not command.report.is_cached:
                    run.packing.learn(run.state.steps[command.report.key.step], command.report.wall_s)

    def _set_alarm(self, run: Run) -> None:
        if run.wake is not None:
            run.wake.cancel()
            run.wake = None
        at = run.state.wake_at
        if at is not None and run.state.ending is None:
            run.wake = asyncio.get_running_loop().call_later(max(0.0, at - time.time()), self._apply, run, TimePassed())

    def _finish(self, run: Run) -> None:
        log.info("workflow at rest", workflow=str(run.id), status=run.state.status)
        del self._runs[run.id]
        if run.wake is not None:
            run.wake.cancel()
        if run.state.status is WorkflowStatus.PAUSED:
            self._executor.release_idle()
        elif not self._runs:
            asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        """Give the hardware back after a while without work."""
        if not self._runs:
            self._executor.release_idle()

    def _admit_all(self) -> None:
        for run in list(self._runs.values()):
            self._admit(run)

    def _admit(self, run: Run) -> None:
        """Start calls while there is both room and work."""
        for resources in run.shapes:
            while any(step.ready and step.spec.policy.resources == resources for step in run.state.steps):
                slot = self._executor.take(resources)
                if slot is None:
                    break
                call = next_call(run.state, resources, run.packing)
                if call is None:
                    self._executor.give_back(slot)
                    break
                slot = self._nearer(run, call, slot)
                task = asyncio.create_task(self._execute(run, call, slot))
                run.calls[task] = slot.worker
                task.add_done_callback(lambda done, calls=run.calls: _forget(calls, done))  # type: ignore[misc]

    def _nearer(self, run: Run, call: Call, slot: Slot) -> Slot:
        """A source goes on where its iterator is, if that worker is free."""
        position = call.tasks[0].key.step
        wanted = run.source_workers.get(position)
        if wanted is None or wanted == slot.worker:
            return slot
        better = self._executor.take(slot.resources, wanted)
        if better is None:
            return slot
        self._executor.give_back(slot)
        return better

    async def _execute(self, run: Run, call: Call, slot: Slot) -> None:
        """One call from its inputs to what became of it."""
        keys, is_taken, cache_key = tuple(task.key for task in call.tasks), False, None
        first = run.state.steps[keys[0].step]
        if call.estimate_s >= LONG_S or first.spec.phase.digest not in self._durations_s:
            self._journal.add(run.id, run.epoch, run.state, [UpdateStep(first.position)])
        try:
            work = await run.inputs.resolve(call)
            if first.position in run.packing.cached_steps:
                cache_key = run.inputs.cache_key(keys[0])
                hit = await self._from_cache(keys[0], cache_key)
                if hit is not None:
                    self._executor.give_back(slot)
                    is_taken = True
                    self._apply(run, Reported((hit,)))
                    return
            is_taken = True
            reports = await self._executor.run(slot, work, call.estimate_s, first.spec.policy.timeout_s)
        except WorkerLostError as error:
            self._apply(run, CallLost(keys, error.reason, error.worker))
        except CallTimedOutError as error:
            failure = Failure("TimedOut", f"took longer than its limit of {error.seconds:g} s", "")
            self._apply(
                run,
                Reported(
                    (
                        Report(
                            keys[0],
                            Outcome.TIMED_OUT,
                            failure=failure,
                            started_at=time.time(),
                            worker=error.worker,
                        ),
                    )
                ),
            )
        except DatabaseUnavailableError:
            raise  # The journal ends the orchestrator; the tasks are in flight for whoever claims next.
        except EopiezError as error:
            failure = Failure(type(error).__name__, str(error), "")
            self._apply(
                run,
                Reported(tuple(Report(key, Outcome.REFUSED, failure=failure, started_at=time.time()) for key in keys)),
            )
        else:
            self._note_source(run, reports, slot)
            self._apply(run, Reported(tuple(reports)), _cache_entries(cache_key, reports))
        finally:
            if not is_taken:
                self._executor.give_back(slot)

    def _note_source(self, run: Run, reports: Sequence[Report], slot: Slot) -> None:
        position = reports[0].key.step
        if not run.state.steps[position].inputs:
            run.source_workers[position] = slot.worker

    async def _from_cache(self, task: TaskKey, key: bytes | None) -> Report | None:
        """The result that an equal task has left, if it can still be read."""
        entry = (await self._ledger.cached([key])).get(key) if key else None
        if key is None or entry is None:
            return None
        try:
            is_there = await asyncio.to_thread(self._artifacts.holds, entry.output)
        except (ArtifactError, OSError) as error:
            log.warning("cached result cannot be checked", error=str(error))
            return None
        if not is_there:
            await self._ledger.forget_cached(key)
            return None
        return Report(task, Outcome.SUCCEEDED, entry.output, entry.rows, started_at=time.time(), is_cached=True)


def _cache_entries(key: bytes | None, reports: Sequence[Report]) -> list[CacheEntry]:
    """What equal tasks may find: the one result of a call whose task has a key."""
    first = reports[0]
    if key is None or first.output is None or first.rejects:
        return []
    return [CacheEntry(key, first.output, first.rows)]


def _forget(calls: dict[asyncio.Task[None], str], done: asyncio.Task[None]) -> None:
    """A call has ended; an error that nobody foresaw must be heard."""
    calls.pop(done, None)
    if not done.cancelled() and done.exception() is not None:
        log.error("a call failed in an unforeseen way", exc_info=done.exception())


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
