"""Where the time of slots goes: work, or what holds work back. A slot is one CPU.

Of the slots that are free, as many as there is ready work that a *limit* keeps from starting are held back by the
limit, as many of the rest as there is other ready work by lack of *room*: it needs more than is free, of whatever it
needs, or its worker is only starting. What then is left is held back by *retry* or *dependency*, if tasks wait for
their next attempt or for what others have not given yet, and otherwise is *idle*: there is nothing to do.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from ..model.policies import Resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..machine import StepState
    from .conductor import Conductor
    from .executor import Executor
    from .limits import Limits
    from .roster import Roster
    from .run import Run

ONE_CPU = Resources()
LOOK_S = 1.0
"""Minimum seconds between two looks."""
LOOK_SHARE = 0.002
"""Maximum share of the time spent on looks: with thousands of workflows they are further apart."""


class Use(StrEnum):
    """What a slot is used for, or what keeps it from being used."""

    WORK = "work"
    LIMIT = "limit"
    ROOM = "room"
    RETRY = "retry"
    DEPENDENCY = "dependency"
    IDLE = "idle"


class Held(NamedTuple):
    """Work of a project that does not start."""

    project: str
    by: Use


@dataclass(frozen=True, slots=True)
class Look:
    """How things stand."""

    slots: float
    """How many there are."""
    working: float
    """How many are at work."""
    held: Mapping[Held, float] = field(default_factory=dict)
    """Slots that work would take which does not start."""

    def uses(self) -> dict[Use, float]:
        """How many slots are used for what; they add up to all there are."""
        wanted: defaultdict[Use, float] = defaultdict(float)
        for (_, by), slots in self.held.items():
            wanted[by] += slots
        found = {Use.WORK: min(self.working, self.slots)}
        free = self.slots - found[Use.WORK]
        for use in (Use.LIMIT, Use.ROOM, Use.RETRY, Use.DEPENDENCY):
            found[use] = min(free, wanted[use])
            free -= found[use]
        return found | {Use.IDLE: free}


@dataclass(slots=True)
class Spent:
    """Seconds, times slots."""

    uses: defaultdict[Use, float] = field(default_factory=lambda: defaultdict(float))
    held: defaultdict[Held, float] = field(default_factory=lambda: defaultdict(float))
    """Of ready work, and of work that waits for another attempt, by project."""

    def add(self, look: Look, seconds: float) -> None:
        """Things stood like this for so long."""
        for use, slots in look.uses().items():
            self.uses[use] += slots * seconds
        for held, slots in look.held.items():
            if held.by is not Use.DEPENDENCY:
                self.held[held] += slots * seconds


def held_back(run: Run, limits: Limits) -> Mapping[Held, float]:
    """What of a workflow's work does not start, in slots; nothing of one that ends."""
    found: defaultdict[Held, float] = defaultdict(float)
    if run.state.ending is not None:
        return found
    retries = Counter(key.step for key in run.state.waiting)
    for step in run.state.steps:
        if step.is_done or step.is_given:
            continue
        slots, ready = step.spec.policy.resources.cpu, len(step.ready) + len(step.ready_larger)
        if ready:
            by = Use.LIMIT if limits.why_not(run, step.spec.phase.name) else Use.ROOM
            found[Held(run.owner.project, by)] += ready * slots
        found[Held(run.owner.project, Use.RETRY)] += retries[step.position] * slots
        found[Held(run.owner.project, Use.DEPENDENCY)] += _blocked(step, retries[step.position]) * slots
    return found


def _blocked(step: StepState, retries: int) -> float:
    """How many tasks of a step are not ready yet; any number of them, as long as nobody knows how many there are."""
    if step.sealed is None:
        return UNKNOWN
    return max(0, step.sealed - step.done - step.running - len(step.ready) - len(step.ready_larger) - retries)


UNKNOWN = 1e9
"""Stands for a number of tasks that is not known, and enough for all slots."""


class Accounts:
    """Looks again and again, and adds up."""

    def __init__(self, roster: Roster, limits: Limits, executor: Executor, conductor: Conductor) -> None:
        self._roster, self._limits, self._executor, self._conductor = roster, limits, executor, conductor
        self._spent, self._looked_at = Spent(), time.monotonic()
        self._last = Look(0, 0)

    async def run(self) -> None:
        """Keep looking."""
        self._looked_at = time.monotonic()
        while True:
            began = time.perf_counter()
            self._note(self._look(), time.monotonic())
            await asyncio.sleep(max(LOOK_S, (time.perf_counter() - began) / LOOK_SHARE))

    def take(self) -> Spent:
        """What was spent since this was last asked."""
        self._note(self._last, time.monotonic())
        taken, self._spent = self._spent, Spent()
        return taken

    def _note(self, look: Look, now: float) -> None:
        """Until now, things were as they were at the last look."""
        self._spent.add(self._last, now - self._looked_at)
        self._last, self._looked_at = look, now

    def _look(self) -> Look:
        return Look(self._executor.slots(ONE_CPU), self._executor.held(), self._held([*self._roster]))

    def _held(self, runs: Iterable[Run]) -> dict[Held, float]:
        held: defaultdict[Held, float] = defaultdict(float)
        for run in runs:
            try:
                for key, slots in held_back(run, self._limits).items():
                    held[key] += slots
            except Exception as error:  # noqa: BLE001 - the bulkhead
                self._conductor.quarantine(run, error)
        return {key: slots for key, slots in held.items() if slots}
