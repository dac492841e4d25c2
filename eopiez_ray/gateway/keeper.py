"""Has the gateway deployed, and stays while it answers: ``python -m eopiez_ray.gateway.keeper``.

It ends with an error if the gateway is gone, so that whoever started it starts it again, and ends Serve when it is
asked to end. A renewed certificate is a reason to start again too, since Serve reads it only then. Ray is left to a
process of its own (``gateway/deploying.py``), so that waiting costs next to no memory.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

from ..errors import CertificateError
from ..logs import get_logger
from ..settings import Settings
from ..tls import Pair, pair_of, usable
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
    renewal = Renewal(pair_of(settings.tls_certificate, settings.tls_key))
    code = _deployment("up")
    return code or _watch(settings, renewal, stop)


def _deployment(verb: str) -> int:
    return subprocess.run([sys.executable, "-m", "eopiez_ray.gateway.deploying", verb], check=False).returncode


class Renewal:
    """Whether the certificate's files have changed since the gateway was deployed, and belong together again."""

    def __init__(self, pair: Pair | None) -> None:
        self._pair = pair
        self._seen = pair.stamp if pair is not None else ()

    def is_due(self) -> bool:
        """Whether a renewed certificate waits; what cannot be used is logged once, and waited for to change again."""
        if self._pair is None or self._pair.stamp in {(), self._seen}:
            return False
        self._seen = self._pair.stamp
        try:
            usable(self._pair)
        except CertificateError as error:
            log.warning("the gateway's certificate has changed, and cannot be used yet", reason=str(error))
            return False
        return True


def _watch(settings: Settings, renewal: Renewal, stop: threading.Event) -> int:
    seen_at = time.monotonic()
    while not stop.wait(LOOK_S):
        if renewal.is_due():
            log.info("the gateway's certificate was renewed")
            return _deployment("down") or 1  # Whoever started this starts it again.
        if answers(f"{settings.gateway_url}/v1/health/live"):
            seen_at = time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE_S:
            log.error("the gateway does not answer", seconds=PATIENCE_S)
            return 1
    return _deployment("down")


if __name__ == "__main__":
    sys.exit(main())
