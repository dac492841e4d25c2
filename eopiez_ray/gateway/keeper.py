"""Has the gateway deployed, and stays while it answers: ``python -m eopiez_ray.gateway.keeper``.

It ends with an error if the gateway is gone, so that whoever started it starts it again, and ends Serve when it is
asked to end. Ray is left to a process of its own (``gateway/deploying.py``), so that waiting costs next to no memory.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

from ..logs import get_logger
from ..settings import Settings
from .probing import answers

LOOK_S = 1.0
PATIENCE_S = 30.0
"""Seconds without an answer after which the gateway counts as gone: a proxy is back before."""

log = get_logger(__name__)


def main() -> int:
    """Have it deployed, watch, and give the exit code."""
    settings, stop = Settings(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    code = _deployment("up")
    return code or _watch(settings, stop)


def _deployment(verb: str) -> int:
    return subprocess.run([sys.executable, "-m", "eopiez_ray.gateway.deploying", verb], check=False).returncode


def _watch(settings: Settings, stop: threading.Event) -> int:
    seen_at = time.monotonic()
    while not stop.wait(LOOK_S):
        if answers(f"{settings.gateway_url}/v1/health/live"):
            seen_at = time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE_S:
            log.error("the gateway does not answer", seconds=PATIENCE_S)
            return 1
    return _deployment("down")


if __name__ == "__main__":
    sys.exit(main())
