"""What a process, and the node that it is on, use of CPU, memory, disk and network."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from typing import TYPE_CHECKING

import psutil

from ..errors import EopiezError
from . import catalogue
from .labels import shortened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..engine.pool import Usage
    from .meter import Meter

NODE = shortened(socket.gethostname())
"""What this node is called."""


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
        asked_at = time.perf_counter()
        await asyncio.sleep(0)
        self._meter.observe(catalogue.LOOP_LAG, time.perf_counter() - asked_at, (self._part,))


class Node:
    """Measures the node; one of its processes does so for all."""

    def __init__(self, meter: Meter, home: Path) -> None:
        self._meter, self._home = meter, home
        self._transferred: dict[tuple[catalogue.Metric, str], int] = {}
        """Bytes that are counted."""
        psutil.cpu_percent()  # The first call only sets the beginning.

    async def sample(self) -> None:
        """Note what is used now."""
        self._meter.note(catalogue.NODE_CPU, psutil.cpu_percent() / 100, (NODE,))
        memory = psutil.virtual_memory()
        self._meter.note(catalogue.NODE_MEMORY, memory.total - memory.available, (NODE, "used"))
        self._meter.note(catalogue.NODE_MEMORY, memory.available, (NODE, "available"))
        disk = await asyncio.to_thread(_usage, self._home)
        self._meter.note(catalogue.NODE_DISK, disk.used, (NODE, "used"))
        self._meter.note(catalogue.NODE_DISK, disk.free, (NODE, "free"))
        self._note_transfers()

    def _note_transfers(self) -> None:
        disks, network = psutil.disk_io_counters(), psutil.net_io_counters()
        if disks is not None:
            self._count(catalogue.NODE_DISK_BYTES, "read", disks.read_bytes)
            self._count(catalogue.NODE_DISK_BYTES, "written", disks.write_bytes)
        if network is not None:
            self._count(catalogue.NODE_NETWORK_BYTES, "received", network.bytes_recv)
            self._count(catalogue.NODE_NETWORK_BYTES, "sent", network.bytes_sent)

    def _count(self, metric: catalogue.Metric, direction: str, transferred: int) -> None:
        """Count what was transferred since the last time; nothing the first time, which only sets the beginning."""
        before = self._transferred.get((metric, direction), transferred)
        self._transferred[metric, direction] = transferred
        self._meter.add(metric, max(0, transferred - before), (NODE, direction))


class Cluster:
    """Measures what an orchestrator sees of its cluster."""

    def __init__(self, meter: Meter, look: Callable[[], Usage | None]) -> None:
        self._meter, self._look = meter, look

    async def sample(self) -> None:
        """Note what there is and what is held."""
        try:
            usage = await asyncio.to_thread(self._look)
        except EopiezError:  # It is being closed.
            return
        if usage is None:
            return
        self._meter.note(catalogue.RAY_NODES, usage.nodes)
        for name, amount in usage.total.items():
            self._meter.note(catalogue.RAY_RESOURCES, amount, (name,))
            self._meter.note(catalogue.RAY_HELD, usage.held[name], (name,))
        for state in ("busy", "idle", "waiting"):
            self._meter.note(catalogue.RAY_WORKERS, getattr(usage, state), (state,))


def _usage(folder: Path) -> shutil._ntuple_diskusage:
    """Of the disk on which the folder is, or will be."""
    return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists()))
