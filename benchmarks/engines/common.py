"""What all engines run and how it is measured: one script an engine, one JSON line a measurement."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

CORES = 2
CHAIN = 40
FAN_OUT = 10_000
WORKFLOWS = 1_000
CALLERS = 16
MEGABYTES = 100


def fib(n: int) -> int:
    """The Fibonacci number, the slow way."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fib10(_value: object = None) -> int:
    """A task of some microseconds."""
    return fib(10)


def fib33(_value: object = None) -> int:
    """A task of a third of a second or so."""
    return fib(33)


def noop(value: int = 0) -> int:
    """A task of nothing."""
    return value


def large(megabytes: int = MEGABYTES) -> npt.NDArray[np.float32]:
    """An array of so many MiB."""
    return np.zeros(megabytes * 2**20 // 4, np.float32)


def add_one(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A changed copy."""
    return array + 1


def tell(engine: str, workload: str, **figures: Any) -> None:
    """Report one measurement to the program that compares."""
    print(json.dumps({"engine": engine, "workload": workload, **figures}), flush=True)


def seconds(work: Callable[[], object], runs: int = 5) -> list[float]:
    """Wall seconds of each run, after one that does not count."""
    work()
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which that share of them lies."""
    return float(np.quantile(list(values), share))


def summary(taken: list[float]) -> dict[str, Any]:
    """The median and the runs behind it."""
    return {"seconds": statistics.median(taken), "runs": [round(value, 5) for value in taken]}


class PeakMemory(threading.Thread):
    """The most memory that this process and its children held at once, in bytes of proportional set size."""

    def __init__(self, every_s: float = 0.1) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._every_s, self._done = every_s, threading.Event()

    def __enter__(self) -> PeakMemory:
        self.bytes = held_bytes()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(self._every_s):
            self.bytes = max(self.bytes, held_bytes())


def held_bytes(extra: Iterable[int] = ()) -> int:
    """Proportional set size of this process, its children and the processes given by id."""
    here = psutil.Process()
    total = 0
    for process in {here, *here.children(recursive=True), *map(psutil.Process, extra)}:
        with suppress(psutil.Error, OSError):
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total
