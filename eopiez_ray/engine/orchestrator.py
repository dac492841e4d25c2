"""Drives the workflows that it holds a lease on: claims, admits, dispatches, journals."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import DatabaseUnavailableError, StorageFullError
from ..logs import get_logger
from ..machine import (
    CancelRequested,
    Event,
    Packing,
    PauseRequested,
    PlanUpdated,
    RecordResults,
    RecordTask,
    TimePassed,
    WorkflowState,
    advance,
    refusal,
)
from ..model.ids import OrchestratorId, WorkflowId, uuid7
from ..model.policies import Resources
from ..model.requests import Mode
from ..model.status import WorkflowStatus
from ..store import CacheEntry, Claim, Created, Database, Intake, Ledger, NewWorkflow, Peers, RuleBook
from ..store.ledger import LOWEST
from .chronicle import Chronicle
from .dispatch import Dispatcher
from .executor import Executor
from .explaining import Explainer
from .inputs import InputResolver
from .journal import Journal
from .limits import Limits, granted
from .moments import set_within
from .run import Run
from .turns import Turns

if TYPE_CHECKING:
    import asyncpg

    from ..settings import Settings
    from .artifacts import Artifacts

POLL_S = 2.0
"""Seconds between looks at the queue when no notification comes."""
CLAIM_LIMIT = 100
HELD = 1000
"""Workflows not at rest beyond which it claims no more; the rest stays queued for others, or for later."""
URGENT = 100
"""How many of these are kept for workflows of a higher priority than the lowest that it holds."""
RULES_S = 1.0
"""Seconds between looks at limits and weights when no notification comes."""
AHEAD = 4
"""Workflows for each slot that wait in an orchestrator for their turn, where others could drive them."""
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
        name: str = "",
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
            name: what people call it.
        """
        self.id = orchestrator_id or OrchestratorId(uuid7())
        self.only: list[WorkflowId] | None = None if only is None else list(only)
        self.name = name
        self._database, self._executor, self._settings = database, executor, settings
        self._ledger = Ledger(database, settings.lease_s)
        self._intake = Intake(database, settings.lease_s)
        self._chronicle = Chronicle(database, self._ledger, self.id)
        self._revive = revive or _leave_it
        self._journal = Journal(self._ledger, settings.database_patience_s, self._drop, self._revive)
        self._has_news = asyncio.Event()
        """Set when something may start."""
        self._limits, self._rule_book, self._has_rules = Limits(), RuleBook(database), asyncio.Event()
        self._turns = Turns(self._limits)
        self._dispatcher = Dispatcher(
            executor,
            self._ledger,
            self._journal,
            artifacts,
            sender=self.id,
            limits=self._limits,
            turns=self._turns,
            apply=self._apply,
            on_room=self._has_news.set,
        )
        self._runs: dict[WorkflowId, Run] = {}
        self._count = 0
        self._explainer = Explainer(self._runs, self._dispatcher.room, self._journal)
        self._work = asyncio.Event()
        self._requests = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once others see that it lives: workflows may be created for it."""
        self._stopping = asyncio.Event()
        self._is_handing_over = False
        self._leaves_some = False
        """Whether more could be claimed than there was room for."""
        self._peers = Peers()
        self._succeeded: OrderedDict[WorkflowId, None] = OrderedDict()
        """The last workflows that have succeeded here; they will never be anything else."""
        self._lock_key = 0
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        """Shows others that this process lives."""

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

    def drive_all(self) -> None:
        """From now on claim whatever nobody else drives."""
        self.only = None
        self._work.set()

    async def create(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows and drive them from the first moment. They are durable when this returns.

        Raises:
            IdempotencyConflictError: a key was used for another plan.
        """
        return await asyncio.wrap_future(self.offer(wanted))

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]]:
        """As ``create``, from any thread."""
        place: Future[list[WorkflowId]] = Future()
        self._intake.offer([new._replace(holder=self.id) for new in wanted], partial(self._created, wanted, place))
        return place

    def _created(
        self, wanted: Sequence[NewWorkflow], place: Future[list[WorkflowId]], answer: list[Created] | Exception
    ) -> None:
        is_awaited = place.set_running_or_notify_cancel()
        if isinstance(answer, Exception):
            if is_awaited:
                place.set_exception(answer)
            return
        for made, new in zip(answer, wanted, strict=True):
            if made.is_new:
                state = WorkflowState.restore(new.plan)
                claim = Claim(made.id, 1, WorkflowStatus.RUNNING, state, new.owner, new.priority, new.labels)
                self._go_on(self._hold(claim, dict(new.code)), claim.status)
            else:
                self.drive(made.id)
        if is_awaited:
            place.set_result([made.id for made in answer])

    async def settled(self, workflow: WorkflowId) -> bool:
        """Wait until a workflow that is held here is at rest, durably; False at once if it is not held here."""
        ending = self.ending(workflow)
        if ending is not None:
            await asyncio.wrap_future(ending)
        return ending is not None

    def ending(self, workflow: WorkflowId) -> Future[None] | None:
        """Resolved when a workflow that is held here is at rest, durably, or no longer held. From any thread."""
        run = self._runs.get(workflow)
        if run is None:
            return None
        ending: Future[None] = Future()
        run.watchers.append(ending)
        if self._runs.get(workflow) is not run:  # It came to rest in this moment.
            _tell(run)
        return ending

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the last that have succeeded here, durably."""
        return workflow in self._succeeded

    def stop(self) -> None:
        """End soon: nothing more is started, running calls are dropped, leases are released."""
        self._stopping.set()

    def hand_over(self) -> None:
        """End soon, as ``stop``, but so that the next holder of its workflows takes over the workers with their calls.

        The executor must leave the workers alive.
        """
        self._is_handing_over = True
        self._stopping.set()

    async def run(self) -> None:
        """Drive workflows until ``stop``.

        Raises:
            DatabaseUnavailableError: the database stayed away for longer than the patience.
        """
        self._lock_key = await self._ledger.register(self.id, self.name, self._executor.cluster)
        await self._chronicle.read()
        self._limits.adopt(await self._rule_book.read(), {})
        links = [asyncio.ensure_future(link) for link in (self._journal.run(), self._listen())]
        duties = [
            self._executor.watch(self._has_news.set, self._chronicle.note_worker),
            self._admit(),
            self._explainer.run(),
            self._dispatcher.broken(),
            self._claim(),
            self._answer_requests(),
            self._renew(),
            self._chronicle.keep_profiles(),
            self._follow_rules(),
            self._chronicle.keep_workers(),
            self._stopping.wait(),
        ]
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            done, _ = await asyncio.wait([*links, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._wind_up(links, tasks)

    async def _wind_up(self, links: Sequence[asyncio.Future[Any]], tasks: Sequence[asyncio.Future[Any]]) -> None:
        """End all duties; the links to the database last, which a handover still needs."""
        held, is_handing_over = self.held, self._is_handing_over and not any(link.done() for link in links)
        calls = {call for run in self._runs.values() for call in run.calls}
        log.info("ending", workflows=len(held), calls_in_flight=len(calls), tasks_in_flight=self._tasks_in_flight())
        for run in self._runs.values():
            _tell(run)
        self._runs.clear()
        if is_handing_over and not held:
            self._executor.release_idle()  # Otherwise who claims next takes them over, idle ones too.
        for task in (*calls, *tasks):
            task.cancel()
        await asyncio.gather(*calls, *tasks, return_exceptions=True)
        if is_handing_over and self._session is not None:
            await self._bequeath(self._session)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        with contextlib.suppress(DatabaseUnavailableError):  # The lease then runs out by itself.
            if held and not is_handing_over:
                await self._ledger.release(held)
            await self._chronicle.save_profiles()

    def _tasks_in_flight(self) -> int:
        return sum(step.running for run in self._runs.values() for step in run.state.steps)

    async def _bequeath(self, session: asyncpg.Connection[asyncpg.Record]) -> None:
        """Let others see what is finished, and then take this orchestrator for dead, which it will be in a moment."""
        with contextlib.suppress(DatabaseUnavailableError, StorageFullError):  # The end of the session says it, too.
            await self._journal.flush()
            await self._ledger.bequeath(session, self._lock_key)

    async def _listen(self) -> None:
        """Hear of work and requests; the session's advisory lock shows others that this process lives."""

        def heard(channel: str, _payload: str) -> None:
            events = {"eopiez_request": self._requests, "eopiez_rules": self._has_rules}
            events.get(channel, self._work).set()

        while True:
            try:
                connection = await self._database.listen(heard, "eopiez_work", "eopiez_request", "eopiez_rules")
                await connection.execute("select pg_advisory_lock($1)", self._lock_key)
                self._session = connection
                self.ready.set()
                self._work.set()
                self._requests.set()
                await _closed(connection)
            except DatabaseUnavailableError as error:
                log.warning("the database does not answer", error=str(error))
                await self._revive()
            await asyncio.sleep(0.2)

    async def _claim(self) -> None:
        while True:
            await set_within(self._work, POLL_S)
            self._work.clear()
            try:
                claims = await self._claimed()
                code = await self._ledger.code(sorted({digest for claim in claims for digest in _digests(claim)}))
                former = {claim.previous for claim in claims if claim.previous is not None}
                dead = await self._ledger.dead_among(former) if former else set()
            except DatabaseUnavailableError:
                continue  # The listener is bringing it back.
            inherited = await self._executor.inherit(dead)
            claims.sort(key=lambda claim: (-claim.priority, claim.id))
            held = [self._hold(claim, {digest: code[digest] for digest in _digests(claim)}) for claim in claims]
            runs = {str(run.id): run for run in self._runs.values()} if inherited else {}
            for call in inherited:  # Before they go on: one that is to be paused is not, while these are in flight.
                self._dispatcher.inherit(runs, call)
            for run, claim in zip(held, claims, strict=True):
                self._go_on(run, claim.status)
            if len(claims) == CLAIM_LIMIT:
                self._work.set()

    async def _claimed(self) -> list[Claim]:
        """As many workflows as there is room for, or all that it was told to drive; if little is left, urgent ones."""
        if self.only is not None:
            return await self._ledger.claim(self.id, self.only, CLAIM_LIMIT)
        priorities = [run.priority for run in self._runs.values()]
        room, is_scarce = HELD - len(priorities), len(priorities) >= HELD - URGENT
        limit = min(CLAIM_LIMIT, room if is_scarce else room - URGENT)
        if self._peers.takers:
            limit = min(limit, self._ahead() - len(self._idle_runs()))
        self._leaves_some = limit < CLAIM_LIMIT
        if limit <= 0:
            return []
        driven = Counter(run.owner for run in self._runs.values())
        above = min(priorities) if is_scarce else LOWEST
        return await self._ledger.claim(self.id, None, limit, driven=driven, above=above)

    def _ahead(self) -> int:
        """How many workflows may wait here for their turn while others could drive them."""
        return AHEAD * self._executor.slots(Resources())

    def _idle_runs(self) -> list[Run]:
        """Those that could go on and of which nothing is in flight, the last ones that came first."""
        return [run for run in reversed(self._runs.values()) if not run.calls and run.queued_for]

    async def _see_peers(self) -> None:
        """Share cluster and workflows with others that drive."""
        peers = await self._ledger.peers(self.id, self._executor.cluster, takes_any=self.only is None)
        if peers.neighbours != self._peers.neighbours:
            self._executor.share(1 + peers.neighbours)
            self._has_news.set()
        self._peers = peers
        surplus = self._idle_runs()[: -2 * self._ahead()] if peers.takers and self.only is None else []
        if surplus:
            await self._leave_to_others(surplus)

    async def _leave_to_others(self, runs: Sequence[Run]) -> None:
        """Give workflows back that only wait here; what they have done is durable before."""
        for run in runs:  # From now on nothing more happens to them here.
            del self._runs[run.id]
            self._turns.leave(run)
            run.disarm()
        log.info("workflows left to others", workflows=len(runs))
        try:
            await self._journal.flush()
            await self._ledger.release({run.id: run.epoch for run in runs})
        finally:  # If the database is away, their leases run out by themselves.
            for run in runs:
                _tell(run)

    def _hold(self, claim: Claim, code: dict[str, bytes]) -> Run:
        shapes = claim.state.plan.shapes
        slots = max((self._executor.slots(shape) for shape in shapes), default=1)
        packing = Packing(slots, self._chronicle.profiles, self._limits.closed_phases)
        inputs = InputResolver(claim.id, claim.state, self._ledger, self._journal)
        self._count += 1
        run = Run(
            claim.id, claim.epoch, claim.state, packing, inputs, code, claim.owner, claim.priority, claim.labels,
            self._count,
        )  # fmt: skip
        run.adopt_policies()
        claim.state.memory_limit_bytes = self._executor.memory_limit_bytes()
        self._runs[claim.id] = run
        if self._limits.rules.maxima:
            self._has_rules.set()
        log.info("workflow held", workflow=str(claim.id), epoch=claim.epoch)
        lacking = next((reason for shape in shapes if (reason := self._executor.refusal(shape))), None)
        if lacking is not None:
            log.warning(
                "a step waits for resources that the cluster does not have", workflow=str(claim.id), reason=lacking
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
            await set_within(self._requests, POLL_S)
            self._requests.clear()
            try:
                requested = await self._ledger.requested(self.id)
            except DatabaseUnavailableError:
                continue
            for workflow, status, mode, plan, priority in requested:
                run = self._runs.get(workflow)
                if run is None:
                    continue
                self._prioritize(run, priority)
                if plan is not None:
                    await self._update(run, plan)
                if not status.is_ending:
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

    def _prioritize(self, run: Run, priority: int) -> None:
        if priority != run.priority:
            self._turns.leave(run)
            run.priority = priority
            self._turns.look(run)
            self._has_news.set()

    async def _update(self, run: Run, digest: str) -> None:
        """Go on by another plan if the workflow still can; the one who asked for it reads the answer in its history."""
        try:
            plan = await self._ledger.plan(digest)
            reason = "" if plan == run.state.plan else refusal(run.state, plan)
            if reason is not None:
                await self._ledger.answer_update(run.id, run.epoch, reason)
                return
        except DatabaseUnavailableError:
            return  # It is asked for again.
        self._apply(run, PlanUpdated(plan))
        run.adopt_policies()

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

    async def _follow_rules(self) -> None:
        """Read limits and weights, and hold permits for what is limited."""
        while True:
            await set_within(self._has_rules, RULES_S)
            self._has_rules.clear()
            try:
                await self._see_peers()
                rules = await self._rule_book.read()
                if rules != self._limits.rules:
                    self._has_news.set()
                self._limits.adopt(rules, self._limits.permits)
                wanted = self._limits.wanted(self._runs.values(), self._executor.slots(Resources()))
                if wanted or self._limits.permits:
                    permits = await self._rule_book.permits(self.id, wanted, granted)
                    if permits != self._limits.permits:
                        self._has_news.set()
                    self._limits.adopt(self._limits.rules, permits)
            except DatabaseUnavailableError:
                continue  # The permits of before hold on.

    def _drop(self, workflow: WorkflowId) -> None:
        """Another orchestrator holds it now, or it is at rest."""
        run = self._runs.pop(workflow, None)
        if run is not None:
            self._turns.leave(run)
            run.disarm()
            log.warning("workflow lost to another orchestrator", workflow=str(workflow))
            _tell(run)
            for call in run.calls:
                call.cancel()

    def _apply(self, run: Run, event: Event, cached: Sequence[CacheEntry] = ()) -> None:
        """Let the machine take an event, journal what it commands, and start what may start."""
        if self._runs.get(run.id) is not run:
            return
        commands = advance(run.state, event, time.time())
        for command in commands:
            if isinstance(command, RecordTask):
                run.inputs.remember(command.report.key, command.report.output)
                if not command.report.is_cached:
                    self._chronicle.profiles.learn(run.state.steps[command.report.key.step].spec.phase, command.report)
            elif isinstance(command, RecordResults):
                run.inputs.remember_all(command.results)
                self._chronicle.profiles.learn_all(run.state.steps[command.results.step].spec.phase, command.results)
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
        run.disarm()
        self._journal.when_durable(partial(self._let_go, run))
        if run.state.status is WorkflowStatus.PAUSED:
            self._executor.release_idle()

    def _let_go(self, run: Run, failure: BaseException | None) -> None:
        """The final status is durable, or the journal has failed and ends the orchestrator."""
        if self._runs.get(run.id) is run:
            del self._runs[run.id]
            has_room = self._peers.takers or len(self._runs) <= HELD - URGENT - CLAIM_LIMIT
            if self._leaves_some and has_room:
                self._work.set()
        if failure is None and run.state.status is WorkflowStatus.SUCCEEDED:
            self._succeeded[run.id] = None
            if len(self._succeeded) > REMEMBERED:
                self._succeeded.popitem(last=False)
        _tell(run)
        if not self._runs:
            asyncio.get_running_loop().call_later(IDLE_S, self._rest, self._count)

    def _rest(self, count: int) -> None:
        """Give the hardware back if there was no work since this many workflows."""
        if not self._runs and self._count == count:
            self._executor.release_idle()

    async def _admit(self) -> None:
        """Start what may start, once for all that happens in a turn of the loop."""
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            self._dispatcher.start_what_fits()
            self._explainer.has_moved = True


def _digests(claim: Claim) -> set[str]:
    return {step.phase.digest for step in claim.state.plan.steps}


def _tell(run: Run) -> None:
    """Those who wait for the run look at it again."""
    while run.watchers:
        with contextlib.suppress(IndexError):  # Another thread was quicker.
            watcher = run.watchers.pop()
            if watcher.set_running_or_notify_cancel():
                watcher.set_result(None)


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
