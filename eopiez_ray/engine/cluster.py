"""Calls on Ray: worker pools on a cluster under supervision."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import pickle
import shutil
import socket
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ..encryption.delivery import sent_to
from ..errors import ClusterError
from ..logs import get_logger
from .actors import (
    ORPHAN_S,
    Started,
    actor_names,
    end_actor,
    figures_of,
    find_actor,
    kill,
    last_words_there,
    start_actor,
    waits_for_room,
)
from .executor import CallTimedOutError, Expected, Inherited, Slot, WorkerLostError, WorkerStoppedError
from .figures import NodeFigures
from .joining import ATTACH_S, address, join, living_nodes, note_worker, part
from .last_words import LastWords, forget_last_words, read_last_words
from .line import Line
from .pool import Pool, Pooled, Usage

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId
    from ..model.policies import Resources
    from ..model.results import Results
    from ..model.tasks import Report
    from ..model.work import Handover, Place, WorkCall
    from ..settings import Settings

WATCH_S = 1.0
"""Seconds between looks at the cluster's daemons."""
FAREWELL_S = 5.0
"""Seconds allowed for killing workers before leaving the cluster."""
LEAVE_S = 20.0
"""Seconds after which a cluster that does not let us go is killed if it is ours, and otherwise abandoned."""
DAEMONS = {"gcs_server", "raylet"}
PREPARED = 4
"""Maximum number of workers started before there is work."""
WORKER = "worker-"
"""Prefix of workers' names."""
HANDOVER_S = 5.0
"""Seconds that a worker gets to report its calls."""
COLLECT_S = 0.05
"""Seconds between looks at an inherited call."""
LAST_WORDS_S = 3.0
"""Seconds that another machine gets to report what a worker left behind."""
FIGURES_S = 3.0
"""Seconds that workers get to say what is used on their nodes: they may be busy."""
DEPARTED_S = 15.0
"""Seconds that a node is away before the calls on it are given up: Ray reports them sooner, but not after all deaths of
its head."""
LONGEST_PAUSE_S = 30.0
"""Maximum seconds between attempts to start a worker."""

log = get_logger(__name__)


