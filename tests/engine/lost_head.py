"""Loses its cluster's head while Ray is registering a worker, and finishes its workflow on the next cluster."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

import eopiez_ray as ez

from .phases_of_clusters import Marks, slow_plan, where

COUNT = 120
WAIT_S = float(os.environ.get("EOPIEZ_OUTAGE_SECONDS", "0"))
"""How long the program goes on afterwards; Ray's own limit is 60 s."""


def main(folder: Path) -> None:
    marks = Marks(folder / "marks")
    with ez.local(home=folder / "home", cpus=2, object_store_bytes=80 * 2**20) as system:
        system.warm_up()
        (head,) = (child for child in psutil.Process().children(recursive=True) if child.name() == "gcs_server")
        head.suspend()
        workflow = system.start(slow_plan(str(marks.folder), COUNT))
        other = system.start(elsewhere())  # It needs a worker of its own, which the head would have to register.
        time.sleep(3)
        head.kill()
        died_at = time.monotonic()
        print(workflow.wait(120).result("total"), flush=True)
        other.wait(120)
        time.sleep(max(0.0, died_at + WAIT_S - time.monotonic()))
    print("closed", flush=True)


def elsewhere() -> ez.Plan:
    """A step that cannot share a worker with any other."""
    plan = ez.Plan("elsewhere")
    plan.step("where", ez.phase(kind="map", resources=ez.Resources(cpu=0.25))(where.function), plan.values("v", [1]))
    return plan


if __name__ == "__main__":
    main(Path(sys.argv[1]))
