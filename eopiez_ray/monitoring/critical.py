"""Why one workflow took as long as it did: its critical path, stragglers, skew, and when it will end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..model.status import PhaseKind

if TYPE_CHECKING:
    from ..model.ids import WorkflowId
    from ..model.plan import PlanSpec
    from ..store.performance import LongTask, StepProgress, StepSpread, TaskSpan, WorkflowTimes

STRAGGLES = 3.0
"""A task is a straggler if it took that many times its step's median, and"""
LEAST_S = 0.1
"""at least that many seconds longer."""
MOST_STRAGGLERS = 10
SKEWED = 3.0
"""Rows of the largest partition over the mean from which a step is skewed."""
NINETY = 1.645
"""Standard deviations on both sides of the mean within which 90 % of a normal distribution are."""


class Link(NamedTuple):
    """A task on the critical path."""

    step: str
    partition: int
    waited_s: float
    """From the end of the task before it, or the workflow's creation, to its start."""
    run_s: float
    spare_s: float
    """What the path would be shorter by if the task took its step's median: at most, since another path may then be
    the longest."""


class Straggler(NamedTuple):
    """A task that took much longer than others of its step."""

    step: str
    partition: int
    run_s: float
    times_median: float
    rows: int
    worker: str


class Skew(NamedTuple):
    """A step whose partitions differ much in size."""

    step: str
    most_rows: int
    mean_rows: float


class Forecast(NamedTuple):
    """When a workflow will end, in seconds from now."""

    expected_s: float
    earliest_s: float
    latest_s: float
    """It ends between these with a probability of 90 %, if its remaining tasks are like those before."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where the time of one workflow went."""

    path: Sequence[Link]
    stragglers: Sequence[Straggler]
    skewed: Sequence[Skew]
    forecast: Forecast | None
    """None once it has ended, and while nothing is known."""

    @property
    def waited_s(self) -> float:
        """How long the critical path waited."""
        return sum(link.waited_s for link in self.path)

    @property
    def advice(self) -> list[str]:
        """What would shorten it, in sentences, the most effective first."""
        total = sum(link.waited_s + link.run_s for link in self.path)
        if not total:
            return []
        found = [(link.spare_s, _about(link)) for link in self.path if link.spare_s > 0.05 * total]
        if self.waited_s > 0.2 * total:
            share = self.waited_s / total
            found.append((self.waited_s, f"its critical path waited for {share:.0%} of its time: give it more room"))
        return [sentence for _, sentence in sorted(found, reverse=True)]


def _about(link: Link) -> str:
    return (
        f"task {link.step}/{link.partition} took {link.run_s:.3g} s, {link.spare_s:.3g} s more than the median of its "
        "step: split its partition, or see why it is slow"
    )


async def critical_path(times: WorkflowTimes, workflow: WorkflowId, plan: PlanSpec, created_at: float) -> list[Link]:
    """The chain of tasks that determined when the workflow ended, first to last: before each comes, of the tasks whose
    results it needed, the one that ended last."""
    spreads = {spread.step: spread for spread in await times.spreads(workflow)}
    ends = [(spread.ended_at, step) for step, spread in spreads.items()]
    links: list[Link] = []
    step = max(ends)[1] if ends else None
    span = None if step is None else await times.last(workflow, step)
    while step is not None and span is not None:
        before = await _before(times, workflow, plan, step, span)
        began = created_at if before is None else before[1].ended_at
        spare = max(0.0, span.wall_s - spreads[step].p50_s)
        waited = max(0.0, span.started_at - began)
        links.append(Link(plan.steps[step].name, span.partition, waited, span.wall_s, spare))
        step, span = (None, None) if before is None else before
    return links[::-1]


async def _before(
    times: WorkflowTimes, workflow: WorkflowId, plan: PlanSpec, step: int, span: TaskSpan
) -> tuple[int, TaskSpan] | None:
    """Of the tasks whose results a task needed, the one that ended last; None if it needed none."""
    found = []
    for source in plan.wires[step].inputs:
        is_same = plan.steps[step].phase.kind is PhaseKind.MAP and not plan.wires[source].is_single
        task = await times.task(workflow, source, span.partition) if is_same else None
        needed = task or await times.last(workflow, source)
        if needed is not None:
            found.append((needed.ended_at, source, needed))
    return max(found)[1:] if found else None


async def stragglers(
    times: WorkflowTimes, workflow: WorkflowId, plan: PlanSpec, spreads: Sequence[StepSpread]
) -> list[Straggler]:
    """Tasks that took much longer than others of their step, those that took most first."""
    found = []
    for spread in spreads:
        limit = max(STRAGGLES * spread.p50_s, spread.p50_s + LEAST_S)
        if spread.longest_s >= limit and spread.tasks > 2:
            name = plan.steps[spread.step].name
            tasks = await times.longest(workflow, spread.step, limit, MOST_STRAGGLERS)
            found += [_straggler(name, task, spread) for task in tasks]
    return sorted(found, key=lambda each: -each.run_s)[:MOST_STRAGGLERS]