class RayExecutor:
    """Runs calls on detached Ray actors, with one pool per shape of resources."""

    def __init__(self, settings: Settings, owner: OrchestratorId) -> None:
        self._settings, self._owner = settings, owner.hex
        self._pool = Pool()
        self._workers = self._pool.workers
        self._address = ""
        self._session: Path | None = None
        self._daemons: list[psutil.Process] = []
        self._lost: asyncio.Future[None] | None = None
        """Resolved when this cluster is gone; None while there is no cluster."""
        self._farewells: set[asyncio.Task[None]] = set()
        self._on_room: Callable[[], None] = _nobody
        self._on_worker: Callable[[str, Place], None] = _nobody
        self._line = Line()
        self._number = 0
        self._failed_starts = 0
        self._away_since: dict[str, float] = {}
        """Monotonic seconds since which nodes with workers are away, by Ray's id."""
        self._rest_until = 0.0
        """Monotonic seconds before which no worker is started, because the last ones failed."""

    async def start(self) -> None:
        """Start a cluster on this machine, or attach to the one named in the settings.

        Raises:
            ClusterError: it does not start or answer, or has several nodes and a local artifact folder.
        """
        await asyncio.to_thread(self._connect)
        self._lost = asyncio.get_running_loop().create_future()

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
        if self._farewells:
            await asyncio.wait(self._farewells, timeout=FAREWELL_S)
        await self._hang_up()

    async def leave(self) -> None:
        """Leave a cluster that lives on, and its workers for whoever takes them over; otherwise they exit."""
        if self._farewells:
            await asyncio.wait(self._farewells, timeout=FAREWELL_S)
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Leave the cluster, even if its head is frozen."""
        import ray

        self._line.cut()
        leaving = asyncio.ensure_future(self._line.ask(part))
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

    def share(self, parts: int) -> None:
        """Use one of so many equal shares of the cluster; workers beyond it are released once idle."""
        self._pool.parts = parts
        for resources in {pooled.resources for pooled in self._workers.values()}:
            self._end(self._pool.surplus(resources))

    def slots(self, resources: Resources) -> int:
        """As many workers as this orchestrator's share of the nodes can hold."""
        return self._pool.slots(resources)

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
        if self._lost is None or self._lost.done():
            return None
        now = time.monotonic()
        kept = self._pool.kept_for(ahead, resources, seconds, now) if ahead else ()
        idle = self._pool.idle(resources, kept)
        if idle is not None:
            return self._claim(idle)
        if self._pool.is_starting(resources):
            self._end(self._pool.clearing_way(resources, wanted))
        elif not kept:
            self._grow(resources, wanted)
        if self._settings.autoscaling and not self._pool.is_starting(resources):
            self._go_beyond(resources)
        short = self._pool.soon_idle(resources, now, kept)
        return self._claim(short) if short is not None and may_queue() else None

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        """Whether one more worker would fit if others were not busy."""
        return self._pool.lacks_room(resources, wanted)

    def delay_s(self, worker: str) -> float | None:
        """Computed from the estimates of the worker's calls."""
        pooled = self._workers.get(worker)
        return None if pooled is None else pooled.delay_s(time.monotonic())

    def queue(self, worker: str) -> Slot:
        """A place behind all the worker's calls."""
        return self._claim(self._workers[worker])

    def prepare(self, resources: Resources) -> None:
        """Start a few workers."""
        for _ in range(min(PREPARED, self.slots(resources))):
            self._grow_into_free(resources)

    def _grow(self, resources: Resources, wanted: Collection[Resources]) -> None:
        """Start a worker that work waits for, in place of idle ones of other shapes if need be."""
        if not self._may_grow(resources):
            return
        if self.refusal(resources) is not None:  # Ray queues what no node can hold, and an autoscaler sees it.
            self._spawn(resources)
            return
        making_way = self._pool.making_way(resources, wanted)
        if making_way is not None:
            self._end(making_way)
            self._spawn(resources)

    def _go_beyond(self, resources: Resources) -> None:
        """Let an autoscaler see that work waits: it looks at Ray's queue."""
        if self._pool.may_go_beyond(resources) and time.monotonic() >= self._rest_until:
            self._spawn(resources, is_beyond=True)

    def _grow_into_free(self, resources: Resources) -> None:
        """Start a worker ahead of work, since that takes seconds; no other worker makes way for it."""
        if self._may_grow(resources) and self._pool.has_room(resources):
            self._spawn(resources)

    def _may_grow(self, resources: Resources) -> bool:
        return self._pool.may_grow(resources) and time.monotonic() >= self._rest_until

    def _claim(self, pooled: Pooled) -> Slot:
        pooled.load += 1
        return Slot(pooled.name, pooled.resources, pooled.known)

    def _spawn(self, resources: Resources, *, is_beyond: bool = False) -> None:
        self._number += 1
        name = f"{_prefix(self._owner)}{self._number}"
        actor = asyncio.create_task(start_actor(self._line, name, self._owner, resources, self._settings.artifacts))
        pooled = self._workers[name] = Pooled(name, actor, resources, is_beyond=is_beyond)
        actor.add_done_callback(lambda done: self._welcome(pooled, done))
        log.info("worker starting", worker=name, resources=resources.totals())

    def _welcome(self, pooled: Pooled, started: asyncio.Future[Started]) -> None:
        if started.cancelled():
            return
        error = started.exception()
        if error is not None and self._workers.get(pooled.name) is not pooled:
            return  # It went with its cluster.
        if error is None:
            self._failed_starts = 0
            place: Place = started.result().place
            pooled.node, pooled.is_beyond = place.node, False
            note_worker(place.pid)
            self._on_worker(pooled.name, place)
            self._on_room()
            return
        self._workers.pop(pooled.name, None)
        self._failed_starts += 1
        pause_s = min(LONGEST_PAUSE_S, 2.0**self._failed_starts)
        self._rest_until = time.monotonic() + pause_s
        log.warning("worker did not start", worker=pooled.name, error=str(error), next_try_in_s=pause_s)
        asyncio.get_running_loop().call_later(pause_s, lambda: self._on_room())

    def _kill(self, pooled: Pooled) -> None:
        if self._workers.pop(pooled.name, None) is not None:
            farewell = asyncio.create_task(_bid_farewell(self._line, pooled))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
            if not pooled.is_stopped:
                self._grow_into_free(pooled.resources)

    def give_back(self, slot: Slot) -> None:
        """Free the slot."""
        if slot.worker in self._workers:
            self._workers[slot.worker].load -= 1

    def expect(self, slot: Slot, expected: Expected) -> None:
        """Note until when the worker is busy."""
        pooled = self._workers.get(slot.worker)
        if pooled is not None:
            pooled.busy_until = max(time.monotonic(), pooled.busy_until) + expected.seconds
            pooled.has_unknown = not expected.is_known

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        """Send the call and wait for its reports."""
        import ray

        pooled, lost = self._workers.get(slot.worker), self._lost
        if pooled is None or lost is None:
            raise WorkerStoppedError(slot.worker)  # Before anything of the call was sent.
        try:
            heard, pooled.heard = tuple(pooled.heard), []
            sent = pickle.dumps(_sealed(call, pooled.actor.result().place)._replace(heard=heard), protocol=5)
            slot.known.update(call.code, (key.id.hex() for key in call.keys))
            run = pooled.actor.result().handle.run.options(name=_called(call))
            answer = asyncio.wrap_future(run.remote(sent).future())
            answer.add_done_callback(_heard)
            await asyncio.wait({answer, lost, pooled.departed}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                if answer.result() is None:  # Others took this process for dead, and the worker over.
                    self._workers.pop(slot.worker, None)
                    raise WorkerStoppedError(slot.worker)
                reports: Sequence[Sequence[Report | Results]] = pickle.loads(answer.result())
                pooled.heard.append(call.id)
                return reports
        except (ray.exceptions.RayError, ConnectionError, ValueError) as error:
            if pooled.is_stopped:
                raise WorkerStoppedError(slot.worker) from error
            self._kill(pooled)
            raise await self._lost_with(pooled, call.id, error) from error
        finally:
            pooled.load -= 1
            if self._pool.parts > 1:
                self._end(self._pool.surplus(pooled.resources))
        self._kill(pooled)
        if lost.done():
            raise WorkerLostError(slot.worker, "the Ray cluster was lost")
        if pooled.departed.done():
            raise WorkerLostError(slot.worker, "its node has left the cluster")
        raise CallTimedOutError(slot.worker, timeout_s or 0.0)

    async def _lost_with(self, pooled: Pooled, call: str, error: Exception) -> WorkerLostError:
        """The error for a call whose worker process is gone."""
        import ray

        words = await self._last_words(pooled.actor.result().place)
        return WorkerLostError(
            pooled.name,
            words.told() if words.call else f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
            is_out_of_memory=isinstance(error, ray.exceptions.OutOfMemoryError),
            has_ended_itself=bool(words.ended),
            had_begun=words.call in {"", call},
        )

    async def _last_words(self, place: Place) -> LastWords:
        """What a worker left on its machine; nothing if that cannot be read soon."""
        if place.host == socket.gethostname():
            return await asyncio.to_thread(read_last_words, place)
        try:
            return await asyncio.wait_for(last_words_there(place), LAST_WORDS_S)
        except Exception as error:  # noqa: BLE001 - the node may be gone, too
            log.info("last words of a worker unavailable", host=place.host, error=str(error))
            return LastWords()

    async def inherit(self, dead: Collection[OrchestratorId]) -> list[Inherited]:
        """Take over the workers of dead orchestrators that live on this cluster."""
        if not dead:
            return []
        owners = frozenset(owner.hex for owner in dead)
        found = [name for name in await self._line.ask(actor_names) if name.startswith(WORKER)]
        asked = [self._take_over(name, owners) for name in found if name not in self._workers]
        return [call for calls in await asyncio.gather(*asked) for call in calls]

    async def _take_over(self, name: str, dead: frozenset[str]) -> list[Inherited]:
        """The worker's calls if a dead orchestrator owned it; a worker may pass from one to the next."""
        import ray

        try:
            actor: Any = await self._line.ask(find_actor, name)
            if await self._line.ask(waits_for_room, actor):
                if any(name.startswith(_prefix(owner)) for owner in dead):
                    await self._line.ask(kill, actor)  # Nobody waits for it any more.
                return []
            answer = asyncio.wrap_future(actor.hand_over.remote(dead, self._owner).future())
            handover: Handover | None = await asyncio.wait_for(answer, HANDOVER_S)
        except (ValueError, TimeoutError, ConnectionError, ray.exceptions.RayError) as error:
            log.info("a worker does not answer", worker=name, error=str(error))
            return []
        if handover is None:
            return []
        ready: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
        ready.set_result(Started(actor, handover.place))
        pooled = Pooled(name, ready, handover.resources, set(handover.known), node=handover.place.node)
        self._workers[name] = pooled
        log.info("worker inherited", worker=name, calls=len(handover.calls))
        return [Inherited(self._claim(pooled), call.id, call.tasks) for call in handover.calls]

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report | Results]]:
        """Ask until the call is over."""
        import ray

        pooled = self._workers.get(inherited.slot.worker)
        if pooled is None:
            raise WorkerLostError(inherited.slot.worker, "the worker was stopped")
        try:
            while not pooled.departed.done():
                asked = asyncio.wrap_future(pooled.actor.result().handle.collect.remote(inherited.call).future())
                asked.add_done_callback(_heard)
                await asyncio.wait({asked, pooled.departed}, return_when=asyncio.FIRST_COMPLETED)
                if asked.done() and (answer := asked.result()) is not None:
                    reports: Sequence[Sequence[Report | Results]] = pickle.loads(answer)
                    pooled.heard.append(inherited.call)
                    return reports
                await asyncio.sleep(COLLECT_S)
        except (ray.exceptions.RayError, ConnectionError) as error:
            if pooled.is_stopped:
                raise WorkerStoppedError(inherited.slot.worker) from error
            self._kill(pooled)
            raise WorkerLostError(inherited.slot.worker, f"{type(error).__name__}: {error}") from error
        finally:
            self.give_back(inherited.slot)
        self._kill(pooled)
        raise WorkerLostError(inherited.slot.worker, "its node has left the cluster")

    def stop_workers(self, names: Collection[str]) -> None:
        """Kill these worker processes."""
        self._end([self._workers[name] for name in names if name in self._workers])

    def _end(self, workers: Sequence[Pooled]) -> None:
        for pooled in workers:
            pooled.is_stopped = True
            self._kill(pooled)

    def release_idle(self) -> None:
        """Kill idle workers, to free their resources for other users of the cluster."""
        self._end([pooled for pooled in self._workers.values() if pooled.load == 0])

    async def watch(self, on_room: Callable[[], None], on_worker: Callable[[str, Place], None]) -> None:
        """Keep idle workers alive, and notice when the cluster dies or changes."""
        self._on_room, self._on_worker = on_room, on_worker
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
                for pooled in self._workers.values():
                    if pooled.load == 0 and pooled.actor.done() and not pooled.actor.exception():
                        pooled.actor.result().handle.beat.remote()

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
            nodes = await asyncio.wait_for(self._line.ask(living_nodes), ATTACH_S)
        except (TimeoutError, ray.exceptions.RayError) as error:
            raise ClusterError(
                "the Ray cluster no longer answers; "
                "its workflows continue as soon as an orchestrator on another cluster claims them"
            ) from error
        living = {node.id for node in nodes.nodes}
        if nodes.nodes != self._pool.nodes.nodes:
            log.info("nodes changed", nodes=len(nodes.nodes))
            self._pool.nodes = nodes
            self._on_room()
        gone = [pooled for pooled in self._workers.values() if pooled.node and pooled.node not in living]
        self._end([pooled for pooled in gone if pooled.load == 0])
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
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        self._workers.clear()
        await self._hang_up()
        await self.start()


