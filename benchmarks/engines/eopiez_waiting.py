"""What waiting costs: 10,000 workflows that wait for room, 1,000 paused ones, 100 at work.

The orchestrator, its database and its plans are the real ones. Its calls go to an executor of 100 places on which they
stay, so that no worker takes CPU time that would be counted, or has to be there a hundred times.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import psutil
from common import noop, percentile, tell

import eopiez_ray as ez
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.executor import Expected, Inherited, Slot
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.model.ids import OrchestratorId
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.model.policies import Resources
from eopiez_ray.model.requests import Selection
from eopiez_ray.model.tasks import Report
from eopiez_ray.model.work import Place, WorkCall
from eopiez_ray.store import Database, EmbeddedServer, Intake, NewWorkflow, RuleBook, Workflows, connect

ENGINE = "eopiez"
WAITING, PAUSED, RUNNING = 10_000, 1_000, 100
IDLE_S = 20.0
SETTLE_S = 5.0
"""Seconds after which all that is waiting is held, explained and committed."""
DECISIONS = 200


class Places:
    """Room for so many calls, which never end."""

    def __init__(self, room: int) -> None:
        self.room, self.busy = room, 0
        self.are_taken = asyncio.Event()
        """Set when as many calls are at work as should be."""

    async def start(self) -> None:
        """There is nothing to reach."""

    async def close(self) -> None:
        """There is nothing to leave."""

    @property
    def cluster(self) -> str:
        return "places"

    def share(self, parts: int) -> None:
        """There is one orchestrator."""

    def refusal(self, resources: Resources) -> str | None:
        return None

    def memory_limit_bytes(self) -> float:
        return 2.0**40

    def slots(self, resources: Resources) -> int:
        return self.room

    def held(self) -> float:
        return float(self.busy)

    def free(self, resources: Resources) -> Mapping[str, float]:
        return {"CPU": float(self.room - self.busy)}

    def take(
        self,
        resources: Resources,
        wanted: Collection[Resources],
        ahead: Sequence[Resources],
        seconds: float,
        may_queue: Callable[[], bool],
    ) -> Slot | None:
        if self.busy >= self.room:
            return None
        self.busy += 1
        if self.busy == RUNNING:
            self.are_taken.set()
        return Slot(f"place-{self.busy}", resources, set())

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        return False

    def delay_s(self, worker: str) -> float | None:
        return None

    def queue(self, worker: str) -> Slot:
        raise NotImplementedError("no source runs here")

    def give_back(self, slot: Slot) -> None:
        self.busy -= 1

    def expect(self, slot: Slot, expected: Expected) -> None:
        """Calls do not queue."""

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report]]:
        await asyncio.Event().wait()
        return []

    async def inherit(self, dead: Collection[OrchestratorId]) -> list[Inherited]:
        return []

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report]]:
        return []

    async def watch(self, on_room: Callable[[], None], on_worker: Callable[[str, Place], None]) -> None:
        await asyncio.Event().wait()

    def stop_workers(self, names: Collection[str]) -> None:
        """They never end."""

    def prepare(self, resources: Resources) -> None:
        """Places are there."""

    def release_idle(self) -> None:
        """Places cost nothing."""


def alone() -> ez.Plan:
    """A task that shares its call with no other."""
    plan = ez.Plan("alone")
    plan.step("task", ez.phase(noop), plan.values("start", [0]))
    plan.tune("task", timeout_s=3600)
    return plan


def main() -> None:
    """Measure, waiting for room and waiting for a limit."""
    for stopped_by in ("room", "limit"):
        with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as folder:
            server = EmbeddedServer(Path(folder))
            try:
                asyncio.run(measure(server.start(), folder, stopped_by))
            finally:
                server.leave()


async def measure(url: str, folder: str, stopped_by: str) -> None:
    """CPU time while nothing happens, then the time of one decision after another."""
    database = await connect(url)
    new = NewWorkflow(alone().spec(), alone().code(), owner="anna")
    await pause_some(database, new)
    if stopped_by == "limit":
        await RuleBook(database).limit(LimitKey(LimitKind.OWNER, "anna"), RUNNING)
    places = Places(RUNNING if stopped_by == "room" else WAITING)
    orchestrator = Orchestrator(database, places, Artifacts(folder), ez.Settings(home=Path(folder)))
    running = asyncio.create_task(orchestrator.run())
    await orchestrator.create(*[new] * (WAITING + RUNNING))
    await places.are_taken.wait()
    await asyncio.sleep(SETTLE_S)
    tell(ENGINE, f"waiting for {stopped_by}", percent=100 * await cpu_share(IDLE_S))
    if stopped_by == "room":
        decisions = decide(orchestrator, places)
        tell(ENGINE, "waiting, decision", p50=percentile(decisions, 0.5), p95=percentile(decisions, 0.95))
    orchestrator.stop()
    await running
    await database.close()


async def pause_some(database: Database, new: NewWorkflow) -> None:
    """Paused workflows, which no orchestrator holds."""
    made = await Intake(database).create(*[new] * PAUSED)
    await Workflows(database).pause_all(Selection(ids=tuple(created.id for created in made)))


async def cpu_share(seconds: float) -> float:
    """CPU time of this process over so many seconds, as a share of one core."""
    before = psutil.Process().cpu_times()
    await asyncio.sleep(seconds)
    after = psutil.Process().cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def decide(orchestrator: Orchestrator, places: Places) -> list[float]:
    """Seconds of each admission that finds room for one more call."""
    taken = []
    for _ in range(DECISIONS):
        places.room += 1
        began = time.perf_counter()
        orchestrator._dispatcher.start_what_fits()
        taken.append(time.perf_counter() - began)
    assert places.busy == RUNNING + DECISIONS, "each decision starts a call"
    return taken


if __name__ == "__main__":
    main()
