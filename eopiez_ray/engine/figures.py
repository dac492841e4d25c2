"""What nodes use of CPU, memory, disk and network, measured by a process on each, and what an object store holds."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class NodeFigures(NamedTuple):
    """What is used on a node."""

    host: str
    cpu: float
    """Share of its CPUs that were at work since it was last looked at; 0 the first time."""
    memory: Mapping[str, int]
    """Bytes that are ``used`` and ``available``."""
    disk: Mapping[str, int]
    """Bytes that are ``used`` and ``free`` where data is."""
    disk_transfers: Mapping[str, int]
    """Bytes that were ``read`` and ``written`` since the node started."""
    network_transfers: Mapping[str, int]
    """Bytes that were ``received`` and ``sent`` since the node started."""


class StoreFigures(NamedTuple):
    """How Ray's object store is used, on all nodes of a cluster together."""

    cluster: str
    """The address of its head."""
    used: int
    """Bytes of memory."""
    free: int
    """Bytes of memory."""
    spilled: int
    """Bytes that were written to disk for lack of memory, since its nodes started."""
    restored: int
    """Bytes that were read back."""


def node_figures(folder: Path) -> NodeFigures:
    """What is used on this node now, and on the disk where the folder is, or will be."""
    import psutil

    memory, disks, network = psutil.virtual_memory(), psutil.disk_io_counters(), psutil.net_io_counters()
    disk = shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists()))
    return NodeFigures(
        socket.gethostname(),
        psutil.cpu_percent() / 100,
        {"used": memory.total - memory.available, "available": memory.available},
        {"used": disk.used, "free": disk.free},
        {} if disks is None else {"read": disks.read_bytes, "written": disks.write_bytes},
        {} if network is None else {"received": network.bytes_recv, "sent": network.bytes_sent},
    )