def _prefix(owner: str) -> str:
    """Prefix of the names of an orchestrator's own workers."""
    return f"{WORKER}{owner[-12:]}-"


def _sealed(call: WorkCall, place: Place) -> WorkCall:
    """The call with its data keys encrypted for the worker's process."""
    if not call.keys:
        return call
    return call._replace(keys=(), sent_keys=sent_to(place.public_key, call.keys))


def _called(call: WorkCall) -> str:
    """What Ray's dashboard calls it: by its steps, and no more, since each name is a series of Ray's metrics."""
    first, *others = dict.fromkeys(name for part in call.parts for name in part.step_names())
    return f"{first} …" if others else first


def _heard(answer: asyncio.Future[Any]) -> None:
    """Retrieve the result of a call that nobody waits for any more, so that asyncio does not complain."""
    if not answer.cancelled():
        answer.exception()


def _nobody(*_: object) -> None:
    """Do nothing, since nobody listens yet."""


async def _bid_farewell(line: Line, pooled: Pooled) -> None:
    error = await end_actor(line, pooled.name, pooled.actor, pooled.resources)
    if error:
        log.info("worker was already gone", worker=pooled.name, error=error)
    if pooled.actor.done() and not pooled.actor.cancelled() and pooled.actor.exception() is None:
        place = pooled.actor.result().place
        if place.host == socket.gethostname():
            # Whoever learned of its loss reads its last words first.
            asyncio.get_running_loop().call_later(FAREWELL_S, forget_last_words, place)
