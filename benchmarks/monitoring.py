"""Monitoring of a large system: ``python benchmarks/monitoring.py``, or ``make bench-monitoring``.

The system is simulated, its database and gateway are real: 1,000 phases in 100 plans and 10 projects, 10,000 live
workflows, 50 nodes, 100 tasks a second of which a few phases have most. Samples are folded and rolled up by the same
code as in operation.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from eopiez_ray.gateway.app import create_app
from eopiez_ray.model.access import Caller
from eopiez_ray.model.sketch import ACCURACY, LOG_GAMMA, SUM, bucket_of, quantile
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.blocks import gauges
from eopiez_ray.monitoring.catalogue import Kind, Metric
from eopiez_ray.monitoring.folding import FINEST_S, Entry, folded, period_of
from eopiez_ray.monitoring.happenings import STORE, Prices, of_delays, of_tasks
from eopiez_ray.monitoring.labels import Book
from eopiez_ray.monitoring.meter import VALUE, Meter
from eopiez_ray.monitoring.plans import StepFacts
from eopiez_ray.monitoring.rollups import Rollups
from eopiez_ray.monitoring.station import SYSTEM, Chore, Station
from eopiez_ray.settings import Settings
from eopiez_ray.store import EmbeddedServer, connect
from eopiez_ray.store.happenings import FreshTasks
from eopiez_ray.store.samples import Sample, SampleStore, SeriesRow

PHASES, PLANS, PROJECTS, NODES, LIVE = 1000, 100, 10, 50, 10_000
TASKS_PER_S = 100
DAYS, TASKS = 30, 10_000_000
SCRAPES, QUESTIONS = 30, 60
STATUSES = ("queued", "running", "pausing", "paused", "cancelling")


class Simulated:
    """What such a system measures."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(11)
        shares = 1 / np.arange(1, PHASES + 1) ** 0.9
        self.shares = shares / shares.sum()
        self.medians = np.exp(self.random.normal(-1.5, 1.5, PHASES))
        self.facts = {
            (f"plan-{phase % PLANS}", phase // PLANS): StepFacts(
                f"plan-{phase % PLANS}", f"step-{phase}", f"phase-{phase}", "1", 1.0, 0.0, 0
            )
            for phase in range(PHASES)
        }
        self.book = Book()
        self.named: list[tuple[str, dict[str, str]]] = []

    def entries(self, tasks: int) -> list[Entry]:
        """What so many tasks, and everything else, measure in a period."""
        return [*self._of_tasks(tasks), *self._others()]

    def _of_tasks(self, tasks: int) -> list[Entry]:
        phases = self.random.choice(PHASES, tasks, p=self.shares)
        fresh = [
            FreshTasks(
                f"project-{phase % PROJECTS}", "anna", f"plan-{phase % PLANS}", phase // PLANS, f"node-{phase % NODES}",
                False, bucket, count, took, took, count, 0, 9 * count, 0, 0.0,
            )
            for phase, bucket, count, took in self._drawn(phases, self.medians[phases])
        ]  # fmt: skip
        delays: list[Entry] = []
        for metric, median in ((c.WAIT_SECONDS, 0.02), (c.COMMIT_SECONDS, 0.004)):
            rows = (
                (f"project-{phase % PROJECTS}", f"plan-{phase % PLANS}", phase // PLANS, bucket, count, took)
                for phase, bucket, count, took in self._drawn(phases, np.full(tasks, median))
            )
            delays += of_delays(metric, rows, self.facts)
        return [*of_tasks(fresh, self.facts, Prices(0.05, 1.0, 0.01)), *delays]

    def _drawn(self, phases: Any, medians: Any) -> list[tuple[int, int, int, float]]:
        """Durations of tasks of these phases: phase, bucket, count, and their sum."""
        values = medians * np.exp(self.random.normal(0, 0.6, len(phases)))
        keys = phases * 100_000 + np.ceil(np.log(values) / LOG_GAMMA).astype(int) + 50_000
        found, positions, counts = np.unique(keys, return_inverse=True, return_counts=True)
        sums = np.bincount(positions, values)
        return list(
            zip(
                (found // 100_000).tolist(),
                (found % 100_000 - 50_000).tolist(),
                counts.tolist(),
                sums.tolist(),
                strict=True,
            )
        )

    def _others(self) -> list[Entry]:
        """Nodes, projects, routes: gauges and counters that do not depend on tasks."""
        nodes = [f"node-{number}" for number in range(NODES)]
        found = []
        for metric in c.CATALOGUE.values():
            if metric in {c.RUN_SECONDS, c.WAIT_SECONDS, c.COMMIT_SECONDS, c.NODE_RUN_SECONDS}:
                continue
            for labels in self._labels(metric, nodes):
                value = float(self.random.integers(1, 1_000_000)) if metric.kind is Kind.GAUGE else 1.0
                sketch = {bucket_of(v): 1.0 for v in self.random.lognormal(-4, 1, 8)} | {SUM: 0.3}
                found.append(Entry(metric, labels, sketch if metric.kind is Kind.HISTOGRAM else {VALUE: value}, STORE))
        return found

    def _labels(self, metric: Metric, nodes: list[str]) -> list[tuple[str, ...]]:
        if "phase" in metric.kept or "plan" in metric.kept:
            return []
        values = {
            "node": nodes, "project": [f"project-{each}" for each in range(PROJECTS)], "status": [*STATUSES],
            "route": [f"/route/{each}" for each in range(60)], "table": [f"table-{each}" for each in range(45)],
        }  # fmt: skip
        rows: list[tuple[str, ...]] = [()]
        for name in metric.kept:
            rows = [(*row, value) for row in rows for value in values.get(name, ["a", "b"])]
        return rows

    def blocks(self, entries: list[Entry]) -> dict[Metric, Any]:
        """Entries as blocks, their series numbered here."""
        numbered = []
        for entry in entries:
            labels = self.book.reserved(entry.metric, entry.labels)
            series = self.book.id_of(entry.metric, labels)
            if not series:
                named = dict(zip(entry.metric.kept, labels, strict=True))
                self.named.append((entry.metric.name, named))
                series = len(self.named)
                self.book.learn(SeriesRow(series, entry.metric.name, named))
            numbered.append((series, entry))
        counted, noted = folded(numbered)
        return counted | {
            metric: gauges({(s, VALUE): v for s, v in each.items()}) for (metric, _), each in noted.items()
        }


class Bench:
    """A database that such a system has filled."""

    def __init__(self, database: Any, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.store, self.simulated = SampleStore(database), Simulated()
        self.station = Station(database, Meter(), "bench")
        self.station.add(Chore("nothing", 1.0, self._nothing, watch=SYSTEM))
        self.fold = 0

    async def _nothing(self) -> None:
        return

    async def fill(self, begin: datetime, end: datetime, length_s: int, tasks: int) -> None:
        """Samples of one length for a period."""
        at = begin
        while at < end:
            self.fold += 1
            blocks = self.simulated.blocks(self.simulated.entries(tasks))
            samples = [Sample(length_s, metric.name, at, self.fold, block.packed()) for metric, block in blocks.items()]
            async with self.database.transaction() as connection:
                await self.store.save(connection, samples)
                named, self.simulated.named = self.simulated.named[self.known :], self.simulated.named
                if named:
                    await self.store.add_series(connection, named)
                self.known = len(self.simulated.named)
            at += timedelta(seconds=length_s)

    known = 0

    async def roll(self, now: datetime) -> None:
        """Roll up, as the system does."""
        await self.station.watch()
        await self.database.fetch("update metering set through = $1, fold = $2", now, self.fold)

        class Unused:
            def forget_book(self) -> None:
                return

        rollups = Rollups(self.station, self.store, Unused(), self.settings)  # type: ignore[arg-type]
        await rollups.roll()
        await self.station.watch()
        await rollups.keep_house()

    async def size(self) -> int:
        """Bytes of all that is kept, with indexes and TOAST."""
        (row,) = await self.database.fetch(
            "select sum(pg_total_relation_size(name::regclass))::bigint as bytes "
            "from unnest(array['samples', 'series', 'totals', 'reports', 'rollups', 'metering']) as name"
        )
        return int(row["bytes"])


async def measure(url: str, home: Path) -> None:
    """Fill a database, and ask it."""
    settings = Settings(home=home, database_url=url, metrics=False)
    now = period_of(datetime.now(UTC), 3600)
    async with await connect(url) as database:
        await cost(database)
        bench = Bench(database, settings)
        await bench.fill(now - timedelta(hours=12), now - timedelta(hours=1), 60, TASKS_PER_S * 60)
        await database.fetch("insert into rollups values (60, $1)", now - timedelta(hours=1))
        await bench.fill(now - timedelta(hours=1), now, FINEST_S, TASKS_PER_S * FINEST_S)
        await bench.fill(now - timedelta(hours=24), now - timedelta(hours=12), 3600, TASKS_PER_S * 3600)
        await bench.roll(now)
        await database.fetch("vacuum samples")
        print(f"a day of all rollups: {await bench.size() / 2**20:.1f} MiB", flush=True)
        for name, size in await database.fetch(
            "select relname, pg_total_relation_size(relid) from pg_stat_user_tables "
            "where relname in ('samples', 'series', 'totals') order by 1"
        ):
            print(f"    {name}: {size / 2**20:.1f} MiB")
        for resolution, rows, size in await database.fetch(
            "select resolution, count(*), sum(length(packed)) from samples group by 1 order by 1"
        ):
            print(f"    of {resolution} s: {rows:,} rows, {size / 2**20:.1f} MiB")
        await scrape(settings, database)
        await database.fetch("delete from rollups where resolution = 86400")
        rest = TASKS // (24 * DAYS)
        await bench.fill(now - timedelta(days=DAYS), now - timedelta(hours=24), 3600, rest)
        await bench.roll(now)
        print(f"{DAYS} days of {TASKS:,} tasks: {await bench.size() / 2**20:.1f} MiB", flush=True)
        await ask(settings)


class Root:
    """Lets everybody in."""

    async def caller(self, _request: Any) -> Caller:
        return Caller(uuid4(), "root", {}, is_system_administrator=True)


async def root(*_: Any) -> Any:
    return Root()


async def scrape(settings: Settings, database: Any) -> None:
    """``GET /metrics``, each time after something new was folded."""
    await database.fetch("update samples set at = at + (now() - (select max(at) from samples)) where resolution = 10")
    app = create_app(settings, root)
    async with app.router.lifespan_context(app):
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway/v1", timeout=60)
        began = time.perf_counter()
        answer = await http.get("/metrics")
        print(f"first scrape of a replica: {(time.perf_counter() - began) * 1000:.0f} ms")
        took = []
        for _ in range(SCRAPES):
            app.state.system.standing._looked_at = time.monotonic() - 3
            began = time.perf_counter()
            answer = await http.get("/metrics")
            took.append((time.perf_counter() - began) * 1000)
        text, lines = answer.content, len(answer.content.splitlines())
        print(f"GET /metrics: median {statistics.median(took):.0f} ms, p95 {p95(took):.0f} ms, "
              f"{len(text) / 1e6:.2f} MB, {lines:,} lines", flush=True)  # fmt: skip


async def ask(settings: Settings) -> None:
    """``GET /performance`` over a month, by all groups."""
    app = create_app(settings, root)
    async with app.router.lifespan_context(app):
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway/v1", timeout=60)
        took = []
        for number in range(QUESTIONS):
            group = (["plan", "step"], ["phase"], ["project"], ["node"], ["version"], ["plan"])[number % 6]
            until = (datetime.now(UTC) - timedelta(minutes=17 * number)).isoformat()
            query: dict[str, Any] = {"window_s": DAYS * 86400, "group": group, "until": until}
            began = time.perf_counter()
            answer = await http.get("/performance", params=query)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.json()["groups"], answer.text
        total = sum(
            each["tasks"] for each in (await http.get("/performance?window_s=2678400&group=project")).json()["groups"]
        )
        print(f"GET /performance over {DAYS} days, {total:,} tasks: median {statistics.median(took):.0f} ms, "
              f"p95 {p95(took):.0f} ms", flush=True)  # fmt: skip


INSERT = """
insert into {table} (
    workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker,
    is_cached, peak_bytes
)
select
    '00000000-0000-7000-8000-000000000001', {round}, number, '\\x00112233445566778899aabbccddeeff', 5, 'json',
    '\\x0011', 1, 0, now(), 0.001, 0.001, 'worker-1', false, 0
from generate_series(1, 10000) as number
"""
ROUNDS = 40


async def cost(database: Any) -> None:
    """What the driving of workflows pays: a commit of 10,000 tasks, with what monitoring adds to the table, or not."""
    await database.fetch("create table bare (like tasks including all)")
    await database.fetch("alter table bare drop committed_at")
    took: dict[str, list[float]] = {"tasks": [], "bare": []}
    for number in range(ROUNDS):
        for table in sorted(took, reverse=number % 2 == 0):
            began = time.perf_counter()
            await database.fetch(INSERT.format(table=table, round=number))
            took[table].append(time.perf_counter() - began)
    best = {table: min(each) for table, each in took.items()}
    print(f"10,000 rows of tasks: {1000 * best['tasks']:.1f} ms, {best['tasks'] / best['bare']:.3f} x "
          f"without monitoring (best of {ROUNDS})", flush=True)  # fmt: skip
    await database.fetch("drop table bare")
    await database.fetch("truncate tasks")


def p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def errors() -> None:
    """Percentiles of a million values against exact ones."""
    random = np.random.default_rng(5)
    worst = 0.0
    for values in (random.lognormal(-2, 1.5, 10**6), random.gamma(0.5, 3, 10**6), random.pareto(1.5, 10**6) + 0.01):
        buckets, counts = np.unique(np.ceil(np.log(values) / LOG_GAMMA).astype(int), return_counts=True)
        sketch = dict(zip(buckets.tolist(), counts.astype(float).tolist(), strict=True))
        for q in (0.01, 0.5, 0.9, 0.95, 0.99, 0.999):
            exact = float(np.quantile(values, q, method="lower"))
            worst = max(worst, abs((quantile(sketch, q) or 0.0) / exact - 1))
    print(f"largest error of a percentile: {worst:.2%} (promised: {ACCURACY:.0%})")


def main() -> None:
    """Measure all, and print a line for each."""
    errors()
    with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "home")
        url = server.start()
        try:
            asyncio.run(measure(url, Path(folder) / "home"))
        finally:
            server.leave()


if __name__ == "__main__":
    main()
