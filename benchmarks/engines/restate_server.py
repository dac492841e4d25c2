"""Restate: one node of its server with its defaults, and a service of two processes; the client speaks plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import (
    CALLERS,
    CHAIN,
    CORES,
    FAN_OUT,
    NOT_INSTALLED,
    STEPS,
    WORKFLOWS,
    percentile,
    running,
    seconds,
    settle,
    summary,
    tell,
)

ENGINE = "restate"
INGRESS, ADMIN, FABRIC, SERVICE = 24080, 24070, 24122, 24081
PATIENCE_S = 600


def main() -> None:
    """Measure."""
    lacking = [name for name in ("restate", "hypercorn") if importlib.util.find_spec(name) is None]
    if lacking or shutil.which("restate-server") is None:
        sys.exit(NOT_INSTALLED)
    with tempfile.TemporaryDirectory() as folder, server(folder), service():
        answered(lambda: post(ADMIN, "/deployments", {"uri": f"http://127.0.0.1:{SERVICE}"}))
        measure()


def measure() -> None:
    """All workloads but W4, for which values are too large."""

    def run(handler: str, task: str, count: int) -> Any:
        return post(INGRESS, f"/Bench/{handler}", {"task": task, "count": count})

    settle(lambda: run("in_sequence", "noop", 1))
    tell(ENGINE, "W1", **summary(seconds(lambda: run("in_sequence", "fib10", CHAIN))))
    tell(ENGINE, "W1b", **summary(seconds(lambda: run("in_parallel", "fib10", CHAIN))))
    tell(ENGINE, "W2", **summary(seconds(lambda: run("in_sequence", "fib33", STEPS))))
    tell(ENGINE, "W2b", **summary(seconds(lambda: run("in_parallel", "fib33", STEPS))))
    latencies = []
    for _ in range(100):
        began = time.perf_counter()
        run("in_sequence", "noop", 3)
        latencies.append(time.perf_counter() - began)
    tell(ENGINE, "W3 latency", p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95))
    with ThreadPoolExecutor(CALLERS) as callers:
        taken = seconds(lambda: list(callers.map(lambda _: run("in_sequence", "noop", 3), range(WORKFLOWS))))
    tell(ENGINE, "W3 one by one", **summary(taken), per_second=WORKFLOWS / summary(taken)["seconds"])
    began = time.perf_counter()
    run("in_parallel", "noop", FAN_OUT)
    tell(ENGINE, "W5", seconds=time.perf_counter() - began)  # One run: it takes minutes.


CONNECTIONS = threading.local()


def post(port: int, path: str, body: dict[str, Any]) -> Any:
    """Its answer, over a connection that each thread keeps."""
    kept: dict[int, http.client.HTTPConnection] = vars(CONNECTIONS).setdefault("by_port", {})
    if port not in kept:
        kept[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        kept[port].request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = kept[port].getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        kept.pop(port).close()
        raise
    if answer.status >= 300:
        raise OSError(f"{path}: {answer.status} {content[:300]!r}")
    return json.loads(content)


def answered(ask: Callable[[], Any]) -> None:
    """Ask until there is an answer: servers take a while to start."""
    deadline = time.monotonic() + 30
    while True:
        try:
            ask()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextlib.contextmanager
def server(folder: str) -> Iterator[None]:
    """A server of our own."""
    options = ["--no-logo", "--base-dir", folder, "--bind-ip", "127.0.0.1", "--bind-port", str(FABRIC)]
    environment = os.environ | {
        "RESTATE_INGRESS__BIND_PORT": str(INGRESS),
        "RESTATE_ADMIN__BIND_PORT": str(ADMIN),
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RUST_LOG": "warn",
    }
    with running(["restate-server", *options, "--listen-mode", "tcp"], env=environment):
        yield


def service() -> contextlib.AbstractContextManager[None]:
    """Its two processes."""
    command = [sys.executable, "-m", "hypercorn", "-w", str(CORES), "--bind", f"127.0.0.1:{SERVICE}"]
    return running([*command, "restate_service:app"], cwd=str(Path(__file__).parent))


if __name__ == "__main__":
    main()
