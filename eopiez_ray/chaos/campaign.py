"""Rounds of work, each with a fault in the middle."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ArtifactError, ClusterError, StoreError, WorkflowNotFinishedError
from ..settings import Settings
from .blows import ATTACHED, Scene, SmallDisk, aim, disk_obstacle
from .ground import LOOK_S, Driver, Ground, end_server
from .verdict import Evidence, Fault, FaultSummary, RoundResult, Task, judge, summarize, unseen
from .workload import Workload, read_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE_S = 180.0
"""Seconds after which a round that has not ended counts its workflow as lost."""
EARLIEST, LATEST = 0.1, 0.6
"""Shares of the marks between which the fault comes."""
CALLS = 2
"""Concurrent calls of each workflow where several orchestrators share a cluster, so that none takes it all."""
START_S = 25.0
"""Approximate seconds to start everything, and to switch from one kind of cluster to the other."""
ROUND_S = {
    Fault.WORKER: 3.0,
    Fault.ORCHESTRATOR: 6.0,
    Fault.RAYLET: 20.0,
    Fault.GCS: 40.0,
    Fault.POSTGRES: 3.0,
    Fault.POSTGRES_STOP: 1.0,
    Fault.DISK: 6.0,
}
"""Approximate seconds of a round; for ``postgres-stop``, not counting the time the server is stopped."""
AIMLESS_S = 0.03
"""Maximum seconds from that mark to the fault, so that it hits tasks anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What to do."""

    faults: Sequence[Fault]
    rounds: int
    """For each fault."""
    tasks: int
    """In each round."""
    orchestrators: int = 2
    """Orchestrators that share the work of a round, each in its own process; at least 2."""
    seed: int
    home: Path
    """The data home, which nothing else should use."""
    stop_s: float = 10.0
    """Seconds for which a stopped server stays stopped."""
    is_temporary: bool = True
    """Whether the data home is removed at the end, unless a guarantee was broken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results."""

    summaries: Sequence[FaultSummary]
    was_interrupted: bool = False
    """Whether there would have been more rounds."""

    @property
    def is_kept(self) -> bool:
        """Whether no guarantee was broken."""
        return not any(summary.breaches for summary in self.summaries)


class Team(NamedTuple):
    """An orchestrator process, and the workflow it has started."""

    driver: Driver
    workflow: str
    workload: Workload


def expected_s(orders: Orders) -> float:
    """Approximate duration, as measured on two cores; a broken guarantee may add minutes."""
    starts = 1 + sum(
        (one in ATTACHED) is not (next_one in ATTACHED) for one, next_one in itertools.pairwise(orders.faults)
    )
    stopped_s = orders.stop_s if Fault.POSTGRES_STOP in orders.faults else 0.0
    return starts * START_S + orders.rounds * (stopped_s + sum(ROUND_S[fault] for fault in orders.faults))


def carry_out(orders: Orders, tell: Callable[[int, RoundResult], None]) -> Outcome:
    """Run all rounds of all faults, calling ``tell`` after each. Nothing that was started here outlives this.

    An interruption ends the rounds; the outcome is what they have shown so far.

    Raises:
        ClusterError: Ray or an orchestrator process does not start.
        StoreError: the database does not start.
    """
    seen: dict[Fault, list[RoundResult]] = {}
    obstacles = {fault: disk_obstacle() if fault is Fault.DISK else "" for fault in orders.faults}
    was_interrupted = False
    with contextlib.ExitStack() as endings:
        if orders.is_temporary:
            endings.callback(shutil.rmtree, orders.home, ignore_errors=True)
            endings.callback(end_server, orders.home)
        try:
            with contextlib.closing(Ground(_settings(orders.home.expanduser().absolute()))) as ground:
                for fault in [fault for fault in orders.faults if not obstacles[fault]]:
                    _rounds(orders, fault, ground, seen, tell)
        except KeyboardInterrupt:
            was_interrupted = True
        met = [fault for fault in orders.faults if fault in seen or obstacles[fault]]
        outcome = Outcome([summarize(fault, seen.get(fault, []), obstacles[fault]) for fault in met], was_interrupted)
        if not outcome.is_kept:
            endings.pop_all()  # It is evidence.
    return outcome


def _settings(home: Path) -> Settings:
    """The user's, as far as they do not lead to a database, a cluster or artifacts elsewhere."""
    settings = Settings(home=home, database_url=None, artifact_url=None, ray_address=None)
    return settings if settings.cpus is not None else settings.model_copy(update={"cpus": 2})


