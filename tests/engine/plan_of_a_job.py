"""The driver of a job: a workflow that takes a while, the same one however often it is submitted."""

from __future__ import annotations

import os
import sys

import eopiez_ray as ez

from .phases_of_clusters import slow_plan


@ez.phase(kind="map")
def secrets(value: int) -> str:
    """What a phase can see of the database's address."""
    return os.environ.get("EOPIEZ_DATABASE_URL", "")


def main(marks: str, count: int) -> None:
    plan = slow_plan(marks, count)
    plan.step("secrets", secrets, plan.values("one", [1]))
    with ez.local() as system:
        workflow = system.start(plan, idempotency_key="once").wait()
        print(f"total {workflow.result('total')}, secrets {list(workflow.result('secrets'))}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
