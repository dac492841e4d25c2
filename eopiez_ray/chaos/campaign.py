"""Rounds of work, each with a fault in its middle."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from ..errors import ArtifactError, ClusterError, WorkflowNotFinishedError
from ..settings import Settings
from .blows import ATTACHED, Scene, SmallDisk, aim, disk_obstacle
from .ground import LOOK_S, Ground, end_server
from .verdict import Evidence, Fault, FaultSummary, RoundResult, Task, judge, summarize
from .workload import Workload, read_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE_S = 180.0
"""Seconds after which a round that does not end has lost its workflow."""
EARLIEST, LATEST = 0.1, 0.6
"""Shares of the marks between which the fault comes."""
AIMLESS_S = 0.03
"""Seconds at most from that mark to the fault, so that it hits tasks anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What is to be done."""

    faults: Sequence[Fault]
    rounds: int
    """For each fault."""
    tasks: int
    """In each round."""
    seed: int
    home: Path
    """The data home: nothing else should happen in it."""
    stop_s: float = 10.0
    """Seconds for which a stopped server stays stopped."""
    is_temporary: bool = True
    """Whether the data home is removed at the end, unless a promise was broken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out."""

    summaries: Sequence[FaultSummary]

    @property
    def is_kept(self) -> bool:
        """Whether no promise was broken."""
        return not any(summary.breaches for summary in self.summaries)


def carry_out(orders: Orders, tell: Callable[[int, RoundResult], None]) -> Outcome:
    """All rounds of all faults; ``tell`` hears of each round. Nothing that was started here outlives this.

    Raises:
        ClusterError: Ray or a process that drives does not start.
        StoreError: the database does not start.
    """
    with contextlib.ExitStack() as endings:
        if orders.is_temporary:
            endings.callback(shutil.rmtree, orders.home, ignore_errors=True)
            endings.callback(end_server, orders.home)
        ground = Ground(_settings(orders.home.expanduser().absolute()))
        with contextlib.closing(ground):
            outcome = Outcome([_rounds(orders, fault, ground, tell) for fault in orders.faults])
        if not outcome.is_kept:
            endings.pop_all()  # It is evidence.
    return outcome


def _settings(home: Path) -> Settings:
    """The user's, as far as they do not lead to a database, a cluster or artifacts elsewhere."""
    settings = Settings(home=home, database_url=None, artifact_url=None, ray_address=None)
    return settings if settings.cpus is not None else settings.model_copy(update={"cpus": 2})


def _rounds(orders: Orders, fault: Fault, ground: Ground, tell: Callable[[int, RoundResult], None]) -> FaultSummary:
    obstacle = disk_obstacle() if fault is Fault.DISK else ""
    if obstacle:
        return summarize(fault, [], obstacle)
    results = []
    for number in range(orders.rounds):
        result = judge(_play(orders, fault, number, ground))
        results.append(result)
        tell(number, result)
        if result.status != "succeeded":
            ground.clear()
    return summarize(fault, results)


def _play(orders: Orders, fault: Fault, number: int, ground: Ground) -> Evidence:
    """One round."""
    random = Random(f"{orders.seed}/{fault}/{number}")
    marks = ground.folder / f"{fault}-{number}.marks"
    marks.unlink(missing_ok=True)
    workload = Workload(str(marks), f"{orders.seed}/{fault}/{number}/{time.time_ns()}", orders.tasks)
    disk = SmallDisk(ground.settings.home / "artifacts", orders.tasks)
    with disk if fault is Fault.DISK else contextlib.nullcontext():
        driver = ground.driver(is_attached=fault in ATTACHED)
        if fault is Fault.ORCHESTRATOR:
            ground.standby()
        workflow = driver.start(workload)
        ground.note()
        _await_marks(marks, int(2 * orders.tasks * random.uniform(EARLIEST, LATEST)))
        time.sleep(random.uniform(0.0, AIMLESS_S))
        blow = aim(fault, Scene(ground, workflow, marks, random, orders.stop_s))
        committed = _tasks(ground, workflow)
        struck_at = time.time()
        blow()
        status = ground.settled(workflow, PATIENCE_S)
        made, checked, gathered = (_results(ground, workflow, step) for step in ("make", "check", "gather"))
        return Evidence(
            fault=fault,
            expected=workload.expected(),
            marks=read_marks(marks),
            committed=frozenset(committed),
            struck_at=struck_at,
            rows=tuple(_tasks(ground, workflow)),
            wrong=workload.wrong(made, checked),
            gathered=tuple(gathered),
            status=status,
        )


def _await_marks(path: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(read_marks(path)) < count:
        if time.monotonic() > deadline:
            raise ClusterError(f"the workload has not come to its {count}th task in {PATIENCE_S:g} s")
        time.sleep(LOOK_S)


def _tasks(ground: Ground, workflow: str) -> list[Task]:
    """The finished tasks that leave marks, one for each row."""
    names = {1: "make", 2: "check"}
    return [Task(names[row.step], row.partition) for row in ground.rows(workflow) if row.step in names]


def _results(ground: Ground, workflow: str, step: str) -> list[object]:
    """What each task of a finished step has given, None where it cannot be read; nothing if the step is not done."""
    try:
        given = ground.workflow(workflow).result(step)
    except WorkflowNotFinishedError:
        return []  # Its missing rows tell what is missing.
    return [_readable(given, number) for number in range(len(given))]


def _readable(given: Sequence[object], number: int) -> object | None:
    try:
        return given[number]
    except ArtifactError:
        return None
