"""Celery with Redis: an append-only file synced every second, a worker of two processes, late acknowledgements."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import CHAIN, CORES, FAN_OUT, NOT_INSTALLED, percentile, running, seconds, settle, summary, tell

ENGINE = "celery"
PORT = 24379
PATIENCE_S = 300


def main() -> None:
    """Measure."""
    if importlib.util.find_spec("celery") is None or shutil.which("redis-server") is None:
        sys.exit(NOT_INSTALLED)
    os.environ |= {"CELERY_URL": f"redis://127.0.0.1:{PORT}", "C_FORCE_ROOT": "1"}
    with tempfile.TemporaryDirectory() as folder, redis(folder), worker():
        measure()


def measure() -> None:
    """All workloads but W4, for which values would have to go through the broker."""
    import celery_tasks as tasks
    from celery import chain, chord, group

    def in_sequence(task: Any, count: int) -> Any:
        return chain(*[task.s() for _ in range(count)]).apply_async()

    def in_parallel(task: Any, count: int) -> Any:
        return chord(group(task.s(None) for _ in range(count)), tasks.count.s()).apply_async()

    def end(result: Any) -> Any:
        return result.get(timeout=PATIENCE_S, interval=0.005)

    def end_of_all(result: Any) -> Any:
        """With propagation, the client looks at all 10,000 tasks again each time it asks."""
        return result.get(timeout=PATIENCE_S, propagate=False)

    settle(lambda: end(tasks.noop.delay()))
    tell(ENGINE, "W1", **summary(seconds(lambda: end(in_sequence(tasks.fib10, CHAIN)))))
    tell(ENGINE, "W1b", **summary(seconds(lambda: end(in_parallel(tasks.fib10, CHAIN)))))
    tell(ENGINE, "W2", **summary(seconds(lambda: end(in_sequence(tasks.fib33, 10)))))
    tell(ENGINE, "W2b", **summary(seconds(lambda: end(in_parallel(tasks.fib33, 10)))))
    latencies = []
    for _ in range(100):
        began = time.perf_counter()
        end(in_sequence(tasks.noop, 3))
        latencies.append(time.perf_counter() - began)
    tell(ENGINE, "W3 latency", p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95))
    taken = seconds(lambda: [end(each) for each in [in_sequence(tasks.noop, 3) for _ in range(300)]])
    tell(ENGINE, "W3 batch", **summary(taken), per_second=300 / summary(taken)["seconds"])
    tell(ENGINE, "W5", **summary(seconds(lambda: end_of_all(in_parallel(tasks.noop, FAN_OUT)))))


@contextlib.contextmanager
def redis(folder: str) -> Iterator[None]:
    """A server of our own."""
    options = ["--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    with running(["redis-server", "--port", str(PORT), *options]):
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=1):
                break
            if time.monotonic() > deadline:
                sys.exit("redis-server does not answer")
            time.sleep(0.05)
        yield


def worker() -> contextlib.AbstractContextManager[None]:
    """A worker of two processes."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-c", str(CORES), *quiet]
    return running(command, cwd=str(Path(__file__).parent))


if __name__ == "__main__":
    main()
