"""What tasks took, in any window and by any group, and how that compares with another window or version."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ..engine.accounting import Use
from ..errors import ParameterError
from . import catalogue as c
from .comparison import Comparison, compared
from .distribution import NOTHING, Distribution
from .samples import Labels

if TYPE_CHECKING:
    from .samples import Samples, Where

GROUPS = ("project", "plan", "step", "phase", "version", "node")
"""What results can be told apart by."""
OF_NODES = frozenset({"node", "project"})
"""What they can be told apart by together with nodes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations are distributed, in seconds."""

    count: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float

    @classmethod
    def of(cls, given: Distribution) -> Spread:
        """That of a distribution; zeros of an empty one."""
        return cls(int(given.count), given.mean, *(given.quantile(q) for q in (0.5, 0.95, 0.99)))


@dataclass(frozen=True, slots=True)
class Window:
    """What is looked at."""

    since: datetime
    until: datetime
    where: Where
    projects: Collection[str] | None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(1e-9, (self.until - self.since).total_seconds())


@dataclass(frozen=True, slots=True)
class GroupPerformance:
    """What tasks of a group did."""

    group: Mapping[str, str]
    tasks: int
    """Those that ended, however they did."""
    failed: int
    cached: int
    tasks_per_s: float
    run: Spread
    wait: Spread
    commit: Spread
    run_share: float
    """Its part of the time that all tasks ran."""
    variability: float
    """95th percentile of the run time over its median; 1 if all tasks take the same."""
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class EndedPerformance:
    """How many workflows ended with a status, and what they took from their creation on."""

    status: str
    workflows: int
    took: Spread


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Where the time of slots went, which are CPUs, and what held work back."""

    slots: float | None
    """How many there were, as a mean over the window; None for whoever does not see the whole system."""
    uses: Mapping[str, float]
    """Shares of their time, by use, which add up to 1; empty for whoever does not see the whole system."""
    computing: float | None
    """Share of the time at work in which tasks used a CPU; in the rest they waited, such as for input and output."""
    held_back_s: Mapping[str, float]
    """Seconds, times slots, for which work could not start although its inputs were there, by what held it back."""


class Performance:
    """Reads what was measured."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    async def ended(self, window: Window) -> list[EndedPerformance]:
        """How workflows ended, and what they took."""
        where = {name: value for name, value in window.where.items() if name == "plan"}
        counts = await self._totals(c.ENDED, replace(window, where=where), ("status",))
        took = await self._spread(c.WORKFLOW_SECONDS, replace(window, where=where), ("status",))
        return [
            EndedPerformance(status, int(count), Spread.of(took.get((status,), NOTHING)))
            for (status,), count in sorted(counts.items())
        ]

    async def utilisation(self, window: Window) -> Utilisation:
        """Where the time of slots went, and what held work back, whatever tasks are chosen."""
        everything = replace(window, where={})
        uses, held, used = await asyncio.gather(
            self._totals(c.SLOT_SECONDS, everything, ("use",)),
            self._totals(c.HELD_SECONDS, everything, ("by",)),
            self._totals(c.CPU_SECONDS, everything, ()),
        )
        total_s, work_s = sum(uses.values()), uses.get((Use.WORK,), 0.0)
        return Utilisation(
            slots=total_s / window.seconds if total_s else None,
            uses={use: uses.get((use,), 0.0) / total_s for use in Use} if total_s else {},
            computing=min(1.0, used.get((), 0.0) / work_s) if work_s else None,
            held_back_s={by: seconds for (by,), seconds in sorted(held.items())},
        )

    async def groups(
        self, window: Window, by: Sequence[str], baseline: Window | None = None, limit: int | None = None
    ) -> list[GroupPerformance]:
        """What tasks did, by group, those that ran longest in all first; compared with a baseline, if one is given.

        Args:
            window: what is looked at.
            by: what results are told apart by.
            baseline: what they are compared with.
            limit: how many groups at most; None for all.

        Raises:
            ParameterError: results cannot be told apart so.
        """
        check_groups(by, window.where)
        is_by_node = "node" in {*by, *window.where}
        metric = c.NODE_RUN_SECONDS if is_by_node else c.RUN_SECONDS
        if is_by_node:
            runs, waits, commits = await self._spread(metric, window, by), _NONE, _NONE
            counts = _by_node(runs)
        else:
            runs, waits, commits, counts = await asyncio.gather(
                self._spread(metric, window, by),
                self._spread(c.WAIT_SECONDS, window, by),
                self._spread(c.COMMIT_SECONDS, window, by),
                self._counts(window, by),
            )
        then = _NONE if baseline is None else await self._spread(metric, baseline, by)
        total_s = sum(each.sum for each in runs.values()) or 1.0
        ordered = sorted(counts, key=lambda labels: (-runs.get(labels, NOTHING).sum, labels))[:limit]
        return [
            GroupPerformance(
                dict(zip(by, labels, strict=True)),
                tasks=sum(counts[labels].values()),
                failed=counts[labels].get("failed", 0),
                cached=counts[labels].get("cached", 0),
                tasks_per_s=sum(counts[labels].values()) / window.seconds,
                run=(run := Spread.of(runs.get(labels, NOTHING))),
                wait=Spread.of(waits.get(labels, NOTHING)),
                commit=Spread.of(commits.get(labels, NOTHING)),
                run_share=runs.get(labels, NOTHING).sum / total_s,
                variability=run.p95_s / run.p50_s if run.p50_s else 1.0,
                comparison=_compared(labels, runs, then),
            )
            for labels in ordered
        ]

    async def _counts(self, window: Window, by: Sequence[str]) -> dict[Labels, dict[str, int]]:
        """How many tasks ended, by group and outcome."""
        counts: dict[Labels, dict[str, int]] = {}
        for labels, count in (await self._totals(c.TASKS, window, (*by, "outcome"))).items():
            counts.setdefault(labels[:-1], {})[labels[-1]] = int(count)
        return counts

    async def _totals(self, metric: c.Metric, window: Window, by: Sequence[str]) -> dict[Labels, float]:
        return await self._samples.totals(
            metric, window.where, projects=window.projects, since=window.since, until=window.until, by=by
        )

    async def _spread(self, metric: c.Metric, window: Window, by: Sequence[str]) -> dict[Labels, Distribution]:
        return await self._samples.distributions(
            metric, window.where, projects=window.projects, since=window.since, until=window.until, by=by
        )


def check_groups(by: Sequence[str], where: Where) -> None:
    """Check that results can be told apart so.

    Raises:
        ParameterError: they cannot.
    """
    named = {*by, *where}
    unknown = named - set(GROUPS)
    if unknown:
        raise ParameterError(f"results cannot be grouped by {min(unknown)!r}; they can by {', '.join(GROUPS)}")
    if "node" in named and named - OF_NODES:
        raise ParameterError("what tasks took on a node is known by project alone: leave out the other groups")


def _by_node(runs: Mapping[Labels, Distribution]) -> dict[Labels, dict[str, int]]:
    return {labels: {"succeeded": int(run.count)} for labels, run in runs.items()}


def _compared(
    labels: Labels, now: Mapping[Labels, Distribution], then: Mapping[Labels, Distribution]
) -> Comparison | None:
    """How a group's run times have changed; None if there is nothing to compare."""
    if labels not in now or labels not in then:
        return None
    return compared(now[labels].sketch, then[labels].sketch, len(now.keys() & then.keys()))


_NONE: Mapping[Labels, Distribution] = {}
