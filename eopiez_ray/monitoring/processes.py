"""What a process, and the node that it is on, use of CPU, memory, disk and network."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import psutil

from ..engine.figures import node_figures
from ..errors import EopiezError
from ..store.samples import Watches
from . import catalogue
from .labels import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..engine.accounting import Spent
    from ..engine.figures import NodeFigures, StoreFigures
    from ..engine.pool import Usage
    from ..model.dealings import Dealt
    from .meter import Meter
    from .station import Station

NODE = shortened(socket.gethostname())
"""What this node is called."""
FOREIGN_LEASE = timedelta(seconds=25)
"""How long a look at a node elsewhere keeps others from measuring it too; longer than until the next look."""
OF_PROCESS = (
    catalogue.PROCESS_CPU, catalogue.PROCESS_MEMORY, catalogue.PROCESS_THREADS, catalogue.PROCESS_FILES,
    catalogue.PROCESSES,
)  # fmt: skip
OF_NODE = (
    catalogue.NODE_CPU, catalogue.NODE_MEMORY, catalogue.NODE_DISK, catalogue.NODE_DISK_BYTES,
    catalogue.NODE_NETWORK_BYTES,
)  # fmt: skip
"""What a look at a node measures."""
LAG_PROBE_S = 0.05
"""Seconds for which something is put off to see whether it comes in time."""


class OwnProcess:
    """Measures the process that it is in."""

    def __init__(self, meter: Meter, part: str) -> None:
        self._meter, self._part = meter, part
        self._process = psutil.Process()
        self._cpu_s = 0.0
        """CPU time that is counted."""

    async def sample(self) -> None:
        """Note what it uses now."""
        labels = NODE, self._part
        times = self._process.cpu_times()
        used = times.user + times.system + times.children_user + times.children_system
        self._meter.add(catalogue.PROCESS_CPU, max(0.0, used - self._cpu_s), labels)
        self._cpu_s = used
        self._meter.note(catalogue.PROCESS_MEMORY, self._process.memory_info().rss, labels)
        self._meter.note(catalogue.PROCESS_THREADS, self._process.num_threads(), labels)
        self._meter.note(catalogue.PROCESS_FILES, self._process.num_fds(), labels)
        self._meter.note(catalogue.PROCESSES, 1, (self._part,))

    async def watch_loop(self) -> None:
        """Note how late the event loop comes to something that is due."""
        due_at = time.perf_counter() + LAG_PROBE_S
        await asyncio.sleep(LAG_PROBE_S)
        self._meter.observe(catalogue.LOOP_LAG, time.perf_counter() - due_at, (self._part,))


class Node:
    """Measures this node; one of its processes does so for all."""

    def __init__(self, meter: Meter, home: Path) -> None:
        self._notes, self._home = NodeNotes(meter), home

    async def sample(self) -> None:
        """Note what is used now."""
        self._notes.add(await asyncio.to_thread(node_figures, self._home))


class NodeNotes:
    """Notes what nodes use."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._transferred: dict[tuple[str, catalogue.Metric, str], int] = {}
        """Bytes that are counted, by node, metric and direction."""

    def add(self, figures: NodeFigures) -> None:
        """Note what a node uses."""
        node = shortened(figures.host)
        self._meter.note(catalogue.NODE_CPU, figures.cpu, (node,))
        for state, amount in figures.memory.items():
            self._meter.note(catalogue.NODE_MEMORY, amount, (node, state))
        for state, amount in figures.disk.items():
            self._meter.note(catalogue.NODE_DISK, amount, (node, state))
        self._count(catalogue.NODE_DISK_BYTES, node, figures.disk_transfers)
        self._count(catalogue.NODE_NETWORK_BYTES, node, figures.network_transfers)

    def _count(self, metric: catalogue.Metric, node: str, transfers: Mapping[str, int]) -> None:
        """Count what was transferred since the last time; nothing the first time, which only sets the beginning."""
        for direction, transferred in transfers.items():
            before = self._transferred.get((node, metric, direction), transferred)
            self._transferred[node, metric, direction] = transferred
            self._meter.add(metric, max(0, transferred - before), (node, direction))


