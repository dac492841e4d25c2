"""What a round has shown, and whether the guarantees were kept. No I/O: facts go in, figures come out."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..errors import ParameterError


class Fault(StrEnum):
    """What is killed, stopped or filled."""

    WORKER = "worker"
    """``kill -9`` of a process that runs tasks."""
    ORCHESTRATOR = "orchestrator"
    """``kill -9`` of the orchestrator process; another takes over."""
    RAYLET = "raylet"
    """``kill -9`` of the node daemon of a cluster that the orchestrator process started."""
    GCS = "gcs"
    """``kill -9`` of that cluster's head."""
    POSTGRES = "postgres"
    """``kill -9`` of the postmaster."""
    POSTGRES_STOP = "postgres-stop"
    """SIGSTOP of all processes of the server, and SIGCONT some seconds later."""
    DISK = "disk"
    """No space where artifacts are written, for some seconds."""


GATEWAY = "gateway"
"""The name of all faults of a whole system, one after another, under load over HTTP."""


class Chosen(NamedTuple):
    """What is to be tried."""

    faults: list[Fault]
    has_gateway: bool


def parse_faults(text: str) -> Chosen:
    """Faults from a list with commas; empty means all of the engine.

    Raises:
        ParameterError: there is no such fault.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in {*Fault, GATEWAY}]
    if unknown:
        raise ParameterError(f"there is no fault {unknown[0]!r}; choose from {', '.join((*Fault, GATEWAY))}")
    return Chosen([fault for fault in Fault if fault in names or not names], GATEWAY in names)


class Task(NamedTuple):
    """A task of the workload."""

    step: str
    number: int


class Mark(NamedTuple):
    """What a run of a task left behind."""

    task: Task
    pid: int
    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything known about a round once it is over."""

    fault: Fault
    expected: frozenset[Task]
    """The tasks of the workload that leave marks."""
    marks: tuple[Mark, ...]
    committed: frozenset[Task]
    """Tasks whose result was in Postgres just before the fault."""
    struck_at: float
    """Unix seconds."""
    rows: tuple[Task, ...]
    """A task for each row of a result in Postgres, at the end."""
    wrong: frozenset[Task]
    """Tasks whose result at the end is not what it should be."""
    gathered: tuple[object, ...]
    """The numbers that the last step was given."""
    status: str
    """The workflow's status at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """The figures of a round."""

    fault: Fault
    lost: int
    """Tasks whose result is missing or wrong."""
    duplicated: int
    """Results beyond the first of a task."""
    finished_again: int
    """Runs of tasks whose result was committed before the fault."""
    in_flight_again: int
    """Other runs beyond the first of a task: allowed."""
    next_s: float | None
    """Seconds from the fault to the first task that ended after it; None if none did."""
    stall_s: float
    """The longest time without the end of a task, from the fault on."""
    status: str

    @property
    def breaches(self) -> tuple[str, ...]:
        """The guarantees that were broken, in words."""
        found = {
            f"{self.lost} lost": self.lost,
            f"{self.duplicated} duplicated": self.duplicated,
            f"{self.finished_again} finished tasks run again": self.finished_again,
            f"the workflow is {self.status}": self.status != "succeeded",
        }
        return tuple(sentence for sentence, is_so in found.items() if is_so)


def judge(evidence: Evidence) -> RoundResult:
    """The figures that the evidence gives."""
    numbers = {task.number for task in evidence.expected}
    missing = evidence.expected - set(evidence.rows)
    ungathered = {Task("gather", number) for number in numbers - set(evidence.gathered)}
    strange = [number for number in evidence.gathered if number not in numbers]
    runs = Counter(mark.task for mark in evidence.marks)
    finished_again = sum(max(0, runs[task] - 1) for task in evidence.committed)
    later = sorted(mark.at for mark in evidence.marks if mark.at > evidence.struck_at)
    moments = [evidence.struck_at, *later]
    return RoundResult(
        fault=evidence.fault,
        lost=len(missing | evidence.wrong) + len(ungathered),
        duplicated=_beyond_the_first(evidence.rows) + _beyond_the_first(evidence.gathered) + len(strange),
        finished_again=finished_again,
        in_flight_again=_beyond_the_first([mark.task for mark in evidence.marks]) - finished_again,
        next_s=later[0] - evidence.struck_at if later else None,
        stall_s=max((after - before for before, after in zip(moments, later, strict=False)), default=0.0),
        status=evidence.status,
    )


def unseen(fault: Fault, reason: str) -> RoundResult:
    """The figures of a round that could not be followed to its end: nothing is known, which is a breach too."""
    return RoundResult(
        fault=fault,
        lost=0,
        duplicated=0,
        finished_again=0,
        in_flight_again=0,
        next_s=None,
        stall_s=0.0,
        status=f"of unknown end: {reason}",
    )


def _beyond_the_first(things: Sequence[object]) -> int:
    return len(things) - len(set(things))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSummary:
    """The rounds of one fault."""

    fault: Fault
    rounds: int
    lost: int
    duplicated: int
    finished_again: int
    in_flight_again: int
    """Over all rounds."""
    in_flight_again_worst: int
    """In one round."""
    next_median_s: float | None
    next_worst_s: float | None
    stall_worst_s: float | None
    breaches: tuple[str, ...]
    skipped: str
    """Why there were no rounds; empty if there were."""

    @property
    def verdict(self) -> str:
        """``kept``, what was broken, or why there is none."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        return f"broken: {'; '.join(self.breaches)}" if self.breaches else "kept"


def summarize(fault: Fault, results: Sequence[RoundResult], skipped: str = "") -> FaultSummary:
    """The figures of a fault over its rounds."""
    waits = [result.next_s for result in results if result.next_s is not None]
    return FaultSummary(
        fault=fault,
        rounds=len(results),
        lost=sum(result.lost for result in results),
        duplicated=sum(result.duplicated for result in results),
        finished_again=sum(result.finished_again for result in results),
        in_flight_again=sum(result.in_flight_again for result in results),
        in_flight_again_worst=max((result.in_flight_again for result in results), default=0),
        next_median_s=statistics.median(waits) if waits else None,
        next_worst_s=max(waits, default=None),
        stall_worst_s=max((result.stall_s for result in results), default=None),
        breaches=tuple(dict.fromkeys(breach for result in results for breach in result.breaches)),
        skipped=skipped,
    )
