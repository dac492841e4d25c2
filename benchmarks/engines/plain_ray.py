"""Plain Ray tasks: the floor, with nothing durable. The program that submits is the workflow."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from common import (
    CHAIN,
    CORES,
    FAN_OUT,
    STEPS,
    STRUCK_STEPS,
    PeakMemory,
    add_one,
    fib10,
    fib33,
    large,
    noop,
    percentile,
    recovery,
    seconds,
    settle,
    slow,
    struck,
    summary,
    tell,
)

ENGINE = "ray"


def in_sequence(task: Any, count: int) -> Any:
    result = None
    for number in range(count):
        result = ray.get(task.remote(number))
    return result


def in_parallel(task: Any, count: int) -> Any:
    return ray.get([task.remote(number) for number in range(count)])


def chain_of_three(task: Any) -> Any:
    return task.remote(task.remote(task.remote(0)))


def main() -> None:
    """Measure."""
    ray.init(
        address="local", num_cpus=CORES, include_dashboard=False, log_to_driver=False, object_store_memory=2 * 2**30
    )
    tasks: dict[Callable[..., Any], Any] = {work: ray.remote(work) for work in (fib10, fib33, noop, large, add_one)}
    settle(lambda: in_parallel(tasks[noop], 200))
    tell(ENGINE, "W1", **summary(seconds(lambda: in_sequence(tasks[fib10], CHAIN))))
    tell(ENGINE, "W1b", **summary(seconds(lambda: in_parallel(tasks[fib10], CHAIN))))
    tell(ENGINE, "W2", **summary(seconds(lambda: in_sequence(tasks[fib33], 10))))
    tell(ENGINE, "W2b", **summary(seconds(lambda: in_parallel(tasks[fib33], 10))))
    latencies = []
    for _ in range(100):
        began = time.perf_counter()
        ray.get(chain_of_three(tasks[noop]))
        latencies.append(time.perf_counter() - began)
    tell(ENGINE, "W3 latency", p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95))
    taken = seconds(lambda: ray.get([chain_of_three(tasks[noop]) for _ in range(500)]))
    tell(ENGINE, "W3 batch", **summary(taken), per_second=500 / summary(taken)["seconds"])
    with PeakMemory() as peak:
        taken = seconds(lambda: float(ray.get(_through_four(tasks))[0]))
    tell(ENGINE, "W4", **summary(taken), peak_bytes=peak.bytes)
    tell(ENGINE, "W5", **summary(seconds(lambda: in_parallel(tasks[noop], FAN_OUT))))
    tell(ENGINE, "W6 worker", **recovery([killed_worker(step) for step in STRUCK_STEPS]))
    ray.shutdown()


def killed_worker(struck_step: int) -> tuple[float, int]:
    """A sequence of tasks that Ray itself retries; the program that submits them must not die."""
    task = ray.remote(max_retries=3)(slow)

    def work(marks: Path) -> None:
        for step in range(STEPS):
            ray.get(task.remote(step, str(marks)))

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as program:
        marks = Path(folder, "marks")
        submitted = program.submit(work, marks)
        return struck(marks, struck_step, lambda pid: os.kill(pid, signal.SIGKILL), submitted.result)


def _through_four(tasks: dict[Callable[..., Any], Any]) -> Any:
    array = tasks[large].remote()
    for _ in range(4):
        array = tasks[add_one].remote(array)
    return array


if __name__ == "__main__":
    main()
