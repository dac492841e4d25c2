"""An orchestrator process, which drives workflows until it is told to end, or is killed.

``python -m eopiez_ray.chaos.driver SETTINGS`` reads requests as JSON lines from standard input and answers each with
a line. The end of its input ends it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
from typing import Any

from ..engine.local import Local
from ..errors import TransitionError
from ..settings import Settings
from .workload import Workload


def main() -> None:
    """Answer requests."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # What libraries print is for the log.
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("eopiez_ray").setLevel(logging.INFO)
        settings = Settings(**json.loads(sys.argv[1]))
        if settings.ray_address is not None:
            # Brings Ray along: seconds that it has spent before it is needed. Ray reads the cluster's token from the
            # environment while it is imported, so one that starts a cluster must not do so before the token is there.
            importlib.import_module("eopiez_ray.engine.actor")
        with Local(settings) as system:
            print("{}", file=answers, flush=True)
            for line in sys.stdin:
                print(json.dumps(_answer(system, json.loads(line))), file=answers, flush=True)


def _answer(system: Local, request: dict[str, Any]) -> dict[str, str]:
    if "resume" in request:
        with contextlib.suppress(TransitionError):  # It has ended already.
            system.workflow(request["resume"]).resume()
        return {"workflow": request["resume"]}
    return {"workflow": str(system.start(Workload(**request["start"]).plan(), owner=request["owner"]).id)}


if __name__ == "__main__":
    main()
