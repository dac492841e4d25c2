"""DBOS with the same embedded Postgres as this project's engine, all in one process, as its guide begins."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import (
    CHAIN,
    FAN_OUT,
    NOT_INSTALLED,
    WORKFLOWS,
    fib10,
    fib33,
    noop,
    percentile,
    seconds,
    settle,
    summary,
    tell,
)

ENGINE = "dbos"


def main() -> None:
    """Measure."""
    if importlib.util.find_spec("dbos") is None:
        sys.exit(NOT_INSTALLED)
    from eopiez_ray.store import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="dbos-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            measure(server.start())
        finally:
            server.leave()


def measure(url: str) -> None:
    """All workloads but W4, which takes minutes."""
    from dbos import DBOS, DBOSConfig

    DBOS(config=DBOSConfig(name="bench", system_database_url=url, log_level="ERROR"))
    steps = {work: DBOS.step(name=work.__name__)(work) for work in (fib10, fib33, noop)}
    in_process = DBOS.step(name="noop_async")(_nothing)

    @DBOS.workflow()
    def in_sequence(name: str, count: int) -> int:
        work = next(step for key, step in steps.items() if key.__name__ == name)
        return [work(number) for number in range(count)][-1]

    @DBOS.workflow()
    def in_parallel(name: str, count: int) -> int:
        children = [DBOS.enqueue_workflow("tasks", in_sequence, name, 1) for _ in range(count)]
        return [child.get_result() for child in children][-1]

    @DBOS.workflow()
    async def gathered(count: int) -> int:
        done = 0
        for start in range(0, count, 500):
            done += len(await asyncio.gather(*(in_process() for _ in range(start, min(count, start + 500)))))
        return done

    DBOS.launch()
    DBOS.register_queue("tasks", worker_concurrency=20, polling_interval_sec=0.1)

    def run(workflow: Callable[..., Any], *arguments: Any) -> Any:
        return DBOS.start_workflow(workflow, *arguments).get_result()

    settle(lambda: run(in_sequence, "noop", 1))
    tell(ENGINE, "W1", **summary(seconds(lambda: run(in_sequence, "fib10", CHAIN))))
    tell(ENGINE, "W1b", **summary(seconds(lambda: run(in_parallel, "fib10", CHAIN))))
    tell(ENGINE, "W2", **summary(seconds(lambda: run(in_sequence, "fib33", 10))))
    latencies = []
    for _ in range(100):
        began = time.perf_counter()
        run(in_sequence, "noop", 3)
        latencies.append(time.perf_counter() - began)
    tell(ENGINE, "W3 latency", p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95))

    def many() -> None:
        for handle in [DBOS.start_workflow(in_sequence, "noop", 3) for _ in range(WORKFLOWS // 2)]:
            handle.get_result()

    taken = seconds(many)
    tell(ENGINE, "W3 batch", **summary(taken), per_second=WORKFLOWS / 2 / summary(taken)["seconds"])

    async def fan_out() -> int:
        handle = await DBOS.start_workflow_async(gathered, FAN_OUT)
        return await handle.get_result()

    tell(ENGINE, "W5", **summary(seconds(lambda: asyncio.run(fan_out()))))
    DBOS.destroy()


async def _nothing() -> int:
    return 0


if __name__ == "__main__":
    main()
