"""Where the time of slots goes: exact against a simulated history, and seen of workflows that are held back."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eopiez_ray as ez
from eopiez_ray.engine.accounting import Held, Look, Spent, Use, held_back
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.store import RuleBook

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage, held
from .inline import InlineExecutor


@dataclass
class Job:
    """A task of the simulation: it needs others, and may count against a limit of ``MOST`` at a time."""

    needs: tuple[int, ...]
    took_s: int
    is_limited: bool
    ready_at: int = 0
    began_at: int = 0

    @property
    def ended_at(self) -> int:
        return self.began_at + self.took_s


MOST = 2


class Simulation:
    """Jobs on a number of slots, first come, first served; accounts are kept whenever something changes."""

    def __init__(self, jobs: list[Job], slots: int) -> None:
        self.jobs, self.slots, self.now = jobs, slots, 0
        self.waiting = set(range(len(jobs)))
        self.ready: list[int] = []
        self.running: list[tuple[int, int]] = []
        self.spent = Spent()

    def run(self) -> Spent:
        self._start()
        while self.running:
            until, _ = self.running[0]
            self.spent.add(self._look(), until - self.now)
            self.now = until
            while self.running and self.running[0][0] == until:
                heapq.heappop(self.running)
            self._start()
        return self.spent

    def _start(self) -> None:
        going = {job for _, job in self.running}
        for job in sorted(self.waiting):
            if not {*self.jobs[job].needs} & {*self.waiting, *self.ready, *going}:
                self.waiting.discard(job)
                self.ready.append(job)
                self.jobs[job].ready_at = self.now
        for job in [*self.ready]:
            if len(self.running) < self.slots and not (self.jobs[job].is_limited and self._limited() >= MOST):
                self.ready.remove(job)
                self.jobs[job].began_at = self.now
                heapq.heappush(self.running, (self.now + self.jobs[job].took_s, job))

    def _limited(self) -> int:
        return sum(self.jobs[job].is_limited for _, job in self.running)

    def _look(self) -> Look:
        by = [Use.LIMIT if self.jobs[job].is_limited and self._limited() >= MOST else Use.ROOM for job in self.ready]
        found = Counter(Held("default", use) for use in [*by, *[Use.DEPENDENCY] * len(self.waiting)])
        return Look(self.slots, len(self.running), found)


def from_history(jobs: list[Job], slots: int) -> dict[Use, int]:
    """The same, second by second, from when each job was ready, began and ended."""
    found: Counter[Use] = Counter()
    for second in range(max(job.ended_at for job in jobs)):
        working = [job for job in jobs if job.began_at <= second < job.ended_at]
        ready = [job for job in jobs if job.ready_at <= second < job.began_at]
        is_full = sum(job.is_limited for job in working) >= MOST
        limited = sum(job.is_limited and is_full for job in ready)
        free = slots - len(working)
        by_limit = min(free, limited)
        by_room = min(free - by_limit, len(ready) - limited)
        to_come = sum(job.ready_at > second for job in jobs)
        by_dependency = min(free - by_limit - by_room, to_come)
        found[Use.WORK] += len(working)
        found[Use.LIMIT] += by_limit
        found[Use.ROOM] += by_room
        found[Use.DEPENDENCY] += by_dependency
        found[Use.IDLE] += free - by_limit - by_room - by_dependency
    return found


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 12))
def test_accounts_of_a_simulated_history_are_exact(seed: int, slots: int, count: int) -> None:
    random = Random(seed)
    jobs = [
        Job(
            tuple(random.sample(range(each), random.randint(0, min(2, each)))),
            random.randint(1, 6),
            random.random() < 0.5,
        )
        for each in range(count)
    ]
    spent = Simulation(jobs, slots).run()
    assert {use: spent.uses[use] for use in Use if use is not Use.RETRY} == from_history(jobs, slots)
    assert sum(spent.uses.values()) == slots * max(job.ended_at for job in jobs)
    waited = sum(job.began_at - job.ready_at for job in jobs)
    assert sum(spent.held.values()) == waited  # However few slots are free.


@pytest.mark.parametrize(
    ("working", "waiting", "expected"),
    [
        (4, {}, {Use.WORK: 4}),
        (5, {Use.ROOM: 9}, {Use.WORK: 4}),  # More calls than slots, such as those of tasks that need no CPU.
        (1, {Use.LIMIT: 1, Use.ROOM: 1}, {Use.WORK: 1, Use.LIMIT: 1, Use.ROOM: 1, Use.IDLE: 1}),
        (0, {Use.LIMIT: 9, Use.ROOM: 9}, {Use.LIMIT: 4}),
        (1, {Use.ROOM: 0.5, Use.DEPENDENCY: 1e9}, {Use.WORK: 1, Use.ROOM: 0.5, Use.DEPENDENCY: 2.5}),
        (0, {Use.RETRY: 1, Use.DEPENDENCY: 1}, {Use.RETRY: 1, Use.DEPENDENCY: 1, Use.IDLE: 2}),
    ],
)
def test_slots_are_divided(working: float, waiting: dict[Use, float], expected: dict[Use, float]) -> None:
    found = Look(4, working, {Held("default", use): slots for use, slots in waiting.items()}).uses()
    assert {use: slots for use, slots in found.items() if slots} == expected
    assert sum(found.values()) == 4


async def spent_by(orchestrator: Orchestrator, seen: Spent, use: Use) -> None:
    """Wait until that use of slots was accounted for."""

    def is_there() -> bool:
        for each, seconds in orchestrator.spent().uses.items():
            seen.uses[each] += seconds
        return seen.uses[use] > 0

    await until(is_there)


async def test_ready_work_behind_a_limit_is_held_back_by_it_and_other_work_by_room(stage: Stage) -> None:
    await RuleBook(stage.database).limit(LimitKey(LimitKind.OWNER, "anna"), 2)
    executor = InlineExecutor(stage.folder, count=4)
    orchestrator, seen = stage.orchestrate(executor), Spent()
    executor.gate.clear()
    limited = await stage.submit(six(stage), owner="anna")
    await until(lambda: len(executor.calls) == 2)
    await spent_by(orchestrator, seen, Use.LIMIT)
    assert held_back(held(orchestrator, limited), orchestrator._dispatcher._limits)[Held("default", Use.LIMIT)] > 0
    assert seen.uses[Use.ROOM] == 0
    free = await stage.submit(six(stage), owner="ben")
    await until(lambda: len(executor.calls) == 4)
    rest = held_back(held(orchestrator, free), orchestrator._dispatcher._limits)
    assert rest[Held("default", Use.ROOM)] > 0
    assert rest[Held("default", Use.LIMIT)] == 0
    assert rest[Held("default", Use.DEPENDENCY)] > 0  # The last step waits for them all.
    executor.gate.set()
    for workflow in (limited, free):
        await stage.rest(workflow)
    await spent_by(orchestrator, seen, Use.IDLE)


def six(stage: Stage) -> ez.Plan:
    """Six tasks that share their calls with no other, and one that needs them all."""
    plan = ez.Plan("six")
    plan.step("mark", phases.mark, plan.values("v", [*range(6)]), marks=str(stage.folder / "marks"))
    plan.tune("mark", timeout_s=60)
    plan.step("total", phases.total, "mark")
    return plan
