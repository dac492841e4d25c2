"""What 10,000 rules of alerts cost the process that evaluates them.

    python benchmarks/alerts.py [--rules 10000] [--projects 100] [--trials 12]

Rules of all kinds over metrics and events, of many projects, on an embedded server of its own, with an hour of samples.
A look is due every 3 seconds; the figure is the processor time of a look as a part of that, in the process alone and
with the server's.

Then the time from a cause to its message, which a webhook receives: of rules without ``for`` over what workflows do,
over the queue, over what another process counts, and over what is only seen by looking. Each cause comes at a moment of
its own, to two stations as a gateway has them. At last, what these two stations cost while nothing happens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from blake3 import blake3

from eopiez_ray.model.plan import PhaseRef, PlanSpec, Step
from eopiez_ray.model.requests import Request, Selection, Verb
from eopiez_ray.model.status import PhaseKind
from eopiez_ray.monitoring import catalogue
from eopiez_ray.monitoring.alerts.alerting import Alerting
from eopiez_ray.monitoring.alerts.book import place_of
from eopiez_ray.monitoring.alerts.channels import Channel, open_part, sealed_part
from eopiez_ray.monitoring.alerts.evaluator import EVALUATE_S
from eopiez_ray.monitoring.folding import Folder
from eopiez_ray.monitoring.happenings import Business
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.opening import stationed
from eopiez_ray.monitoring.reporting import Reporter
from eopiez_ray.monitoring.station import SYSTEM, Chore, Station
from eopiez_ray.sealing import Seal
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, EmbeddedServer, Projects, connect
from eopiez_ray.store.alert_desk import AlertDesk
from eopiez_ray.store.encoding import to_json
from eopiez_ray.store.intake import Intake, NewWorkflow
from eopiez_ray.store.requests import ask
from eopiez_ray.store.samples import SampleStore

LOOKS = 15
SPACING_S = 10.0
"""Longest pause before a cause, so that it meets every moment of an interval."""
IDLE_S = 60.0
KEY = "a secret key of more than thirty-two characters"
SETTLE_S = 3.0
"""Between the creation of a workflow and its end, which is the cause."""
CODE = {blake3(b"unused").hexdigest(16): b"unused"}
PLAN = PlanSpec("waits", (Step("wait", PhaseRef("wait", "1", PhaseKind.SOURCE, next(iter(CODE)))),))
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


async def main(rules: int, projects: int, trials: int) -> None:
    """Measure how fast, then how much: each on a server of its own."""
    for measured in (partial(delays, trials=trials), partial(looks, rules=rules, projects=projects)):
        with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as folder:
            server = EmbeddedServer(Path(folder))
            try:
                await measured(server.start(), Path(folder))
            finally:
                server.leave()


async def looks(url: str, _home: Path, rules: int, projects: int) -> None:
    """Write the rules, and look again and again."""
    async with await connect(url) as database:
        await write(database, rules, projects)
        station = Station(database, Meter(), "gateway")
        station.add(Chore("nothing", 1.0, nothing, watch=SYSTEM))
        await station.watch()
        await measure(station, database, projects)
        alerting = Alerting(station, Settings())
        await alerting.evaluator.evaluate()
        await report(alerting, rules)
        await alerting.close()


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


class Hook:
    """A webhook: when it was told of which rule."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.told: defaultdict[str, asyncio.Future[float]] = defaultdict(loop.create_future)
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        for alert in body["alerts"]:
            if not self.told[alert["rule"]].done():
                self.told[alert["rule"]].set_result(time.monotonic())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


