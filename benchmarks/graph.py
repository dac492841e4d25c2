"""Random graphs of short steps: how much longer they take than two cores need at least, here and on plain Ray.

    python benchmarks/graph.py [STEPS…]

The bound of a graph is the longer of its critical path and its work over the number of cores (R. L. Graham, "Bounds on
multiprocessing timing anomalies", 1969). A step sleeps for 10 to 50 ms, so the figures are those of the engines.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import eopiez_ray as ez

CORES = 2
RUNS = 3
SIZES = (200, 1_000)
INPUTS = 3
"""Maximum number of steps that a step waits for."""
REACH = 20
"""How far back those are at most."""


class Node(NamedTuple):
    """A step: how long it takes, and the numbers of those before it."""

    seconds: float
    inputs: tuple[int, ...]


def random_graph(steps: int, seed: int) -> list[Node]:
    """A graph whose steps come after their inputs."""
    chance = random.Random(seed)
    return [
        Node(
            chance.uniform(0.01, 0.05),
            tuple(chance.sample(range(max(0, number - REACH), number), min(number, chance.randint(0, INPUTS)))),
        )
        for number in range(steps)
    ]


def bound_s(graph: list[Node]) -> float:
    """The fewest seconds in which the cores can do it."""
    ends: list[float] = []
    for node in graph:
        ends.append(node.seconds + max((ends[number] for number in node.inputs), default=0.0))
    return max(*ends, sum(node.seconds for node in graph) / CORES)


@ez.phase
def rest(*_inputs: object, seconds: float = 0.0) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


def plan_of(graph: list[Node]) -> ez.Plan:
    """The graph as a plan."""
    plan = ez.Plan(f"graph of {len(graph)}")
    steps: list[ez.Step] = []
    for number, node in enumerate(graph):
        steps.append(plan.step(f"step {number}", rest, *(steps[each] for each in node.inputs), seconds=node.seconds))
    return plan


def with_eopiez(graphs: list[list[Node]]) -> list[float]:
    """Seconds from the start of each until it is durably done."""
    home = tempfile.TemporaryDirectory(prefix="eopiez-bench-")
    with home, ez.local(home=home.name, cpus=CORES) as system:
        system.warm_up()
        system.start(plan_of(random_graph(50, 0))).wait()
        plans = [plan_of(graph) for graph in graphs]
        return [_timed(partial(_start_and_wait, system, plan)) for plan in plans]


def _start_and_wait(system: ez.Local, plan: ez.Plan) -> None:
    system.start(plan).wait()


def with_ray(graphs: list[list[Node]]) -> list[float]:
    """Seconds in which Ray's own tasks do it, with nothing durable."""
    import ray

    ray.init(address="local", num_cpus=CORES, include_dashboard=False, log_to_driver=False)
    task = ray.remote(lambda seconds, *_inputs: time.sleep(seconds))

    def run(graph: list[Node]) -> None:
        done: list[ray.ObjectRef[Any]] = []
        for node in graph:
            done.append(task.remote(node.seconds, *(done[number] for number in node.inputs)))
        ray.get(done)

    run(random_graph(50, 0))
    try:
        return [_timed(partial(run, graph)) for graph in graphs]
    finally:
        ray.shutdown()


def _alone(engine: Callable[[list[list[Node]]], list[float]], graphs: list[list[Node]]) -> list[float]:
    """Measured in a process of its own: both engines start a cluster."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(engine, graphs).result()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print the medians."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    graphs = {size: [random_graph(size, seed) for seed in range(1, RUNS + 1)] for size in sizes}
    flat = [graph for size in sizes for graph in graphs[size]]
    bounds = [bound_s(graph) for graph in flat]
    ours, theirs = (
        [taken / bound for taken, bound in zip(_alone(engine, flat), bounds, strict=True)]
        for engine in (with_eopiez, with_ray)
    )
    print(f"{'steps':>8} {'bound':>8} {'eopiez':>8} {'plain Ray':>10}  (times the bound, medians of {RUNS})")
    for place, size in enumerate(sizes):
        part = slice(place * RUNS, (place + 1) * RUNS)
        middle = [statistics.median(figures[part]) for figures in (bounds, ours, theirs)]
        print(f"{size:>8} {middle[0]:>6.2f} s {middle[1]:>8.3f} {middle[2]:>10.3f}")


if __name__ == "__main__":
    main()
