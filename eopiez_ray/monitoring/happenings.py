"""Business metrics: what has happened to workflows, from what the store has committed since the last fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ..model.sketch import LOG_GAMMA, SUM, bucket_of
from ..store.happenings import Happenings
from . import catalogue as c
from .folding import Entry
from .meter import VALUE
from .plans import NOWHERE, StepFacts, facts_of, wires_of

if TYPE_CHECKING:
    from ..model.plan import PlanSpec
    from ..settings import Settings
    from ..store.database import Connection
    from ..store.happenings import FreshAttempts, FreshEvent, FreshTasks
    from ..store.samples import Fold
    from .catalogue import Metric

LONGEST_PERIOD = timedelta(minutes=10)
"""What is measured in one fold at most, so that a long absence is made up for in small transactions."""
MOST_WAITS = 20_000
"""Tasks in a fold beyond which waiting times are those of a sample."""
PLANS_AT_HAND = 2000
GIBIBYTE = 2**30
STORE = UUID(int=0)
"""The source of what the store itself tells."""
COUNTED = (
    c.SUBMITTED, c.ENDED, c.WORKFLOW_SECONDS, c.FIRST_TASK_SECONDS, c.REQUESTS, c.CLAIMS, c.DRAIN_SECONDS,
    c.INTERRUPTED, c.TASKS, c.ATTEMPTS, c.RETRIES, c.RUN_SECONDS, c.WAIT_SECONDS, c.COMMIT_SECONDS, c.NODE_RUN_SECONDS,
    c.ROWS, c.REJECTS, c.RESULT_BYTES, c.ARTIFACT_BYTES, c.SAVED_SECONDS, c.CPU_SECONDS, c.GPU_SECONDS,
    c.MEMORY_SECONDS, c.COST,
)  # fmt: skip
"""What is read from what workflows have committed."""
ENDINGS = frozenset({"succeeded", "failed", "cancelled", "quarantined"})

Facts = Mapping[tuple[str, int], StepFacts]
"""What is known of steps, by the plan's digest and the step's position."""


class Prices(NamedTuple):
    """What resources cost, in whatever currency the operator counts."""

    cpu_hour: float
    gpu_hour: float
    gib_hour: float

    @classmethod
    def of(cls, settings: Settings) -> Prices:
        """The prices that are set."""
        return cls(settings.price_cpu_hour, settings.price_gpu_hour, settings.price_gib_hour)

    def cost(self, cpu_s: float, gpu_s: float, gib_s: float) -> float:
        """What so many seconds cost."""
        return (cpu_s * self.cpu_hour + gpu_s * self.gpu_hour + gib_s * self.gib_hour) / 3600


class Business:
    """Measures what has happened since the last fold. Its answers are part of the fold's transaction."""

    def __init__(self, settings: Settings) -> None:
        self._prices = Prices.of(settings)
        self._plans: dict[str, PlanSpec] = {}
        self._means: dict[str, tuple[float, int]] = {}
        """Of each phase: seconds and number of the tasks seen so far that were not cached."""

    async def measure(self, connection: Connection, fold: Fold) -> tuple[list[Entry], datetime]:
        """What happened after the last fold, and until when."""
        until = max(fold.through, min(fold.horizon, fold.through + LONGEST_PERIOD))
        fresh = Happenings(connection, fold.through, until, LOG_GAMMA)
        await fresh.prefer_indexes()
        tasks, attempts, events = await fresh.tasks(), await fresh.attempts(), await fresh.events()
        digests = {each.plan for each in tasks} | {each.plan for each in attempts} | {each.plan for each in events}
        await self._learn(fresh, digests)
        facts = {
            (digest, position): each
            for digest in digests & self._plans.keys()
            for position, each in enumerate(facts_of(self._plans[digest]))
        }
        entries = [*of_tasks(tasks, facts, self._prices), *of_attempts(attempts, facts, self._prices)]
        entries += of_events(events, {digest: plan.name for digest, plan in self._plans.items()})
        entries += self._saved(tasks, facts)
        if tasks:
            entries += await self._delays(fresh, tasks, facts)
        return entries, until

    async def _learn(self, fresh: Happenings, digests: set[str]) -> None:
        if len(self._plans) > PLANS_AT_HAND:
            self._plans.clear()
        unknown = digests - self._plans.keys()
        if unknown:
            self._plans |= await fresh.plans(unknown)

    async def _delays(self, fresh: Happenings, tasks: list[FreshTasks], facts: Facts) -> list[Entry]:
        """How long tasks waited, and how long after their end they were committed."""
        one_in = 1 + sum(each.tasks for each in tasks) // MOST_WAITS
        digests = {each.plan for each in tasks} & self._plans.keys()
        wires = [wire for digest in digests for wire in wires_of(digest, self._plans[digest])]
        waits = [
            (wait.project, wait.plan, wait.step, wait.bucket, wait.tasks * one_in, wait.wait_s * one_in)
            for wait in await fresh.waits(one_in, wires)
        ]
        return [*of_delays(c.WAIT_SECONDS, waits, facts), *of_delays(c.COMMIT_SECONDS, await fresh.commits(), facts)]

    def _saved(self, tasks: Iterable[FreshTasks], facts: Facts) -> Iterator[Entry]:
        """What cached results have saved, by the mean of what tasks of their phase took so far."""
        for each in tasks:
            phase = facts.get((each.plan, each.step), NOWHERE).phase
            wall_s, count = self._means.get(phase, (0.0, 0))
            if not each.is_cached:
                self._means[phase] = wall_s + each.wall_s, count + each.tasks
            elif count:
                yield _counted(c.SAVED_SECONDS, each.tasks * wall_s / count, each.project, phase)


