"""What all engines run and how it is measured: one script an engine, one JSON line a measurement."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psutil

CORES = 2
RUNS = 5
SETTLE_S = 5
NOT_INSTALLED = 69
"""Exit code of a script whose engine is not installed."""
CHAIN = 40
FAN_OUT = 10_000
MILLION = 1_000_000
WORKFLOWS = 1_000
CALLERS = 16
MEGABYTES = 100
PATIENCE_S = 120
STEPS = 10
STEP_S = 0.2
STRUCK_STEPS = (1, 3, 4, 6, 8)
"""The steps in whose middle something is killed, one a run: losses fall anywhere between two looks of who stands by."""


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


def slow(step: int, marks: str) -> int:
    """A task of 0.2 s that says in a file that it begins, so that others see where the work is."""
    descriptor = os.open(marks, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{step} {os.getpid()} {time.time()}\n".encode())
    os.close(descriptor)
    time.sleep(STEP_S)
    return step


class Start(NamedTuple):
    """One begin of a step."""

    step: int
    pid: int
    at: float
    """Unix seconds."""


def starts(marks: Path) -> list[Start]:
    """What ``slow`` has said so far."""
    lines = marks.read_text().splitlines() if marks.exists() else []
    parts = [line.split() for line in lines]
    return [Start(int(step), int(pid), float(at)) for step, pid, at in parts]


def struck(marks: Path, step: int, kill: Callable[[int], object], end: Callable[[], object]) -> tuple[float, int]:
    """Kill in the middle of a step: seconds until a step starts, and how many steps have started again at the end.

    Args:
        marks: the file to which the steps write.
        step: the one in whose middle it is killed.
        kill: given the process that runs the step.
        end: waits for the end of the workflow.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not any(start.step == step for start in starts(marks)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"step {step} has not started in {PATIENCE_S} s")
        time.sleep(0.005)
    time.sleep(STEP_S / 2)
    before = starts(marks)
    struck_at = time.time()
    kill(before[-1].pid)
    end()
    found = starts(marks)
    if {start.step for start in found} != set(range(STEPS)):
        raise RuntimeError(f"not all of {STEPS} steps were run: {found}")
    return found[len(before)].at - struck_at, len(found) - STEPS


def recovery(results: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """The median, and the most steps that one run has started again."""
    return summary([seconds for seconds, _ in results]) | {"again": max(again for _, again in results)}


def tell(engine: str, workload: str, **figures: Any) -> None:
    """Report one measurement to the program that compares."""
    print(json.dumps({"engine": engine, "workload": workload, **figures}), flush=True)


def settle(work: Callable[[], object]) -> None:
    """Do some work and wait until all that a start leaves to be done in the background is over."""
    for _ in range(20):
        work()
    time.sleep(SETTLE_S)


def seconds(work: Callable[[], object]) -> list[float]:
    """Wall seconds of each run, after one that does not count."""
    work()
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


@contextmanager
def running(command: list[str], cwd: str | None = None, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """A process that is stopped at the end."""
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which that share of them lies."""
    return float(np.quantile(list(values), share))


def summary(taken: list[float]) -> dict[str, Any]:
    """The median and the runs behind it."""
    return {"seconds": statistics.median(taken), "runs": [round(value, 5) for value in taken]}


class PeakMemory(threading.Thread):
    """The most memory that this process and its children held at once, in bytes of proportional set size."""

    def __init__(self, every_s: float = 0.1, *, is_alone: bool = False) -> None:
        """
        Args:
            every_s: seconds between looks.
            is_alone: count this process without its children, and only what it holds beyond what it held before.
        """
        super().__init__(daemon=True)
        self.bytes = 0
        self._held = own_bytes if is_alone else held_bytes
        self._before = own_bytes() if is_alone else 0
        self._every_s, self._done = every_s, threading.Event()

    def __enter__(self) -> PeakMemory:
        self._look()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, self._held() - self._before)


def own_bytes() -> int:
    """Proportional set size of this process alone."""
    return proportional_bytes(os.getpid())


def held_bytes(extra: Iterable[int] = ()) -> int:
    """Proportional set size of this process, its children and the processes given by id."""
    here = psutil.Process()
    total = 0
    for process in {here, *here.children(recursive=True), *map(psutil.Process, extra)}:
        with suppress(psutil.Error, OSError):
            total += proportional_bytes(process.pid)
    return total


def proportional_bytes(pid: int) -> int:
    """Proportional set size of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
