"""Phases that run on a real cluster while something is killed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import eopiez_ray as ez
from eopiez_ray import Partitions

from ..waiting import wait_until


@ez.phase(kind="map")
def mark_slowly(value: int, *, marks: str, seconds: float = 0.02, is_held: bool = False) -> int:
    """Takes a while, or as long as ``marks`` has no file ``go``, and then leaves its value and its process there."""
    time.sleep(seconds)
    while is_held and not (Path(marks) / "go").exists():
        time.sleep(0.01)
    descriptor = os.open(Path(marks) / "all", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{value} {os.getpid()}\n".encode())
    os.close(descriptor)
    return value


@ez.phase(kind="reduce")
def total(values: Partitions[int]) -> int:
    return sum(values)


@ez.phase(kind="map")
def fill(value: int, *, size: int) -> npt.NDArray[np.float64]:
    return np.full(size, float(value))


@ez.phase(kind="map")
def mean(array: npt.NDArray[np.float64]) -> float:
    return float(array.mean())


@ez.phase(kind="map")
def environment() -> dict[str, Any]:
    return {"pid": os.getpid(), "threads": os.environ.get("OMP_NUM_THREADS")}


def slow_plan(marks: str, count: int, seconds: float = 0.02) -> ez.Plan:
    """``count`` tasks of ``seconds`` each, and their sum."""
    plan = ez.Plan("slow")
    marked = plan.step("mark", mark_slowly, plan.values("v", range(count)), marks=marks, seconds=seconds)
    plan.step("total", total, marked)
    return plan


class Marks:
    """What tasks have left behind."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def lines(self) -> list[tuple[int, int]]:
        """Value and process of each run of a task, in order."""
        path = self.folder / "all"
        text = path.read_text() if path.exists() else ""
        return [(int(value), int(pid)) for value, pid in (line.split() for line in text.splitlines())]

    def workers(self) -> set[int]:
        """Processes that have run tasks."""
        return {pid for _, pid in self.lines()}

    def let_go(self) -> None:
        """Let tasks go on that wait for it."""
        (self.folder / "gate").touch()

    def wait_for(self, more: int) -> None:
        """Wait until that many more tasks have run."""
        wanted = len(self.lines()) + more
        wait_until(lambda: len(self.lines()) >= wanted)

    def repeated(self) -> int:
        """Runs beyond the first of each task."""
        return len(self.lines()) - len({value for value, _ in self.lines()})


@ez.phase(kind="map")
def where(value: int, *, seconds: float = 0.0) -> dict[str, Any]:
    """The node on which it runs, and the bundles that were reserved with it."""
    import ray

    time.sleep(seconds)
    group = ray.util.get_current_placement_group()
    return {
        "node": ray.get_runtime_context().get_node_id(),
        "bundles": 0 if group is None else group.bundle_count,
        "colour": os.environ.get("COLOUR"),
    }


@ez.phase(kind="map")
def devour(value: int, *, size: int) -> int:
    """Takes ``size`` bytes in its first attempt, little in the next."""
    if ez.current_task().attempt > 1:
        return value
    taken = np.ones(size, dtype=np.uint8)
    time.sleep(20)
    return int(taken[0])