def of_tasks(tasks: Iterable[FreshTasks], facts: Facts, prices: Prices) -> Iterator[Entry]:
    """What tasks that succeeded did, took and cost."""
    groups: defaultdict[tuple[str, str, str, int, bool], list[FreshTasks]] = defaultdict(list)
    nodes: defaultdict[tuple[str, str], list[FreshTasks]] = defaultdict(list)
    for each in tasks:
        groups[each.project, each.owner, each.plan, each.step, each.is_cached].append(each)
        if not each.is_cached:
            nodes[each.node, each.project].append(each)
    for (project, owner, plan, step, is_cached), rows in groups.items():
        known = facts.get((plan, step), NOWHERE)
        outcome, count = "cached" if is_cached else "succeeded", sum(each.tasks for each in rows)
        yield _counted(c.TASKS, count, project, known.phase, outcome, known.plan, known.step, known.version)
        yield _counted(c.ROWS, sum(each.rows for each in rows), project, known.phase)
        yield _counted(c.REJECTS, sum(each.rejects for each in rows), project, known.phase)
        if not is_cached:
            yield from _ran(rows, project, owner, known, prices)
    for labels, rows in nodes.items():
        yield _entry(c.NODE_RUN_SECONDS, _sketch(rows), *labels)


def _ran(rows: Sequence[FreshTasks], project: str, owner: str, known: StepFacts, prices: Prices) -> Iterator[Entry]:
    """What tasks of a step took, gave and used."""
    yield _entry(c.RUN_SECONDS, _sketch(rows), project, *known.names)
    yield _counted(c.RESULT_BYTES, sum(each.bytes for each in rows), project, known.phase)
    yield _counted(c.ARTIFACT_BYTES, sum(each.artifact_bytes for each in rows), project)
    wall_s = sum(each.wall_s for each in rows)
    gib_s = max(known.memory_bytes * wall_s, sum(each.byte_s for each in rows)) / GIBIBYTE
    yield from _used(project, owner, known, sum(each.cpu_s for each in rows), known.gpus * wall_s, gib_s, prices)


def _sketch(rows: Iterable[FreshTasks]) -> dict[int, float]:
    """How long tasks ran."""
    sketch: dict[int, float] = {}
    for each in rows:
        sketch[each.bucket] = sketch.get(each.bucket, 0.0) + each.tasks
        sketch[SUM] = sketch.get(SUM, 0.0) + each.wall_s
    return sketch


