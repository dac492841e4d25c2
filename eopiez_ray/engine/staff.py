"""The workers of one orchestrator on a cluster: how many are started, which end, and which calls they have room for."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from ..logs import get_logger
from .actors import Started, end_actor, start_actor
from .executor import Slot
from .joining import note_worker
from .last_words import forget_last_words
from .line import Line
from .pool import Pool, Pooled

if TYPE_CHECKING:
    from ..model.policies import Resources
    from ..model.work import Place

FAREWELL_S = 5.0
"""Seconds allowed for killing workers before leaving the cluster."""
PREPARED = 4
"""Maximum number of workers started before there is work."""
WORKER = "worker-"
"""Prefix of workers' names."""
LONGEST_PAUSE_S = 30.0
"""Maximum seconds between attempts to start a worker."""

log = get_logger(__name__)


class Staff:
    """Starts and ends workers as the pool of their shapes decides."""

    def __init__(self, owner: str, artifact_url: str) -> None:
        """
        Args:
            owner: the orchestrator's id, in hex.
            artifact_url: where workers keep outputs.
        """
        self.owner, self._artifact_url = owner, artifact_url
        self.pool = Pool()
        self.workers = self.pool.workers
        self.line = Line()
        self.lost: asyncio.Future[None] | None = None
        """Resolved when the cluster is gone; None while there is none."""
        self.on_room: Callable[[], None] = _nobody
        self.on_worker: Callable[[str, Place], None] = _nobody
        self._farewells: set[asyncio.Task[None]] = set()
        self._number = 0
        self._failed_starts = 0
        self._rest_until = 0.0
        """Monotonic seconds before which no worker is started, because the last ones failed."""

    @property
    def is_reachable(self) -> bool:
        """Whether there is a cluster for workers to be on."""
        return self.lost is not None and not self.lost.done()

    def idle(self, resources: Resources, kept: Collection[str]) -> Slot | None:
        """Room on an idle worker, on a node that is not kept free for others."""
        found = self.pool.idle(resources, kept)
        return None if found is None else self.claim(found)

    def claim(self, pooled: Pooled) -> Slot:
        """A place behind all the worker's calls."""
        pooled.load += 1
        return Slot(pooled.name, pooled.resources, pooled.known)

    def give_back(self, slot: Slot) -> None:
        """Free the slot."""
        if slot.worker in self.workers:
            self.workers[slot.worker].load -= 1
            self.retire(self.workers[slot.worker])

    def retire(self, pooled: Pooled) -> None:
        """End a worker that gets no more calls, once it has none."""
        if pooled.is_retiring and pooled.load == 0:
            self.end([pooled])

    def make_room(self, resources: Resources, wanted: Collection[Resources], *, is_kept: bool) -> None:
        """Start a worker that work waits for, or hurry the one that is starting.

        Args:
            resources: its shape.
            wanted: shapes that work waits for: workers starting for them do not make way.
            is_kept: whether nodes are kept free for other shapes, so that none may be started.
        """
        if self.pool.is_starting(resources):
            self.end(self.pool.clearing_way(resources, wanted))
        elif not is_kept:
            self._grow(resources, wanted)

    def prepare(self, resources: Resources) -> None:
        """Start a few workers ahead of work, since that takes seconds."""
        for _ in range(min(PREPARED, self.pool.slots(resources))):
            self._grow_into_free(resources)

    def go_beyond(self, resources: Resources) -> None:
        """Let an autoscaler see that work waits: it looks at Ray's queue."""
        if self.pool.is_starting(resources) or self._is_resting:
            return
        if self.pool.may_go_beyond(resources):
            self._spawn(resources, is_beyond=True)

    def _grow(self, resources: Resources, wanted: Collection[Resources]) -> None:
        """Start one in place of idle ones of other shapes if need be."""
        if not self._may_grow(resources):
            return
        if (
            self.pool.nodes.refusal(resources) is not None
        ):  # Ray queues what no node can hold, and an autoscaler sees it.
            self._spawn(resources)
            return
        making_way = self.pool.making_way(resources, wanted)
        if making_way is not None:
            self.end(making_way)
            self._spawn(resources)

    def _grow_into_free(self, resources: Resources) -> None:
        """Start one for which no other makes way."""
        if self._may_grow(resources) and self.pool.has_room(resources):
            self._spawn(resources)

    def _may_grow(self, resources: Resources) -> bool:
        return self.pool.may_grow(resources) and not self._is_resting

    @property
    def _is_resting(self) -> bool:
        return time.monotonic() < self._rest_until

    def _spawn(self, resources: Resources, *, is_beyond: bool = False) -> None:
        self._number += 1
        name = f"{prefix(self.owner)}{self._number}"
        actor = asyncio.create_task(start_actor(self.line, name, self.owner, resources, self._artifact_url))
        pooled = self.workers[name] = Pooled(name, actor, resources, is_beyond=is_beyond)
        actor.add_done_callback(lambda done: self._welcome(pooled, done))
        log.info("worker starting", worker=name, resources=resources.totals())

    def _welcome(self, pooled: Pooled, started: asyncio.Future[Started]) -> None:
        if started.cancelled():
            return
        error = started.exception()
        if error is not None and self.workers.get(pooled.name) is not pooled:
            return  # It went with its cluster.
        if error is not None:
            self._rest(pooled, error)
            return
        self._failed_starts = 0
        place = started.result().place
        pooled.node, pooled.is_beyond = place.node, False
        note_worker(place.pid)
        self.on_worker(pooled.name, place)
        self.on_room()

    def _rest(self, pooled: Pooled, error: BaseException) -> None:
        """Wait longer after each failure before the next start."""
        self.workers.pop(pooled.name, None)
        self._failed_starts += 1
        pause_s = min(LONGEST_PAUSE_S, 2.0**self._failed_starts)
        self._rest_until = time.monotonic() + pause_s
        log.warning("worker did not start", worker=pooled.name, error=str(error), next_try_in_s=pause_s)
        asyncio.get_running_loop().call_later(pause_s, lambda: self.on_room())

    def end(self, workers: Sequence[Pooled]) -> None:
        """Stop workers on purpose: their calls are not lost."""
        for pooled in workers:
            pooled.is_stopped = True
            self.kill(pooled)

    def end_surplus(self, resources: Resources) -> None:
        """Stop idle workers beyond this orchestrator's share of the cluster."""
        if self.pool.parts > 1:
            self.end(self.pool.surplus(resources))

    def kill(self, pooled: Pooled) -> None:
        """End a worker's process; one that was not stopped on purpose is replaced."""
        if self.workers.pop(pooled.name, None) is not None:
            farewell = asyncio.create_task(_bid_farewell(self.line, pooled))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
            if not pooled.is_stopped:
                self._grow_into_free(pooled.resources)

    async def farewell(self) -> None:
        """Wait until all workers that were ended are gone, but not for ever."""
        if self._farewells:
            await asyncio.wait(self._farewells, timeout=FAREWELL_S)

    def beat(self) -> None:
        """Keep idle workers alive: they exit if they hear nothing for long."""
        for pooled in self.workers.values():
            if pooled.load == 0 and pooled.actor.done() and not pooled.actor.exception():
                pooled.actor.result().handle.beat.remote()

    def lose_all(self) -> None:
        """Forget all workers, whose cluster is gone; their calls end."""
        if self.lost is not None and not self.lost.done():
            self.lost.set_result(None)
        self.workers.clear()


def prefix(owner: str) -> str:
    """Prefix of the names of an orchestrator's own workers."""
    return f"{WORKER}{owner[-12:]}-"


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
