"""Workers in the test's own process: the real worker behind the executor's seam, with a gate to hold calls back."""

from __future__ import annotations

import asyncio
import shutil
import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from eopiez_ray.engine.executor import CallTimedOutError, Expected, Inherited, Slot, WorkerLostError, WorkerStoppedError
from eopiez_ray.engine.worker import Worker
from eopiez_ray.model.ids import OrchestratorId
from eopiez_ray.model.policies import Resources
from eopiez_ray.model.results import Results
from eopiez_ray.model.tasks import Report, TaskKey
from eopiez_ray.model.work import Place, WorkCall


@dataclass
class InlineExecutor:
    """One slot a worker; what happens to calls is for the test to say."""

    folder: Path
    count: int = 2
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Calls wait until it is set; it is set at first."""
    waiting: int = 0
    """How many calls wait at the gate."""
    losses: int = 0
    """How many of the next calls lose their worker."""
    calls: list[WorkCall] = field(default_factory=list)
    """All that were sent."""
    stopped: list[str] = field(default_factory=list)
    """Workers that were killed."""
    released: int = 0
    """Times that the idle workers were given back."""

    def __post_init__(self) -> None:
        self.gate.set()
        self._printed = Path(mkdtemp(prefix="eopiez-inline-"))
        weakref.finalize(self, shutil.rmtree, self._printed, ignore_errors=True)
        self._workers = {name: self._worker(name) for name in (f"w{number}" for number in range(self.count))}
        self._known: dict[str, set[str]] = {name: set() for name in self._workers}
        self._free = list(self._workers)
        self._unsaid: set[str] = set()
        """Workers that were taken for a call of which is not known how long it will last."""
        self._on_room: Callable[[], None] = lambda: None
        self._stopping: dict[str, asyncio.Event] = {name: asyncio.Event() for name in self._workers}

    async def start(self) -> None:
        """There is nothing to reach."""

    async def close(self) -> None:
        """There is nothing to leave."""

    @property
    def cluster(self) -> str:
        return str(id(self))

    def share(self, parts: int) -> None:
        """It has workers of its own."""

    def refusal(self, resources: Resources) -> str | None:
        return "it needs a GPU, the cluster has none" if resources.gpu else None

    def memory_limit_bytes(self) -> float:
        return 2.0**40

    def slots(self, resources: Resources) -> int:
        return self.count

    def held(self) -> float:
        return float(self.count - len(self._free))

    def free(self, resources: Resources) -> dict[str, float]:
        return {"CPU": float(len(self._free))}

    def prepare(self, resources: Resources) -> None:
        """Workers are there."""

    def take(
        self,
        resources: Resources,
        wanted: Collection[Resources],
        ahead: Sequence[Resources],
        seconds: float,
        may_queue: Callable[[], bool],
    ) -> Slot | None:
        assert not self._unsaid, (
            "before it is said how long a call should last, nobody can know where the next one goes"
        )
        if not self._free or self.refusal(resources):
            return None
        name = self._free.pop(0)
        self._unsaid.add(name)
        return Slot(name, resources, self._known[name])

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        return False

    def delay_s(self, worker: str) -> float | None:
        return 0.0 if worker in self._free else None

    def queue(self, worker: str) -> Slot:
        self._free.remove(worker)
        return Slot(worker, Resources(), self._known[worker])

    def give_back(self, slot: Slot) -> None:
        self._unsaid.discard(slot.worker)
        self._free.append(slot.worker)
        self._on_room()

    def expect(self, slot: Slot, expected: Expected) -> None:
        self._unsaid.discard(slot.worker)

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        self.calls.append(call)
        slot.known.update(call.code, (key.id.hex() for key in call.keys))
        try:
            await self._pass_gate(slot, timeout_s)
            return self._workers[slot.worker].run(call)
        except Exception:
            self._replace(slot)
            raise
        finally:
            self.give_back(slot)

    def _replace(self, slot: Slot) -> None:
        """A worker whose call came to no good end is not used again."""
        self._workers[slot.worker] = self._worker(slot.worker)
        slot.known.clear()

    def _worker(self, name: str) -> Worker:
        return Worker(str(self.folder), name, Path(mkdtemp(dir=self._printed)))

    async def _opened(self) -> None:
        self.waiting += 1
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1

    async def _pass_gate(self, slot: Slot, timeout_s: float | None) -> None:
        opened = asyncio.ensure_future(self._opened())
        killed = asyncio.ensure_future(self._stopping[slot.worker].wait())
        try:
            done, _ = await asyncio.wait({opened, killed}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            killed.cancel()
            await asyncio.gather(opened, killed, return_exceptions=True)
        if not done:
            raise CallTimedOutError(slot.worker, timeout_s or 0.0)
        if killed in done:
            self._stopping[slot.worker].clear()
            raise WorkerStoppedError(slot.worker)
        if self.losses:
            self.losses -= 1
            raise WorkerLostError(slot.worker, "killed")

    async def inherit(self, dead: Collection[OrchestratorId]) -> list[Inherited]:
        return []

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report | Results]]:
        raise WorkerLostError(inherited.slot.worker, "nothing was inherited")

    async def watch(self, on_room: Callable[[], None], on_worker: Callable[[str, Place], None]) -> None:
        self._on_room = on_room
        for name in self._workers:
            on_worker(name, Place("node", "host", 1, f"actor of {name}"))
        await asyncio.Event().wait()

    def stop_workers(self, names: Collection[str]) -> None:
        self.stopped += names
        for name in names:
            self._stopping[name].set()

    def release_idle(self) -> None:
        self.released += 1

    def tasks(self) -> list[TaskKey]:
        """The tasks of all calls, in order."""
        return [item.key for call in self.calls for part in call.parts for item in part.tasks()]