class Causes:
    """What rules wait for, each with a project of its own."""

    def __init__(self, database: Database, others: Meter) -> None:
        self.database, self.intake, self.others = database, Intake(database), others

    async def cancelled(self, project: str) -> float:
        """A workflow ends; gives when."""
        await self.intake.create(NewWorkflow(PLAN, CODE, project))
        await asyncio.sleep(SETTLE_S)
        began = time.monotonic()
        await ask(self.database, Verb.CANCEL, Selection(projects=(project,), everything=True), Request())
        return began

    async def queued(self, project: str) -> float:
        """A workflow is queued."""
        began = time.monotonic()
        await self.intake.create(NewWorkflow(PLAN, CODE, project))
        return began

    async def counted(self, project: str) -> float:
        """Another process counts a request."""
        self.others.add(catalogue.PROJECT_REQUESTS, labels=(project,))
        return time.monotonic()

    async def aged(self, project: str) -> float:
        """A workflow has been queued for two seconds, which nothing announces."""
        await self.intake.create(NewWorkflow(PLAN, CODE, project))
        await asyncio.sleep(2)
        return time.monotonic()


WATCHED: dict[str, dict[str, Any]] = {
    "cancelled": {"metric": ENDED, "read": "count", "where": {"status": "cancelled"}, "above": 0},
    "queued": {"metric": "eopiez_workflows", "where": {"status": "queued"}, "above": 0},
    "counted": {"metric": "eopiez_project_requests_total", "read": "count", "above": 0},
    "aged": {"metric": "eopiez_queue_age_seconds", "above": 2},
}
"""What the rule over each cause looks at."""


def urgent(project: str) -> dict[str, Any]:
    """A rule over the cause that comes in a project, called after it."""
    when = WATCHED[project.partition("-")[0]]
    where = {**when.get("where", {}), "project": project}
    return {"name": project, "when": {"kind": "threshold", **when, "where": where}}


async def delays(url: str, home: Path, trials: int) -> None:
    """From causes to messages, with two stations."""
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    settings = Settings(home=home, database_url=url, alert_targets=("127.0.0.1",), secret_key=KEY)
    names = [f"{cause}-{trial}" for trial in range(trials) for cause in WATCHED]
    async with await connect(url) as database:
        others = Meter()
        await told_of(database, hook)
        async with stationed(database, settings, "gateway", Meter()), stationed(database, settings, "gateway", others):
            await idle()
            for name in names:
                await Projects(database).create(name)
            await AlertDesk(database).put_rules(None, {name: urgent(name) for name in names}, "benchmark")
            await asyncio.sleep(SPACING_S + 5)
            causes, took = Causes(database, others), dict[str, list[float]]()
            for name in names:
                await asyncio.sleep(random.uniform(0, SPACING_S))
                cause = name.partition("-")[0]
                began = await getattr(causes, cause)(name)
                took.setdefault(cause, []).append(await hook.told[name] - began)
    server.close()
    for cause, each in took.items():
        print(f"from {cause} to the message: median {statistics.median(each):.1f} s, longest {max(each):.1f} s")


async def idle() -> None:
    """What two stations cost while nothing happens."""
    await asyncio.sleep(SPACING_S)
    began, cpu, everything = time.monotonic(), own_cpu_s(), machine_cpu_s()
    await asyncio.sleep(IDLE_S)
    passed = time.monotonic() - began
    print(f"two idle stations: {(own_cpu_s() - cpu) / passed:.2%} of a core, "
          f"with the whole machine {(machine_cpu_s() - everything) / passed:.2%}", flush=True)  # fmt: skip


async def told_of(database: Database, hook: Hook) -> None:
    """Let the webhook be told of everything that fires."""
    channel = Channel.model_validate({"name": "hook", "url": hook.url, "tells_resolved": False})
    target = Seal(KEY).close(to_json(sealed_part(channel)), place_of(None, channel.name))
    await AlertDesk(database).put_channel(None, channel.name, target, open_part(channel), "benchmark", lambda _: None)


async def nothing() -> None:
    """A chore that makes the station keep its watch."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--trials", type=int, default=12)
    given = parser.parse_args()
    asyncio.run(main(given.rules, given.projects, given.trials))
