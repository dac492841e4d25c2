"""What 10,000 rules of alerts cost the process that evaluates them.

    python benchmarks/alerts.py [--rules 10000] [--projects 100]

Rules of all kinds over metrics and events, of many projects, on an embedded server of its own, with an hour of samples.
A look is due every 3 seconds; the figure is the processor time of a look as a part of that, in the process alone and
with the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from eopiez_ray.monitoring import catalogue
from eopiez_ray.monitoring.alerts.alerting import Alerting
from eopiez_ray.monitoring.alerts.evaluator import EVALUATE_S
from eopiez_ray.monitoring.folding import Folder
from eopiez_ray.monitoring.happenings import Business
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.opening import Reporter
from eopiez_ray.monitoring.station import SYSTEM, Chore, Station
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, EmbeddedServer, Projects, connect
from eopiez_ray.store.alert_desk import AlertDesk
from eopiez_ray.store.samples import SampleStore

LOOKS = 15
ENDED = "eopiez_workflows_ended_total"


def conditions() -> Iterator[dict[str, Any]]:
    """Conditions of all kinds, with bounds that no other rule has."""
    number = 0
    while True:
        number += 1
        bound = 1e6 + number
        yield {"kind": "threshold", "metric": "eopiez_queue_age_seconds", "above": bound}
        yield {"kind": "threshold", "metric": "eopiez_workflow_seconds", "read": "p95", "above": bound}
        yield {"kind": "rate", "metric": ENDED, "where": {"status": "failed"}, "above": bound}
        yield {
            "kind": "ratio", "part": {"metric": ENDED, "where": {"status": "failed"}}, "whole": {"metric": ENDED},
            "above": bound,
        }  # fmt: skip
        yield {"kind": "events", "source": "workflows", "where": {"kind": "failed"}, "above": bound}
        yield {
            "kind": "burn_rate", "bad": {"metric": ENDED, "where": {"status": "failed"}}, "all": {"metric": ENDED},
            "objective": 0.9,
        }  # fmt: skip
        yield {"kind": "unusual", "metric": ENDED, "least": bound}
        yield {"kind": "absence", "metric": ENDED}


async def main(rules: int, projects: int) -> None:
    """Write the rules, and look again and again."""
    server = EmbeddedServer(Path(tempfile.mkdtemp()))
    server.start()
    async with await connect(server.url) as database:
        await write(database, rules, projects)
        station = Station(database, Meter(), "gateway")
        station.add(Chore("nothing", 1.0, nothing, watch=SYSTEM))
        await station.watch()
        await measure(station, database, projects)
        alerting = Alerting(station, Settings())
        await alerting.evaluator.evaluate()
        await report(alerting, rules)
        await alerting.close()
    server.leave()


async def write(database: Database, rules: int, projects: int) -> None:
    """Rules, divided among projects."""
    wanted, desk = conditions(), AlertDesk(database)
    for project in range(projects):
        await Projects(database).create(f"project-{project}")
        named = {
            f"rule-{number}": {"name": f"rule-{number}", "when": next(wanted)} for number in range(rules // projects)
        }
        await desk.put_rules(f"project-{project}", named, "benchmark")


async def measure(station: Station, database: Database, projects: int) -> None:
    """Samples for all projects."""
    store = SampleStore(database)
    for project in range(projects):
        name = f"project-{project}"
        station.meter.note(catalogue.QUEUE_AGE, 1.0, (name,))
        station.meter.add(catalogue.ENDED, 9, (name, "succeeded", "plan"))
        station.meter.add(catalogue.ENDED, 1, (name, "failed", "plan"))
        station.meter.observe(catalogue.WORKFLOW_SECONDS, 3.0, (name, "plan", "succeeded"), times=10)
    await Reporter(station, store).report()
    await Folder(station, store, Business(Settings()).measure).fold()


async def report(alerting: Alerting, rules: int) -> None:
    """Print what a look takes."""
    own, total, took = [], [], []
    for _ in range(LOOKS):
        began, cpu, everything = time.perf_counter(), own_cpu_s(), machine_cpu_s()
        await alerting.evaluator.evaluate(datetime.now(UTC))
        took.append(time.perf_counter() - began)
        own.append(own_cpu_s() - cpu)
        total.append(machine_cpu_s() - everything)
        await asyncio.sleep(0.2)
    for name, seconds in (("of the evaluator", own), ("of the whole machine", total)):
        share = statistics.mean(seconds) / EVALUATE_S
        print(f"{rules:,} rules, processor time {name}: {statistics.mean(seconds):.3f} s a look, {share:.1%} of a core")
    print(f"a look takes {statistics.median(took):.3f} s")


def own_cpu_s() -> float:
    """Processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def machine_cpu_s() -> float:
    """Processor time of all processes."""
    times = psutil.cpu_times()
    return times.user + times.system


async def nothing() -> None:
    """A chore that makes the station keep its watch."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--projects", type=int, default=100)
    given = parser.parse_args()
    asyncio.run(main(given.rules, given.projects))
