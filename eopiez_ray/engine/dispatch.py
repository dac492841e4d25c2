"""From admitted work to calls on workers, and from the outcome of a call to events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import ArtifactError, DatabaseUnavailableError, EopiezError
from ..logs import get_logger
from ..machine import Adopted, CallLost, CallStopped, Event, Reported, TimePassed, UpdateStep
from ..machine.packing import CALL_S, SPREAD_S
from ..model.results import Results, expanded
from ..model.status import Outcome, PhaseKind
from ..model.tasks import Failure, Report, TaskKey
from ..model.work import WorkCall, WorkPart
from ..store import CacheEntry
from .admission import Packed, Room, pack
from .executor import CallTimedOutError, Executor, Expected, Inherited, Slot, WorkerLostError, WorkerStoppedError
from .precedence import Precedence
from .run import Run, RunFault

if TYPE_CHECKING:
    from ..machine import Call
    from ..model.ids import OrchestratorId
    from ..model.limits import LimitKey
    from ..model.policies import Resources
    from ..store import Ledger
    from .artifacts import Artifacts
    from .conductor import Conductor
    from .journal import Journal
    from .limits import Limits
    from .spans import SpanBox
    from .turns import Turns

RETRY_S = 0.2
RETURN_S = 0.003
"""Seconds within which a small call should be back."""
BRIEF_S = 0.005
"""Estimated seconds of a call up to which the latency to a worker matters more than the choice of worker."""
LONG_S = 0.05
"""Estimated seconds of a call from which its start is recorded, so that users see what is running."""

log = get_logger(__name__)

Calls = Sequence[tuple["Run", "Call"]]


class Dispatcher:
    """Starts calls while there is both room and work, and passes their outcomes to ``apply``."""

    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        journal: Journal,
        artifacts: Artifacts,
        *,
        sender: OrchestratorId,
        limits: Limits,
        turns: Turns,
        conductor: Conductor,
        on_room: Callable[[], None],
        spans: SpanBox | None = None,
    ) -> None:
        self._executor, self._ledger, self._journal, self._artifacts = executor, ledger, journal, artifacts
        self._limits, self._conductor, self._on_room = limits, conductor, on_room
        self._turns, self._sender, self._spans = turns, sender.hex, spans
        self._precedence = Precedence()
        self._short: dict[asyncio.Task[None], float] = {}
        """Small calls, and the monotonic seconds until which they are worth waiting for."""
        self._alarm: asyncio.TimerHandle | None = None
        """When a little work has waited long enough for a short call."""
        self._count = 0

    def start_what_fits(self) -> None:
        """Start calls for every shape of resources that some run wants, leaving room for shapes that go first."""
        wanted = self._turns.wanted
        for resources in self._precedence.order(wanted, time.monotonic()):
            while self._goes_on(resources, wanted):
                pass

    def _goes_on(self, resources: Resources, wanted: Mapping[Resources, int]) -> bool:
        """Start a call of this shape; False if none fits or nothing wants one. A run at fault is quarantined."""
        try:
            return self._start_one(resources, wanted)
        except RunFault as fault:
            self._conductor.quarantine(fault.run, fault.error)
            return True

    def _start_one(self, resources: Resources, wanted: Mapping[Resources, int]) -> bool:
        if not self._turns.count(resources) or self._gathers(resources):
            return False
        first = next(self._turns.in_turn(resources), None)
        slot = self._take(first, resources, wanted)
        if slot is None:
            return False
        packed = self._pack(resources)
        for fault in packed.faults:
            self._conductor.quarantine(fault.run, fault.error)
        if not packed.calls:
            self._executor.give_back(slot)
            return bool(packed.faults)
        try:
            slot = self._nearer(packed.calls, slot)
            self._send(packed.calls, slot)
        except Exception as error:
            log.exception("a call cannot be sent", workflows=len(packed.calls))
            self._executor.give_back(slot)
            self._blame(packed.calls, slot, error)
        return True

    def _pack(self, resources: Resources) -> Packed:
        """Work for one call; the runs it comes from want less now."""
        looked: list[Run] = []
        wanting = self._noted(self._turns.in_turn(resources), looked)
        packed = pack(wanting, self._turns.count(resources), resources, self._executor.slots(resources), self._limits)
        for run in looked:
            try:
                self._turns.look(run)
            except Exception as error:  # noqa: BLE001 - blamed on the one run
                packed.faults.append(RunFault(run, error))
        return packed

    def _take(self, first: Run | None, resources: Resources, wanted: Mapping[Resources, int]) -> Slot | None:
        """Room for a call that begins with work of this run, unless others that go first wait for it."""
        now, slot = time.monotonic(), None
        if first is not None:
            ahead = self._precedence.ahead_of(resources, wanted, now)
            seconds = _seconds(first, Run.next_call_s) if ahead else 0.0
            slot = self._executor.take(resources, wanted, ahead, seconds, lambda: self._is_plenty(first, resources))
        is_short = first is not None and slot is None and self._executor.lacks_room(resources, wanted)
        self._precedence.note(resources, now, lacks_room=is_short)
        return slot

    def _is_plenty(self, first: Run, resources: Resources) -> bool:
        """Whether a call may queue behind another: it is short, or enough work is left for every worker besides.

        Otherwise it goes to whichever worker is idle first, which cannot be known beforehand.
        """
        if _seconds(first, Run.next_call_s) < BRIEF_S:
            return True
        enough_s, seconds = CALL_S * self._executor.slots(resources), 0.0
        for run in self._turns.in_turn(resources):
            seconds += _seconds(run, Run.ready_s)
            if seconds >= enough_s:
                return True
        return False

    @staticmethod
    def _noted(runs: Iterable[Run], looked: list[Run]) -> Iterator[Run]:
        """The same runs, remembering those that were looked at."""
        for run in runs:
            looked.append(run)
            yield run

    def _gathers(self, resources: Resources) -> bool:
        """Whether so little work waits that it should join the next call once a short one in flight comes back."""
        now = time.monotonic()
        soonest = min((ends_at for ends_at in self._short.values() if ends_at > now), default=None)
        if soonest is None:
            return False
        seconds = 0.0
        for run in self._turns.in_turn(resources):
            seconds += _seconds(run, Run.ready_s)
            if seconds >= SPREAD_S:
                return False
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(soonest - now, self._on_room)
        return True

    def _send(self, packed: Calls, slot: Slot) -> None:
        expected, keys = _expected(packed), self._limits.of_calls(packed)  # What may fail comes first.
        self._executor.expect(slot, expected)
        task = asyncio.create_task(self._execute(packed, slot))
        if expected.is_known and expected.seconds < SPREAD_S:
            self._short[task] = time.monotonic() + RETURN_S
        held = [run for run, _ in packed]
        self._limits.enter(keys)
        for run in held:
            run.calls[task] = slot.worker
            self._turns.started(run)
        task.add_done_callback(lambda done: self._forget(held, done, keys))
        for run in held:
            if run.state.limited:
                self._conductor.apply(run, TimePassed())  # The clock of a time limit starts with the first task.

    def _forget(self, held: Sequence[Run], done: asyncio.Task[None], keys: Collection[LimitKey] = frozenset()) -> None:
        self._limits.leave(keys)
        self._short.pop(done, None)
        for run in held:
            self._turns.ended(run)
            run.calls.pop(done, None)
        self._on_room()

    def _nearer(self, packed: Calls, slot: Slot) -> Slot:
        """A source continues where its iterator is, unless winding a new one forward is quicker than waiting."""
        run, call = packed[0]
        step, partition = call.tasks[0].key
        wanted = run.source_workers.get(step)
        if wanted is None or wanted == slot.worker:
            return slot
        delay_s = self._executor.delay_s(wanted)
        if delay_s is None or delay_s > partition * run.packing.estimate_s(run.state.steps[step]):
            return slot
        self._executor.give_back(slot)
        return self._executor.queue(wanted)

    async def _execute(self, packed: Calls, slot: Slot) -> None:
        """Make one call, from its inputs to its outcome. Whatever happens, each task gets a report."""
        is_taken = False
        try:
            ready = [(run, call, part) for run, call in packed if (part := await self._resolve(run, call)) is not None]
            key = _cache_key(*ready[0][:2]) if len(ready) == 1 else None
            if key is not None and await self._answer_from_cache(*ready[0][:2], key):
                return
            if ready:
                is_taken = True
                await self._run(ready, slot, key)
        except DatabaseUnavailableError:
            await asyncio.sleep(RETRY_S)
            for run, call in packed:
                self._conductor.apply(run, _all(call, Outcome.NOT_STARTED))
        except Exception as error:
            log.exception("a call failed unexpectedly", workflows=len(packed))
            self._blame(packed, slot, error)
        finally:
            if not is_taken:
                self._executor.give_back(slot)

    def _blame(self, packed: Calls, slot: Slot, error: Exception) -> None:
        """Quarantine a call's workflow after an unexpected error; if it has several, first retry them separately."""
        if len(packed) == 1:
            self._conductor.quarantine(packed[0][0], error)
            return
        for run, call in packed:
            lost = CallLost(_keys(call), f"{type(error).__name__}: {error}", slot.worker, is_shared=True)
            self._conductor.apply(run, lost)

    def room(self) -> Room:
        """What is known, for those who wait."""
        places = {resources: self._places(resources) for resources in self._turns.wanted}
        return Room(self._executor.free, self._executor.refusal, places, self._limits)

    def _places(self, resources: Resources) -> dict[Run, int]:
        """How many runs of its own project are ahead of each: how many others have is not told."""
        ahead: Counter[str] = Counter()
        places: dict[Run, int] = {}
        for run in self._turns.in_turn(resources):
            places[run] = ahead[run.owner.project]
            ahead[run.owner.project] += 1
        return places

    def inherit(self, runs: Mapping[str, Run], inherited: Inherited) -> None:
        """Wait for a call that a dead orchestrator began; its tasks are in flight."""
        mine = [(runs.get(workflow), keys) for workflow, keys in inherited.tasks]
        for run, keys in mine:
            if run is not None:
                self._conductor.apply(run, Adopted(keys))
        task = asyncio.create_task(self._collect(mine, inherited))
        held = [run for run, _ in mine if run is not None]
        for run in held:
            run.calls[task] = inherited.slot.worker
            self._turns.started(run)
        task.add_done_callback(lambda done: self._forget(held, done))

    async def _collect(self, mine: Sequence[tuple[Run | None, tuple[TaskKey, ...]]], inherited: Inherited) -> None:
        is_shared = len(mine) > 1
        try:
            reports = await self._executor.collect(inherited)
            heard: list[Event] = [Reported(tuple(answers)) for answers in reports]
        except WorkerStoppedError:
            heard = [CallStopped(keys) for _, keys in mine]
        except WorkerLostError as error:
            heard = [_lost(keys, error, is_shared=is_shared) for _, keys in mine]
        except Exception as error:
            log.exception("an inherited call failed unexpectedly")
            reason = f"{type(error).__name__}: {error}"
            heard = [CallLost(keys, reason, inherited.slot.worker, is_shared=is_shared) for _, keys in mine]
        for (run, _), event in zip(mine, heard, strict=True):
            if run is not None:
                self._note(run, event, inherited.slot)
                self._conductor.apply(run, event)

    async def _resolve(self, run: Run, call: Call) -> WorkPart | None:
        """The call's tasks with their inputs; None if these are unavailable, which fails the tasks."""
        try:
            first = run.state.steps[call.tasks[0].key.step]
            if call.estimate_s >= LONG_S or not run.packing.knows(first):
                self._journal.add(run.id, run.epoch, run.state, [UpdateStep(first.position)])
            return await run.inputs.resolve(call)
        except DatabaseUnavailableError:
            raise
        except EopiezError as error:
            failure = Failure(type(error).__name__, str(error), "")
            self._conductor.apply(run, _all(call, Outcome.REFUSED, failure))
        except Exception as error:  # noqa: BLE001 - the bulkhead
            self._conductor.quarantine(run, error)
        return None

    async def _run(self, ready: Sequence[tuple[Run, Call, WorkPart]], slot: Slot, key: bytes | None) -> None:
        run, call, _ = ready[0]
        timeout_s = run.state.steps[call.tasks[0].key.step].spec.policy.timeout_s
        needed = {
            step.digest: owner.code[step.digest]
            for owner, _, part in ready
            for step in part.steps.values()
            if step.digest not in slot.known
        }
        self._count += 1
        name, parts = f"{self._sender}/{self._count}", tuple(part for _, _, part in ready)
        keys = {key.id: key for owner, _, _ in ready for key in owner.inputs.keys if key.id.hex() not in slot.known}
        is_traced = self._spans is not None
        work = WorkCall(name, self._sender, parts, needed, CALL_S, tuple(keys.values()), is_traced=is_traced)
        try:
            reports = await self._executor.run(slot, work, timeout_s)
        except WorkerStoppedError:
            for run, call, _ in ready:
                self._conductor.apply(run, CallStopped(_keys(call)))
        except WorkerLostError as error:
            for run, call, _ in ready:
                self._conductor.apply(run, _lost(_keys(call), error, is_shared=len(ready) > 1))
        except CallTimedOutError as error:
            failure = Failure("TimedOut", f"took longer than its limit of {error.seconds:g} s", "")
            self._conductor.apply(run, _all(call, Outcome.TIMED_OUT, failure, error.worker))
        else:
            for (run, _, _), answers in zip(ready, reports, strict=True):
                event = Reported(tuple(answers))
                self._note(run, event, slot)
                self._conductor.apply(run, event, _cache_entries(key, answers))

    def _note(self, run: Run, event: Event, slot: Slot) -> None:
        """Remember what this process alone needs to know: which worker is in the middle of a source, and spans."""
        if not isinstance(event, Reported):
            return
        if self._spans is not None:
            self._spans.note(run, event.reports)
        first = next(expanded(event.reports), None)
        if first is not None and run.state.steps[first.key.step].kind is PhaseKind.SOURCE:
            run.source_workers[first.key.step] = slot.worker

    async def _answer_from_cache(self, run: Run, call: Call, key: bytes) -> bool:
        """Finish the call's only task with the cached result of an equal task, if there is one."""
        hit = await self._cached(call.tasks[0].key, key)
        if hit is not None:
            self._conductor.apply(run, Reported((hit,)))
        return hit is not None

    async def _cached(self, task: TaskKey, key: bytes) -> Report | None:
        """The cached result of an equal task, if it can still be read."""
        entry = (await self._ledger.cached([key])).get(key)
        if entry is None:
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


