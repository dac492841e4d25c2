"""A process that drives a workflow until somebody kills it: ``killed_driver.py HOME MARKS COUNT``."""

from __future__ import annotations

import sys

import eopiez_ray as ez
from tests.engine.phases_of_clusters import slow_plan

if __name__ == "__main__":
    home, marks, count = sys.argv[1:]
    system = ez.local(home=home, cpus=1, object_store_bytes=80 * 2**20)
    workflow = system.start(slow_plan(marks, int(count)))
    print(workflow.id, flush=True)
    workflow.wait()
