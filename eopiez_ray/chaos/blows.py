"""How each fault is inflicted. Aiming comes before the look at what is committed, the blow right after it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import psutil

from ..errors import ClusterError
from .verdict import Fault
from .workload import LARGE_BYTES, LARGE_EVERY, read_marks

if TYPE_CHECKING:
    from random import Random

    from .ground import Driver, Ground

RECENT = 20
"""How many of the latest marks are searched for a living worker."""
FULL_S = 3.0
"""Seconds for which the disk stays full."""
ATTACHED = frozenset(Fault) - {Fault.RAYLET, Fault.GCS}
"""Faults on a cluster that outlives the orchestrators; the others need one that the orchestrator process started."""

Blow = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """A round in the middle."""

    ground: Ground
    holders: Sequence[Driver]
    """Orchestrator processes with a workflow that is not at rest."""
    marks: Path
    random: Random
    stop_s: float
    """Seconds for which a stopped server stays stopped."""


def aim(fault: Fault, scene: Scene) -> Blow:
    """Choose the victim; the result strikes it, and returns when the fault is over.

    Raises:
        ClusterError: there is no victim.
    """
    match fault:
        case Fault.WORKER:
            return _worker(scene).kill
        case Fault.ORCHESTRATOR:
            return partial(scene.ground.kill, _holder(scene))
        case Fault.RAYLET:
            return _daemon(scene, "raylet").kill
        case Fault.GCS:
            return _daemon(scene, "gcs_server").kill
        case Fault.POSTGRES:
            return partial(os.kill, scene.ground.server.postmaster_pid(), signal.SIGKILL)
        case Fault.POSTGRES_STOP:
            return partial(_stop_server, scene)
        case Fault.DISK:
            return partial(_fill, scene.ground.settings.home / "artifacts")
        case _:
            assert_never(fault)


def _worker(scene: Scene) -> psutil.Process:
    """One of the processes that left the latest marks."""
    alive = []
    for pid in sorted({mark.pid for mark in read_marks(scene.marks)[-RECENT:]}):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.name().startswith("ray::"):
                alive.append(process)
    if not alive:
        raise ClusterError("there is no living worker to kill")
    return scene.random.choice(alive)


def _daemon(scene: Scene, name: str) -> psutil.Process:
    daemons = scene.ground.daemons()
    if name not in daemons:
        raise ClusterError(f"the orchestrator process has no {name} to kill")
    return daemons[name]


def _holder(scene: Scene) -> Driver:
    if not scene.holders:
        raise ClusterError("no orchestrator process has work left to be killed at; give more --tasks")
    return scene.random.choice(scene.holders)


def _stop_server(scene: Scene) -> None:
    master = psutil.Process(scene.ground.server.postmaster_pid())
    stopped = [master, *master.children()]
    try:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(scene.stop_s)
    finally:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def _fill(folder: Path) -> None:
    """Fill the small file system there, wait, and make room again."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        time.sleep(FULL_S)
    finally:
        filler.unlink()


class SmallDisk:
    """A file system in memory over a folder, inside a ``with`` block."""

    def __init__(self, folder: Path, tasks: int) -> None:
        self._folder = folder
        self._bytes = max(32 * 2**20, 4 * LARGE_BYTES * tasks // LARGE_EVERY)

    def __enter__(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        options = f"size={self._bytes},mode=0700"
        _run("mount", "-t", "tmpfs", "-o", options, "eopiez-chaos", str(self._folder))

    def __exit__(self, *_: object) -> None:
        _run("umount", "--lazy", str(self._folder))  # Workers may have mapped files of it.


def disk_obstacle() -> str:
    """Why a small file system cannot be mounted here; empty if it can."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    if shutil.which("mount") is None or shutil.which("umount") is None:
        return "there is no mount command"
    with tempfile.TemporaryDirectory(prefix="eopiez-mount-") as folder:
        try:
            with SmallDisk(Path(folder), 1):
                return ""
        except subprocess.CalledProcessError as error:
            return f"mounting is refused: {error.stderr.strip()}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
