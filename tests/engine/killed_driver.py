"""A process that drives a workflow until somebody kills it: ``killed_driver.py HOME MARKS COUNT [ADDRESS]``."""

from __future__ import annotations

import sys

import eopiez_ray as ez
from tests.engine.phases_of_clusters import slow_plan

if __name__ == "__main__":
    home, marks, count, *address = sys.argv[1:]
    where = {"ray_address": address[0]} if address else {"cpus": 1, "object_store_bytes": 80 * 2**20}
    system = ez.local(home=home, **where)
    workflow = system.start(slow_plan(marks, int(count)))
    print(workflow.id, flush=True)
    workflow.wait()
