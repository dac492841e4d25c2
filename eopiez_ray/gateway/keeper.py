"""Deploys the gateway on Ray Serve and stays while it answers: ``python -m eopiez_ray.gateway.keeper``.

Serve's replicas live without this process. It ends with an error if the cluster or Serve is gone, so that whoever
started it starts it again, and ends Serve when it is asked to end.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from ray import serve

from ..engine.joining import join, part
from ..errors import EopiezError
from ..logs import get_logger
from ..model.log_lines import Part
from ..monitoring.logs.recorder import recorded
from ..settings import Settings
from .probing import answers
from .serve import FOLLOWERS, Options, api, followers

LOOK_S = 1.0
PATIENCE_S = 30.0
"""Seconds without an answer after which the gateway counts as gone: a proxy is back before."""

log = get_logger(__name__)


def main() -> int:
    """Deploy, watch, and give the exit code."""
    settings, stop = Settings(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with _recording(settings):
            join(settings)
            _deploy(settings)
            return _watch(settings, stop)
    except EopiezError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _recording(settings: Settings) -> AbstractContextManager[object]:
    """Records what this process logs, unless the database is one that only the replicas start."""
    url = settings.database_url
    return nullcontext() if url is None else recorded(settings, url, Part.GATEWAY)


def _deploy(settings: Settings) -> None:
    options = Options(
        min_replicas=settings.gateway_min_replicas,
        max_replicas=settings.gateway_max_replicas,
        follower_replicas=settings.gateway_follower_replicas,
    )
    serve.start(http_options={"host": settings.gateway_host, "port": settings.gateway_port})
    serve.run(api(options), name="eopiez", route_prefix="/")
    serve.run(followers(options), name="eopiez-followers", route_prefix=FOLLOWERS)


def _watch(settings: Settings, stop: threading.Event) -> int:
    seen_at = time.monotonic()
    while not stop.wait(LOOK_S):
        if answers(f"{settings.gateway_url}/v1/health/live"):
            seen_at = time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE_S:
            log.error("the gateway does not answer", seconds=PATIENCE_S)
            return 1
    serve.shutdown()  # type: ignore[no-untyped-call]
    part()
    return 0


if __name__ == "__main__":
    sys.exit(main())