def _seconds(run: Run, estimate: Callable[[Run], float]) -> float:
    """The estimate for the run.

    Raises:
        RunFault: it cannot be computed.
    """
    try:
        return estimate(run)
    except Exception as error:
        raise RunFault(run, error) from error


def _expected(packed: Calls) -> Expected:
    """How long a call will last; unknown for reduces and sinks, where it depends on everything they take."""
    steps = [(run, run.state.steps[position]) for run, call in packed for position in {t.key.step for t in call.tasks}]
    is_known = all(
        run.packing.knows(step) and step.kind in {PhaseKind.MAP, PhaseKind.COMBINE, PhaseKind.SOURCE}
        for run, step in steps
    )
    return Expected(sum(call.estimate_s for _, call in packed), is_known)


def _keys(call: Call) -> tuple[TaskKey, ...]:
    return tuple(task.key for task in call.tasks)


def _lost(tasks: tuple[TaskKey, ...], error: WorkerLostError, *, is_shared: bool) -> Event:
    """What the loss of its worker means for these tasks of a call."""
    if not error.had_begun:
        return Reported(tuple(Report(key, Outcome.NOT_STARTED) for key in tasks))
    return CallLost(
        tasks, error.reason, error.worker, error.is_out_of_memory, error.has_ended_itself, is_shared=is_shared
    )


def _all(call: Call, outcome: Outcome, failure: Failure | None = None, worker: str = "") -> Reported:
    """The same report for all tasks of a call."""
    now = time.time()
    return Reported(tuple(Report(key, outcome, failure=failure, started_at=now, worker=worker) for key in _keys(call)))


def _cache_key(run: Run, call: Call) -> bytes | None:
    key = call.tasks[0].key
    return run.inputs.cache_key(key) if key.step in run.packing.cached_steps else None


def _cache_entries(key: bytes | None, reports: Sequence[Report | Results]) -> list[CacheEntry]:
    """The result to cache for equal tasks: the only one of a call whose task has a key."""
    first = next(expanded(reports))
    if key is None or first.output is None or first.rejects:
        return []
    return [CacheEntry(key, first.output, first.rows)]
