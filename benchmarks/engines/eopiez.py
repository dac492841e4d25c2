"""This project's engine: embedded Postgres with fsync, everything durable before its result is given."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import (
    CALLERS,
    CHAIN,
    CORES,
    FAN_OUT,
    MILLION,
    WORKFLOWS,
    PeakMemory,
    add_one,
    fib10,
    fib33,
    large,
    noop,
    percentile,
    seconds,
    settle,
    summary,
    tell,
)

import eopiez_ray as ez

ENGINE = "eopiez"


def in_sequence(task: Callable[..., Any], count: int) -> ez.Plan:
    """``count`` steps, each with the result of the one before."""
    phase = ez.phase(task)
    plan = ez.Plan("in sequence")
    last = plan.values("start", [0])
    for number in range(count):
        last = plan.step(f"step {number}", phase, last)
    return plan


def in_parallel(task: Callable[..., Any], count: int) -> ez.Plan:
    """One step of ``count`` tasks."""
    plan = ez.Plan("in parallel")
    plan.step("map", ez.phase(task), plan.values("values", range(count)))
    return plan


def through_four() -> ez.Plan:
    """A large array and four changed copies of it."""
    plan = ez.Plan("large")
    last = plan.step("make", ez.phase(large))
    for number in range(4):
        last = plan.step(f"add {number}", ez.phase(add_one), last)
    return plan


def main() -> None:
    """Measure."""
    home = tempfile.TemporaryDirectory(prefix="eopiez-bench-")
    with home, ez.local(home=home.name, cpus=CORES) as system:
        system.warm_up()
        settle(lambda: system.start(in_parallel(noop, CORES)).wait())
        measure(system)


def measure(system: ez.Local) -> None:
    """All workloads."""

    def timed(plan: ez.Plan) -> dict[str, Any]:
        return summary(seconds(lambda: system.start(plan).wait()))

    tell(ENGINE, "W1", **timed(in_sequence(fib10, CHAIN)))
    tell(ENGINE, "W1b", **timed(in_parallel(fib10, CHAIN)))
    tell(ENGINE, "W2", **timed(in_sequence(fib33, 10)))
    tell(ENGINE, "W2b", **timed(in_parallel(fib33, 10)))
    three = in_sequence(noop, 3)
    latencies = []
    for _ in range(100):
        began = time.perf_counter()
        system.start(three).wait().result("step 2")
        latencies.append(time.perf_counter() - began)
    tell(ENGINE, "W3 latency", p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95))
    with ThreadPoolExecutor(CALLERS) as callers:
        taken = seconds(lambda: list(callers.map(lambda _: system.start(three).wait(), range(WORKFLOWS))))
    tell(ENGINE, "W3 one by one", **summary(taken), per_second=WORKFLOWS / summary(taken)["seconds"])
    taken = seconds(lambda: [each.wait() for each in system.start_many([three] * WORKFLOWS)])
    tell(ENGINE, "W3 batch", **summary(taken), per_second=WORKFLOWS / summary(taken)["seconds"])
    with PeakMemory() as peak:
        taken = seconds(lambda: float(system.start(through_four()).wait().result("add 3")[0][0]))
    tell(ENGINE, "W4", **summary(taken), peak_bytes=peak.bytes)
    tell(ENGINE, "W5", **timed(in_parallel(noop, FAN_OUT)))
    with PeakMemory(is_alone=True) as peak:
        began = time.perf_counter()
        system.start(in_parallel(noop, MILLION)).wait()
        lasted = time.perf_counter() - began
    tell(ENGINE, "million", seconds=lasted, per_second=MILLION / lasted, peak_bytes=peak.bytes)


if __name__ == "__main__":
    main()
