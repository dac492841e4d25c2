"""The work that runs while something is killed: many small tasks that leave marks, and a check of all of them."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..authoring.contract import Partitions, phase
from ..authoring.plans.builder import Plan
from ..model.policies import Resources, RetryPolicy
from .verdict import Mark, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGE_BYTES = 96 * 1024
"""Size of a value that becomes an artifact."""
LARGE_EVERY = 10
"""One task in this many has a large value."""
PATIENT = RetryPolicy(initial_interval_s=0.2, maximum_interval_s=1.0, maximum_attempts=1000)
"""Retries, since a full disk fails tasks until there is space."""


class Parcel(NamedTuple):
    """What a task passes to the next."""

    number: int
    filling: bytes


def filling(token: str, number: int) -> bytes:
    """What belongs into a parcel: nothing, or bytes that no other workload has."""
    if number % LARGE_EVERY:
        return b""
    return hashlib.shake_128(f"{token}/{number}".encode()).digest(LARGE_BYTES)


@phase(kind="map", name="chaos.make", retry=PATIENT)
def make(number: int, *, marks: str, token: str, seconds: float) -> Parcel:
    """Takes a while, leaves a mark, and gives a parcel."""
    time.sleep(seconds)
    leave_mark(Path(marks), Task("make", number))
    return Parcel(number, filling(token, number))


@phase(kind="map", name="chaos.check", retry=PATIENT)
def check(parcel: Parcel, *, marks: str, token: str) -> int:
    """Leaves a mark, and gives the parcel's number; -1 if the parcel is not what it was."""
    number, content = parcel
    leave_mark(Path(marks), Task("check", number))
    return number if content == filling(token, number) else -1


@phase(kind="reduce", name="chaos.gather", retry=PATIENT)
def gather(numbers: Partitions[int]) -> list[int]:
    """All numbers."""
    return list(numbers)


@dataclass(frozen=True, slots=True)
class Workload:
    """What one workflow of a round works on."""

    marks: str
    """The file that takes the marks."""
    token: str
    """Makes its large values its own."""
    tasks: int
    first: int = 0
    """The number of its first task: numbers continue from one workflow of a round to the next."""
    seconds: float = 0.02
    """How long each takes."""
    cpus: float = 1.0
    """For each task. With 0, workers find room beside those of other orchestrators."""

    def plan(self) -> Plan:
        """Two maps in a chain and a reduce over its numbers."""
        plan = Plan("chaos")
        numbers = plan.values("numbers", self.numbers)
        made = plan.step("make", make, numbers, marks=self.marks, token=self.token, seconds=self.seconds)
        checked = plan.step("check", check, made, marks=self.marks, token=self.token)
        gathered = plan.step("gather", gather, checked)
        for step in (made, checked, gathered):
            plan.tune(step, resources=Resources(cpu=self.cpus))
        return plan

    @property
    def numbers(self) -> range:
        """The numbers of its tasks."""
        return range(self.first, self.first + self.tasks)

    def expected(self) -> frozenset[Task]:
        """The tasks that leave marks."""
        return frozenset(Task(step, number) for step in ("make", "check") for number in self.numbers)

    def wrong(self, made: Sequence[Any], checked: Sequence[Any]) -> frozenset[Task]:
        """Tasks whose result, given in order of their numbers, is not what it should be."""
        wrong_parcels = {
            Task("make", number)
            for number, parcel in enumerate(made, self.first)
            if parcel != Parcel(number, filling(self.token, number))
        }
        wrong_numbers = {Task("check", number) for number, result in enumerate(checked, self.first) if result != number}
        return frozenset(wrong_parcels | wrong_numbers)

    def value(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def leave_mark(path: Path, task: Task) -> None:
    """Append a line in one write, so that lines of several processes do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{task.step} {task.number} {os.getpid()} {time.time()}\n".encode())
    finally:
        os.close(descriptor)


def read_marks(path: Path) -> tuple[Mark, ...]:
    """All marks so far, in the order in which they were left."""
    lines = path.read_text().splitlines() if path.exists() else []
    parts = [line.split() for line in lines]
    return tuple(Mark(Task(step, int(number)), int(pid), float(at)) for step, number, pid, at in parts)