class StoreNotes:
    """Notes how the object store of a cluster is used."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._last: StoreFigures | None = None

    def add(self, figures: StoreFigures, *, is_ours: bool) -> None:
        """Note it, unless another orchestrator of the cluster does: then only know from where to count on."""
        last, self._last = self._last, figures
        if not is_ours:
            return
        self._meter.note(catalogue.RAY_STORE, figures.used, ("used",))
        self._meter.note(catalogue.RAY_STORE, figures.free, ("free",))
        if last is None or last.cluster != figures.cluster:
            last = figures
        # Less than before is what is left when a node is gone.
        self._meter.add(catalogue.RAY_SPILLED, max(0, figures.spilled - last.spilled))
        self._meter.add(catalogue.RAY_RESTORED, max(0, figures.restored - last.restored))


class Looks(Protocol):
    """An orchestrator's view of its cluster."""

    def usage(self) -> Usage | None:
        """What the cluster has, and what is held of it; None while nothing is driven."""
        ...

    def spent(self) -> Spent | None:
        """Where the time of slots went since this was last asked."""
        ...

    def figures(self) -> list[NodeFigures]:
        """What is used on nodes with workers."""
        ...

    def object_store(self) -> StoreFigures | None:
        """How the object store of its cluster is used; None while nothing is driven."""
        ...

    def dealt(self) -> Dealt | None:
        """What it and its workers have done with the artifact store since this was last asked."""
        ...


class Cluster:
    """Measures what an orchestrator sees of its cluster, and the nodes on which no process of ours does so itself."""

    def __init__(self, station: Station, looks: Looks) -> None:
        self._meter, self._looks = station.meter, looks
        self._watches = Watches(station.database, station.id, FOREIGN_LEASE)
        self._notes, self._store = NodeNotes(station.meter), StoreNotes(station.meter)

    async def sample(self) -> None:
        """Note what there is and what is held."""
        try:
            usage = await asyncio.to_thread(self._looks.usage)
            spent = await asyncio.to_thread(self._looks.spent)
            figures = await asyncio.to_thread(self._looks.figures)
            store = await asyncio.to_thread(self._looks.object_store)
        except EopiezError:  # It is being closed.
            return
        count_dealings(self._meter, self._looks.dealt())
        if usage is not None:
            self._note(usage)
        if spent is not None:
            self._add(spent)
        if store is not None:
            self._store.add(store, is_ours=await self._watches.keep(f"cluster {store.cluster}"))
        for each in figures:
            node = shortened(each.host)
            if node != NODE and await self._watches.keep(watch_of(node)):
                self._notes.add(each)

    def _add(self, spent: Spent) -> None:
        for use, seconds in spent.uses.items():
            self._meter.add(catalogue.SLOT_SECONDS, seconds, (use,))
        for held, seconds in spent.held.items():
            self._meter.add(catalogue.HELD_SECONDS, seconds, (held.project, held.by))

    def _note(self, usage: Usage) -> None:
        self._meter.note(catalogue.RAY_NODES, usage.nodes)
        for name, amount in usage.total.items():
            self._meter.note(catalogue.RAY_RESOURCES, amount, (name,))
            self._meter.note(catalogue.RAY_HELD, usage.held[name], (name,))
        for state in ("busy", "idle", "waiting"):
            self._meter.note(catalogue.RAY_WORKERS, getattr(usage, state), (state,))


def count_dealings(meter: Meter, dealt: Dealt | None) -> None:
    """Count what was done with the artifact store."""
    if dealt is None:
        return
    for (operation, ending), times in dealt.ends.items():
        meter.add(catalogue.ARTIFACT_OPERATIONS, times, (operation, ending))
    for operation, moved in dealt.bytes.items():
        meter.add(catalogue.ARTIFACT_TRANSFERRED, moved, (operation,))
    for operation, sketch in dealt.seconds.items():
        meter.merge(catalogue.ARTIFACT_OPERATION_SECONDS, sketch, (operation,))


def watch_of(node: str) -> str:
    """The watch over a node."""
    return f"node {node}"