def _straggler(step: str, task: LongTask, spread: StepSpread) -> Straggler:
    times = task.wall_s / spread.p50_s if spread.p50_s else math.inf
    return Straggler(step, task.partition, task.wall_s, min(times, 1e9), task.rows, task.worker)


def skewed(plan: PlanSpec, spreads: Sequence[StepSpread]) -> list[Skew]:
    """Steps whose largest partition has many times the rows of the mean."""
    return [
        Skew(plan.steps[each.step].name, each.most_rows, each.mean_rows)
        for each in spreads
        if each.tasks > 2 and each.mean_rows > 0 and each.most_rows >= SKEWED * each.mean_rows
    ]


def forecast(
    plan: PlanSpec,
    progress: Mapping[int, StepProgress],
    spreads: Mapping[int, StepSpread],
    known_means: Mapping[str, float],
    elapsed_s: float,
) -> Forecast | None:
    """When a running workflow will end: its remaining work at the pace of its work so far, but no sooner than its
    longest chain of remaining tasks takes.

    Args:
        plan: its plan.
        progress: how far its steps are.
        spreads: what its finished tasks took.
        known_means: what tasks took elsewhere, by the digest of their phase's code, for steps with none finished.
        elapsed_s: seconds since its first task began.
    """
    work, variance, remaining, chain = 0.0, 0.0, 0, [0.0] * len(plan.steps)
    for position, step in enumerate(plan.steps):
        mean, spread = _mean(step.phase.digest, spreads.get(position), known_means)
        left = _left(plan, position, progress)
        if left and mean is None:
            return None
        mean = mean or 0.0
        work, variance, remaining = work + left * mean, variance + left * spread, remaining + left
        sources = plan.wires[position].inputs
        chain[position] = (mean if left else 0.0) + max((chain[source] for source in sources), default=0.0)
    if not remaining:
        return Forecast(0.0, 0.0, 0.0)
    done_s = sum(each.total_s for each in spreads.values())
    running = sum(each.running for each in progress.values())
    pace = max(1.0, done_s / elapsed_s if elapsed_s > 0 else 0.0, float(running))
    expected = max(work / pace, max(chain))
    # The pace itself is known the less, the less has been done: its relative error falls with the tasks that show it.
    shown = sum(each.tasks for each in spreads.values())
    error = NINETY * math.hypot(math.sqrt(variance) / pace, expected / math.sqrt(shown + 1))
    return Forecast(expected, max(0.0, expected - error), expected + error)


def _mean(digest: str, spread: StepSpread | None, known: Mapping[str, float]) -> tuple[float | None, float]:
    """Mean and variance of a step's tasks; if none has finished, with as large a deviation as the mean itself."""
    if spread is not None:
        return spread.mean_s, spread.variance
    mean = known.get(digest)
    return mean, 0.0 if mean is None else mean**2


def _left(plan: PlanSpec, position: int, progress: Mapping[int, StepProgress]) -> int:
    """How many tasks of a step have not ended, as far as that is known: a map has as many as its input."""
    if plan.steps[position].phase.kind is PhaseKind.VALUES:
        return 0
    step = progress.get(position)
    if step is not None and step.partitions is not None:
        return max(0, step.partitions - step.done)
    done = 0 if step is None else step.done
    if plan.steps[position].phase.kind is not PhaseKind.MAP:
        return 1
    sources = [progress[source].partitions or 1 for source in plan.wires[position].inputs if source in progress]
    return max(1, max(sources, default=1) - done)


class Diagnoses:
    """Diagnoses workflows."""

    def __init__(self, times: WorkflowTimes) -> None:
        self._times = times

    async def of(self, workflow: WorkflowId, plan: PlanSpec, created_at: float, now: float | None) -> Diagnosis:
        """Where a workflow's time went; ``now`` in Unix seconds if it has not ended, None if it has."""
        spreads = await self._times.spreads(workflow)
        expected = None
        if now is not None and spreads:
            progress = await self._times.progress(workflow)
            known = await self._times.known_means([step.phase.digest for step in plan.steps])
            began = min(spread.began_at for spread in spreads)
            expected = forecast(plan, progress, {each.step: each for each in spreads}, known, now - began)
        return Diagnosis(
            await critical_path(self._times, workflow, plan, created_at),
            await stragglers(self._times, workflow, plan, spreads),
            skewed(plan, spreads),
            expected,
        )
