"""Calls on Ray: worker pools on a cluster under supervision."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ..errors import ClusterError
from ..logs import get_logger
from .actors import ORPHAN_S, figures_of
from .calls import Calls
from .executor import Expected, Inherited, Slot
from .figures import NodeFigures, StoreFigures
from .joining import ATTACH_S, address, join, living_nodes, object_store, part
from .pool import Pooled, Usage
from .staff import Staff

if TYPE_CHECKING:
    from ..model.dealings import Dealt
    from ..model.ids import OrchestratorId
    from ..model.policies import Resources
    from ..model.results import Results
    from ..model.tasks import Report
    from ..model.work import Place, WorkCall
    from ..settings import Settings

WATCH_S = 1.0
"""Seconds between looks at the cluster's daemons."""
LEAVE_S = 20.0
"""Seconds after which a cluster that does not let us go is killed if it is ours, and otherwise abandoned."""
DAEMONS = {"gcs_server", "raylet"}
FIGURES_S = 3.0
"""Seconds that workers get to say what is used on their nodes: they may be busy."""
DEPARTED_S = 15.0
"""Seconds that a node is away before the calls on it are given up: Ray reports them sooner, but not after all deaths of
its head."""

log = get_logger(__name__)


class RayExecutor:
    """Runs calls on detached Ray actors, with one pool per shape of resources."""

    def __init__(self, settings: Settings, owner: OrchestratorId) -> None:
        self._settings = settings
        self._staff = Staff(owner.hex, settings.artifacts)
        self._calls = Calls(self._staff)
        self._pool, self._workers = self._staff.pool, self._staff.workers
        self._address = ""
        self._session: Path | None = None
        self._daemons: list[psutil.Process] = []
        self._asked: asyncio.Future[StoreFigures] | None = None
        """The last question about the object store."""
        self._away_since: dict[str, float] = {}
        """Monotonic seconds since which nodes with workers are away, by Ray's id."""

    async def start(self) -> None:
        """Start a cluster on this machine, or attach to the one named in the settings.

        Raises:
            ClusterError: it does not start or answer, or has several nodes and a local artifact folder.
        """
        await asyncio.to_thread(self._connect)
        self._staff.lost = asyncio.get_running_loop().create_future()

    def _connect(self) -> None:
        self._session = join(self._settings)
        if self._session is not None:
            self._daemons = [child for child in psutil.Process().children() if child.name() in DAEMONS]
        self._pool.nodes, self._address = living_nodes(), address()
        self._check_nodes()

    def _check_nodes(self) -> None:
        hosts, url = self._pool.nodes.hosts, self._settings.artifacts
        if len(hosts) > 1 and ("://" not in url or url.startswith("file://")):
            raise ClusterError(
                f"the cluster has {len(hosts)} machines, but artifacts go to a local folder ({url}); "
                "set EOPIEZ_ARTIFACT_URL to storage that all of them can reach, such as s3://bucket/path"
            )

    async def close(self) -> None:
        """Stop all workers; stop the cluster if it was started here."""
        self.stop_workers(list(self._workers))
        await self._staff.farewell()
        await self._hang_up()

    async def leave(self) -> None:
        """Leave a cluster that lives on, and its workers for whoever takes them over; otherwise they exit."""
        await self._staff.farewell()
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Leave the cluster, even if its head is frozen."""
        import ray

        self._staff.line.cut()
        leaving = asyncio.ensure_future(self._staff.line.ask(part))
        _, late = await asyncio.wait({leaving}, timeout=LEAVE_S)
        if late:
            log.warning("the Ray cluster does not answer a farewell", killed=[each.pid for each in self._daemons])
            for daemon in self._daemons:
                with contextlib.suppress(psutil.NoSuchProcess):
                    daemon.kill()
            _, late = await asyncio.wait({leaving}, timeout=LEAVE_S if self._daemons else 0)
        if late:
            leaving.cancel()
            atexit.unregister(ray.shutdown)  # It would wait as well, and keep the process from ending.
        else:
            await leaving
        if self._session is not None:
            await asyncio.to_thread(shutil.rmtree, self._session, ignore_errors=True)

    def refusal(self, resources: Resources) -> str | None:
        """Why no node of the cluster can run such a task."""
        return self._pool.nodes.refusal(resources)

    def memory_limit_bytes(self) -> float:
        """Total memory of the largest node."""
        return self._pool.nodes.largest("memory")

    @property
    def cluster(self) -> str:
        """The address of its head."""
        return self._address

    def usage(self) -> Usage:
        """What the cluster has, and what this orchestrator holds of it."""
        return self._pool.usage()

    async def figures(self) -> list[NodeFigures]:
        """What is used on the nodes where this orchestrator has workers, as far as they say so in time."""
        by_node = {pooled.node: pooled for pooled in self._workers.values() if pooled.node and pooled.actor.done()}
        asked = [asyncio.create_task(figures_of(pooled.actor.result())) for pooled in by_node.values()]
        done, late = await asyncio.wait(asked, timeout=FIGURES_S) if asked else (set(), set())
        for task in late:
            task.cancel()
        return [found for task in done if (found := task.result()) is not None]

    async def object_store(self) -> StoreFigures | None:
        """How the cluster's object store is used; None if nobody says so in time."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._staff.line.ask(object_store, self._address, FIGURES_S))
            self._asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({self._asked}, timeout=FIGURES_S)
        if not self._asked.done():  # While the head is away, one question is open, and not one more each time.
            return None
        error = self._asked.exception()
        if error is not None:
            log.info("the object store does not say how it is used", error=str(error))
            return None
        return self._asked.result()

    def dealt(self) -> Dealt | None:
        """What workers have done with the artifact store since this was last asked; None if nothing."""
        return self._calls.dealings.take()

    def share(self, parts: int) -> None:
        """Use one of so many equal shares of the cluster; workers beyond it are released once idle."""
        self._pool.parts = parts
        for resources in {pooled.resources for pooled in self._workers.values()}:
            self._staff.end(self._pool.surplus(resources))

    def slots(self, resources: Resources) -> int:
        """As many workers as this orchestrator's share of the nodes can hold."""
        return self._pool.slots(resources)

    def held(self) -> float:
        """How many CPUs its workers hold that are at work."""
        return sum(pooled.resources.totals().get("CPU", 0.0) for pooled in self._workers.values() if pooled.load)

    def free(self, resources: Resources) -> dict[str, float]:
        """The nodes' total resources, minus what busy workers hold."""
        return self._pool.free(resources)

    def take(
        self,
        resources: Resources,
        wanted: Collection[Resources],
        ahead: Sequence[Resources],
        seconds: float,
        may_queue: Callable[[], bool],
    ) -> Slot | None:
        """Room on an idle worker, or else behind a short call; starts another worker if there is room for one."""
        if not self._staff.is_reachable:
            return None
        now = time.monotonic()
        kept = self._pool.kept_for(ahead, resources, seconds, now) if ahead else ()
        idle = self._staff.idle(resources, kept)
        if idle is not None:
            return idle
        self._staff.make_room(resources, wanted, is_kept=bool(kept))
        if self._settings.autoscaling:
            self._staff.go_beyond(resources)
        short = self._pool.soon_idle(resources, now, kept)
        return self._staff.claim(short) if short is not None and may_queue() else None

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        """Whether one more worker would fit if others were not busy."""
        return self._pool.lacks_room(resources, wanted)

    def delay_s(self, worker: str) -> float | None:
        """Computed from the estimates of the worker's calls; None if there is no such worker that takes more."""
        pooled = self._workers.get(worker)
        return None if pooled is None or pooled.is_retiring else pooled.delay_s(time.monotonic())

    def queue(self, worker: str) -> Slot:
        """A place behind all the worker's calls."""
        return self._staff.claim(self._workers[worker])

    def prepare(self, resources: Resources) -> None:
        """Start a few workers."""
        self._staff.prepare(resources)

    def give_back(self, slot: Slot) -> None:
        """Free the slot."""
        self._staff.give_back(slot)

    def expect(self, slot: Slot, expected: Expected) -> None:
        """Note until when the worker is busy."""
        pooled = self._workers.get(slot.worker)
        if pooled is not None:
            pooled.busy_until = max(time.monotonic(), pooled.busy_until) + expected.seconds
            pooled.has_unknown = not expected.is_known

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        """Send the call and wait for its reports."""
        return await self._calls.run(slot, call, timeout_s)

    async def inherit(self, dead: Collection[OrchestratorId]) -> list[Inherited]:
        """Take over the workers of dead orchestrators that live on this cluster."""
        return await self._calls.inherit([owner.hex for owner in dead])

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report | Results]]:
        """Ask until the call is over."""
        return await self._calls.collect(inherited)

    def stop_workers(self, names: Collection[str]) -> None:
        """Kill these worker processes."""
        self._staff.end([self._workers[name] for name in names if name in self._workers])

    def release_idle(self) -> None:
        """Kill idle workers, to free their resources for other users of the cluster."""
        self._staff.end([pooled for pooled in self._workers.values() if pooled.load == 0])

    async def watch(self, on_room: Callable[[], None], on_worker: Callable[[str, Place], None]) -> None:
        """Keep idle workers alive, and notice when the cluster dies or changes."""
        self._staff.on_room, self._staff.on_worker = on_room, on_worker
        beaten_at = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_S)
            if any(not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE for daemon in self._daemons):
                await self._restart()
                on_room()
            elif self._settings.ray_address is not None or self._has_refused():
                await self._look_at_nodes()
            if time.monotonic() - beaten_at > ORPHAN_S / 4:
                beaten_at = time.monotonic()
                self._staff.beat()

    def _has_refused(self) -> bool:
        """Whether any work waits for something no node has."""
        return any(self.refusal(pooled.resources) is not None for pooled in self._workers.values())

    async def _look_at_nodes(self) -> None:
        """Check which nodes have joined or left.

        Raises:
            ClusterError: the head does not answer.
        """
        import ray

        try:
            nodes = await asyncio.wait_for(self._staff.line.ask(living_nodes), ATTACH_S)
        except (TimeoutError, ray.exceptions.RayError) as error:
            raise ClusterError(
                "the Ray cluster no longer answers; "
                "its workflows continue as soon as an orchestrator on another cluster claims them"
            ) from error
        living = {node.id for node in nodes.nodes}
        if nodes.nodes != self._pool.nodes.nodes:
            log.info("nodes changed", nodes=len(nodes.nodes))
            self._pool.nodes = nodes
            self._staff.on_room()
        gone = [pooled for pooled in self._workers.values() if pooled.node and pooled.node not in living]
        self._staff.end([pooled for pooled in gone if pooled.load == 0])
        self._give_up(gone, time.monotonic())

    def _give_up(self, gone: Sequence[Pooled], now: float) -> None:
        """Give up the calls of workers whose nodes have been away for too long; usually Ray has reported them."""
        nodes = {pooled.node for pooled in gone}
        self._away_since = {node: self._away_since.get(node, now) for node in nodes}
        for pooled in gone:
            if now - self._away_since[pooled.node] > DEPARTED_S and not pooled.departed.done():
                log.warning("the node of a worker is away for too long", worker=pooled.name, node=pooled.node)
                pooled.departed.set_result(None)

    async def _restart(self) -> None:
        """Start another cluster after ours died. Tasks in flight are lost and run again."""
        log.warning("the Ray cluster died, starting another")
        self._staff.lose_all()
        await self._hang_up()
        await self.start()
