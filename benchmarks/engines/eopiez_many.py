"""Very many workflows at once: what one of them costs beside one of a few."""

from __future__ import annotations

import tempfile
import time
from typing import Any

from common import CORES, noop, settle, tell

import eopiez_ray as ez

ENGINE = "eopiez"
FEW, MANY = 2000, 100_000


def of_two_steps() -> ez.Plan:
    """Two small steps, one after the other."""
    phase = ez.phase(noop)
    plan = ez.Plan("two steps")
    plan.step("second", phase, plan.step("first", phase, plan.values("start", [0])))
    return plan


def per_second(system: ez.Local, count: int) -> float:
    """Workflows a second, from their submission to the durable result of the last one."""
    plan = of_two_steps()
    began = time.perf_counter()
    for workflow in system.start_many([plan] * count):
        workflow.wait()
    return count / (time.perf_counter() - began)


def measured(system: ez.Local) -> dict[str, Any]:
    """A few, very many, and a few again, so that the machine is the same for both."""
    settle(lambda: per_second(system, 200))
    before = [per_second(system, FEW) for _ in range(3)]
    many = per_second(system, MANY)
    few = sorted([*before, *(per_second(system, FEW) for _ in range(2))])[2]
    return {"seconds": MANY / many, "per_second": many, "few_per_second": few, "ratio": many / few}


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as home, ez.local(home=home, cpus=CORES) as system:
        system.warm_up()
        tell(ENGINE, "many at once", **measured(system))


if __name__ == "__main__":
    main()