def of_delays(metric: Metric, rows: Iterable[tuple[str, str, int, int, int, float]], facts: Facts) -> Iterator[Entry]:
    """How long tasks waited for something; rows are project, plan, step, bucket, tasks, and their seconds."""
    sketches: defaultdict[tuple[str, str, int], dict[int, float]] = defaultdict(dict)
    for project, plan, step, bucket, tasks, seconds in rows:
        sketch = sketches[project, plan, step]
        sketch[bucket] = sketch.get(bucket, 0.0) + tasks
        sketch[SUM] = sketch.get(SUM, 0.0) + seconds
    for (project, plan, step), sketch in sketches.items():
        yield _entry(metric, sketch, project, *facts.get((plan, step), NOWHERE).names)


def of_attempts(attempts: Iterable[FreshAttempts], facts: Facts, prices: Prices) -> Iterator[Entry]:
    """How attempts failed, which were the last ones, and what they cost."""
    for each in attempts:
        known = facts.get((each.plan, each.step), NOWHERE)
        names = known.plan, known.step, known.phase
        yield _counted(c.ATTEMPTS, each.attempts, each.project, each.outcome, each.error_type, *names)
        if each.is_final:
            labels = each.project, known.phase, "failed", known.plan, known.step, known.version
            yield _counted(c.TASKS, each.attempts, *labels)
        else:
            yield _counted(c.RETRIES, each.attempts, each.project, known.phase)
        gib_s = known.memory_bytes * each.held_s / GIBIBYTE
        yield from _used(each.project, each.owner, known, 0.0, known.gpus * each.held_s, gib_s, prices)


def of_events(events: Iterable[FreshEvent], plans: Mapping[str, str]) -> Iterator[Entry]:
    """How workflows came, were steered, and ended."""
    for event in events:
        project, plan, kind = event.project, plans.get(event.plan, ""), event.kind
        if kind == "created":
            yield _counted(c.SUBMITTED, 1, project, plan)
        elif kind == "claimed":
            yield _counted(c.CLAIMS, 1, project)
        elif kind == "tasks_interrupted":
            yield _counted(c.INTERRUPTED, event.tasks, project)
        elif kind.endswith("_requested"):
            yield _counted(c.REQUESTS, 1, project, kind.removesuffix("_requested"))
        elif kind == "paused" and event.drain_s is not None:
            yield _observed(c.DRAIN_SECONDS, event.drain_s, project)
        elif kind in ENDINGS:
            yield _counted(c.ENDED, 1, project, kind, plan)
            yield _observed(c.WORKFLOW_SECONDS, event.age_s, project, plan, kind)
            if event.first_task_s is not None:
                yield _observed(c.FIRST_TASK_SECONDS, event.first_task_s, project, plan)


def _used(
    project: str, owner: str, known: StepFacts, cpu_s: float, gpu_s: float, gib_s: float, prices: Prices
) -> Iterator[Entry]:
    """What was used of resources, and what that costs; nothing of what was not used."""
    labels = project, owner, known.plan, known.phase
    cost = prices.cost(cpu_s, gpu_s, gib_s)
    for metric, amount in (
        (c.CPU_SECONDS, cpu_s), (c.GPU_SECONDS, gpu_s), (c.MEMORY_SECONDS, gib_s), (c.COST, cost),
    ):  # fmt: skip
        if amount:
            yield _counted(metric, amount, *labels)


def _counted(metric: Metric, amount: float, *labels: str) -> Entry:
    return _entry(metric, {VALUE: float(amount)}, *labels)


def _observed(metric: Metric, value: float, *labels: str) -> Entry:
    return _entry(metric, {bucket_of(value): 1.0, SUM: value}, *labels)


def _entry(metric: Metric, values: dict[int, float], *labels: str) -> Entry:
    return Entry(metric, labels, values, STORE)
