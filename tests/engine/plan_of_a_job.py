"""The driver of a job: a workflow that waits in the middle until it is let go on, and the same one every time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import eopiez_ray as ez

from .phases_of_clusters import Marks, mark_slowly, total

FREE = 30
"""Tasks that run before the others wait for ``Marks.let_go``."""


@ez.phase(kind="map")
def mark_when_let(value: int, *, marks: str) -> int:
    left = Marks(Path(marks))
    while len(left.lines()) >= FREE and not (left.folder / "gate").exists():
        time.sleep(0.02)
    result: int = mark_slowly.function(value, marks=marks)
    return result


@ez.phase(kind="map")
def secrets(value: int) -> str:
    """What a phase can see of the database's address."""
    return os.environ.get("EOPIEZ_DATABASE_URL", "")


def main(marks: str, count: int) -> None:
    plan = ez.Plan("waiting")
    marked = plan.step("mark", mark_when_let, plan.values("v", range(count)), marks=marks)
    plan.step("total", total, marked)
    plan.step("secrets", secrets, plan.values("one", [1]))
    with ez.local() as system:
        workflow = system.start(plan, idempotency_key="once").wait()
        print(f"total {workflow.result('total')}, secrets {list(workflow.result('secrets'))}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