def _rounds(
    orders: Orders,
    fault: Fault,
    ground: Ground,
    seen: dict[Fault, list[RoundResult]],
    tell: Callable[[int, RoundResult], None],
) -> None:
    for number in range(orders.rounds):
        try:
            result = judge(_play(orders, fault, number, ground))
        except (ClusterError, StoreError) as error:
            if not seen:
                raise  # Nothing works here.
            result = unseen(fault, str(error))
        seen.setdefault(fault, []).append(result)
        tell(number, result)
        if result.status != "succeeded":
            ground.clear()


def _play(orders: Orders, fault: Fault, number: int, ground: Ground) -> Evidence:
    """One round."""
    random = Random(f"{orders.seed}/{fault}/{number}")
    marks = ground.folder / f"{fault}-{number}.marks"
    marks.unlink(missing_ok=True)
    disk = SmallDisk(ground.settings.home / "artifacts", orders.tasks)
    with disk if fault is Fault.DISK else contextlib.nullcontext():
        teams = _teams(orders, fault, ground, Workload(str(marks), f"{fault}/{number}/{time.time_ns()}", orders.tasks))
        ground.note()
        _await_marks(marks, int(2 * orders.tasks * random.uniform(EARLIEST, LATEST)))
        time.sleep(random.uniform(0.0, AIMLESS_S))
        holders = [team.driver for team in teams if not ground.workflow(team.workflow).status.is_at_rest]
        blow = aim(fault, Scene(ground, holders, marks, random, orders.stop_s))
        committed = _tasks(ground, teams)
        struck_at = time.time()
        blow()
        deadline = time.monotonic() + PATIENCE_S
        statuses = [ground.settled(team.workflow, max(1.0, deadline - time.monotonic())) for team in teams]
        return Evidence(
            fault=fault,
            expected=frozenset[Task]().union(*(team.workload.expected() for team in teams)),
            marks=read_marks(marks),
            committed=frozenset(committed),
            struck_at=struck_at,
            rows=tuple(_tasks(ground, teams)),
            wrong=frozenset[Task]().union(*(_wrong(ground, team) for team in teams)),
            gathered=tuple(value for team in teams for value in _results(ground, team.workflow, "gather")),
            status=next((status for status in statuses if status != "succeeded"), "succeeded"),
        )


def _teams(orders: Orders, fault: Fault, ground: Ground, whole: Workload) -> list[Team]:
    """Processes that share the tasks of a round, each ready to take over from another."""
    is_attached = fault in ATTACHED
    drivers = ground.drivers(orders.orchestrators if is_attached else 1, is_attached=is_attached)
    bounds = [whole.tasks * share // len(drivers) for share in range(len(drivers) + 1)]
    teams = []
    for number, (driver, first, end) in enumerate(zip(drivers, bounds, bounds[1:], strict=False)):
        owner = f"chaos-{number}"
        if is_attached:
            ground.limit(owner, CALLS)
        part = replace(whole, first=first, tasks=end - first, cpus=0.0 if is_attached else 1.0)
        teams.append(Team(driver, driver.start(part, owner), part))
    for team, other in itertools.permutations(teams, 2):
        team.driver.resume(other.workflow)
    return teams


def _await_marks(path: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(read_marks(path)) < count:
        if time.monotonic() > deadline:
            raise ClusterError(f"the workload has not reached its {count}th task in {PATIENCE_S:g} s")
        time.sleep(LOOK_S)


def _tasks(ground: Ground, teams: Sequence[Team]) -> list[Task]:
    """The finished tasks that leave marks, one for each row."""
    names = {1: "make", 2: "check"}
    return [
        Task(names[row.step], team.workload.first + row.partition)
        for team in teams
        for row in ground.rows(team.workflow)
        if row.step in names
    ]


def _wrong(ground: Ground, team: Team) -> frozenset[Task]:
    made, checked = (_results(ground, team.workflow, step) for step in ("make", "check"))
    return team.workload.wrong(made, checked)


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
