"""What goes into a call, and why steps wait. Ray has no priorities, so these decisions are ours; they are pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..machine import next_call
from ..machine.packing import CALL_S, MAXIMUM_TASKS, SPREAD_S
from .run import RunFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..machine import Call, StepState
    from ..model.limits import LimitKey
    from ..model.policies import Resources
    from .limits import Limits
    from .run import Run


PASSED = 16
"""Consecutive runs that add nothing to a call before it goes as it is: thousands may be waiting."""


def reasons(run: Run, room: Room, now: float) -> dict[int, str]:
    """Why the run's steps wait that have work but no running task.

    Args:
        run: its state after admission.
        room: what is known about the resources it wants.
        now: Unix seconds.
    """
    found: dict[int, str] = {}
    for step in run.state.steps:
        if step.running or step.is_done or run.state.ending is not None:
            continue
        retries = [at for key, at in run.state.waiting.items() if key.step == step.position]
        if step.ready or step.ready_larger:
            found[step.position] = room.why_not(run, step)
        elif retries:
            delay = f"{max(0.0, min(retries) - now):.0f} s"
            found[step.position] = f"{_count(len(retries), 'task')} failed; the next attempt is in {delay}"
    return found


class Room(NamedTuple):
    """What is known about the cluster when something waits."""

    free: Callable[[Resources], Mapping[str, float]]
    """How much of what a task needs is free."""
    refusal: Callable[[Resources], str | None]
    """Why the cluster can never provide such resources."""
    places: Mapping[Resources, Mapping[Run, int]]
    """How many runs of its project are ahead of each, by the resources they want."""
    limits: Limits

    def why_not(self, run: Run, step: StepState) -> str:
        """Why the step's tasks do not start."""
        resources = next(iter(step.wanted()))
        limited = self.limits.why_not(run, step.spec.phase.name)
        refusal = self.refusal(resources)
        if refusal is not None:
            return "; ".join([f"{refusal}; it starts when such a node joins", *limited])
        ahead = self.places.get(resources, {}).get(run, 0)
        free = self.free(resources)
        needs = [f"{amount:g} {name}, {free.get(name, 0.0):g} free" for name, amount in resources.totals().items()]
        place = f"{_roughly(ahead)} ahead of it"
        turn = [place] if ahead or not limited else []
        return "; ".join([f"needs {', '.join([*needs, *turn])}" if needs else f"waits, {place}", *limited])


def _roughly(number: int) -> str:
    """A large number to two digits: thousands may wait, and not all their rows should change whenever one starts."""
    if number < 100:
        return str(number)
    unit = 10 ** (len(str(number)) - 2)
    return f"about {number // unit * unit:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class Packed(NamedTuple):
    """Work for one call."""

    calls: list[tuple[Run, Call]]
    """Work of the first run, and of those behind it as long as all is short; empty if nothing may start."""
    faults: list[RunFault]
    """Runs whose work could not be packed."""


def pack(wanting: Iterable[Run], count: int, resources: Resources, slots: int, limits: Limits) -> Packed:
    """Take work for one call.

    Args:
        wanting: runs in turn order.
        count: how many want such a call.
        resources: the shape of the worker.
        slots: how many calls the cluster can run at once; work is spread over them where that pays.
        limits: the limits on owners, labels and phases.
    """
    packing = _Packing(resources, share=-(-count // max(1, slots)), limits=limits)
    faults: list[RunFault] = []
    try:
        for run in wanting:
            try:
                packing.add(run)
            except Exception as error:  # noqa: BLE001 - blamed on the one run
                faults.append(RunFault(run, error))
            if packing.is_full:
                break
    except RunFault as fault:  # Caused by the next one in turn.
        faults.append(fault)
    return Packed(packing.calls, faults)


class _Packing:
    """A call in the making."""

    def __init__(self, resources: Resources, *, share: int, limits: Limits) -> None:
        self.calls: list[tuple[Run, Call]] = []
        self.is_full = False
        self._resources, self._share, self._limits = resources, share, limits
        self._spent_s, self._tasks, self._passed = 0.0, 0, 0
        self._entered: frozenset[LimitKey] = frozenset()

    def add(self, run: Run) -> None:
        """Take as much of the run's work as fits."""
        limits = self._limits
        if self.calls and limits.rules.maxima and not limits.may_start(run, self._entered):
            return
        call = next_call(run.state, self._resources, run.packing, CALL_S - self._spent_s if self.calls else None)
        if call is None:
            self._passed += 1
            self.is_full = bool(self.calls) and self._passed >= PASSED
            return
        self._passed = 0
        self.calls.append((run, call))
        self._spent_s += call.estimate_s
        self._tasks += len(call.tasks)
        is_full = self._spent_s >= CALL_S or self._tasks >= MAXIMUM_TASKS
        is_share = len(self.calls) >= self._share and self._spent_s >= SPREAD_S
        self.is_full = call.is_alone or is_full or is_share
        if limits.rules.maxima:
            self._entered |= limits.of_calls([(run, call)])
