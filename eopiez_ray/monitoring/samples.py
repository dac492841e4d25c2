"""Reads what was measured: series over time, sums, and quantiles, of what a caller may see.

``projects`` are those whose series may be read; None means all, and what is about no project. ``where`` chooses by
labels, each with a value or several; ``by`` names the labels that results are told apart by.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..store.samples import SampleStore
from .blocks import Runs, averaged, unpacked
from .catalogue import CATALOGUE, Kind, Metric
from .covering import Kept, cover, step_of
from .distribution import Distribution, distributions, sums
from .folding import FINEST_S, period_of
from .meter import VALUE
from .rollups import retention

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

Labels = tuple[str, ...]
Where = Mapping[str, str | Collection[str]]
FRESH = timedelta(seconds=60)
"""How old the latest value of a gauge may be."""


class Point(NamedTuple):
    """A value in a period."""

    at: datetime
    """When the period begins."""
    value: float
    """Of a gauge its mean, of a counter what was added, of a histogram how many values were counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series over time."""

    labels: Mapping[str, str]
    points: Sequence[Point]


class Samples:
    """Reads samples. Safe for concurrent use."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._store, self._retention = SampleStore(database), retention(settings)
        self._labels: defaultdict[str, dict[int, dict[str, str]]] = defaultdict(dict)
        """The labels of each series known so far, by metric."""
        self._known = 0
        """The latest of them."""

    async def series(
        self,
        metric: Metric,
        where: Where | None = None,
        *,
        projects: Collection[str] | None,
        since: datetime,
        until: datetime,
        step_s: int | None = None,
        by: Sequence[str] | None = None,
    ) -> list[Line]:
        """Series over time, a point for each period in which something was measured.

        Args:
            metric: what was measured.
            where: which of its series.
            projects: which projects may be read.
            since, until: the window, without its end.
            step_s: seconds of a period; by default such that there are some hundreds.
            by: labels to keep apart; all by default.
        """
        step = step_s or step_of(until - since)
        groups = await self._groups(metric, where, projects, by)
        periods: defaultdict[datetime, list[bytes]] = defaultdict(list)
        async for at, packed in self._packed(metric, since, until, step):
            periods[period_of(at, step)].append(packed)
        points: defaultdict[Labels, list[Point]] = defaultdict(list)
        for at in sorted(periods):
            for labels, value in _values(periods[at], groups, metric).items():
                points[labels].append(Point(at, value))
        names = _names(metric, by)
        return [Line(dict(zip(names, labels, strict=True)), line) for labels, line in sorted(points.items())]

    async def totals(
        self,
        metric: Metric,
        where: Where | None = None,
        *,
        projects: Collection[str] | None,
        since: datetime,
        until: datetime,
        by: Sequence[str] | None = None,
    ) -> dict[Labels, float]:
        """What a counter grew by in a window, how many values a histogram counted, or the mean of a gauge."""
        groups = await self._groups(metric, where, projects, by)
        packed = [each async for _, each in self._packed(metric, since, until)]
        return await asyncio.to_thread(_values, packed, groups, metric)

    async def totals_together(
        self,
        metrics: Sequence[Metric],
        *,
        projects: Collection[str] | None,
        since: datetime,
        until: datetime,
        by: Sequence[str],
    ) -> list[dict[Labels, float]]:
        """The totals of several metrics as of one moment: what is folded meanwhile is in all of them, or in none."""
        packed: defaultdict[str, list[bytes]] = defaultdict(list)
        async for sample in self._samples(metrics, since, until):
            packed[sample.metric].append(sample.packed)
        # Series are there before their samples; read later, none is missing.
        groups = [await self._groups(metric, None, projects, by) for metric in metrics]
        return [
            await asyncio.to_thread(_values, packed[metric.name], group, metric)
            for metric, group in zip(metrics, groups, strict=True)
        ]

    async def distributions(
        self,
        metric: Metric,
        where: Where | None = None,
        *,
        projects: Collection[str] | None,
        since: datetime,
        until: datetime,
        by: Sequence[str] | None = None,
    ) -> dict[Labels, Distribution]:
        """How the values of a histogram are distributed in a window."""
        groups = await self._groups(metric, where, projects, by)
        packed = [each async for _, each in self._packed(metric, since, until)]
        return await asyncio.to_thread(lambda: distributions([*map(Runs.of, packed)], groups))

    async def latest(
        self,
        metric: Metric,
        where: Where | None = None,
        *,
        projects: Collection[str] | None,
        by: Sequence[str] | None = None,
    ) -> dict[Labels, float]:
        """Where a gauge stands now, by the labels in ``by``, which add up; nothing if nobody has said lately."""
        groups = await self._groups(metric, where, projects, by)
        now = datetime.now(UTC)
        samples = await self._store.read(FINEST_S, [metric.name], now - FRESH, now + FRESH)
        return _values([samples[-1].packed], groups, metric) if samples else {}

    async def _packed(self, metric: Metric, since: datetime, until: datetime, longest: int = 86400) -> _Packed:
        async for sample in self._samples([metric], since, until, longest):
            yield sample.at, sample.packed

    async def _samples(
        self, metrics: Sequence[Metric], since: datetime, until: datetime, longest: int = 86400
    ) -> AsyncIterator[Sample]:
        names = [metric.name for metric in metrics]
        kept = Kept(await self._store.rolled_up(), {level: _ago(age) for level, age in self._retention.items()})
        for part in cover(since, until, kept, longest):
            for sample in await self._store.read(part.resolution, names, part.since, part.until):
                yield sample

    async def _groups(
        self, metric: Metric, where: Where | None, projects: Collection[str] | None, by: Sequence[str] | None
    ) -> dict[int, Labels]:
        """The series that are asked for, each with the labels that it is told apart by."""
        for row in await self._store.series(self._known):
            self._labels[row.metric][row.id] = row.labels
            self._known = max(self._known, row.id)
        names = _names(metric, by)
        return {
            series: tuple(labels.get(name, "") for name in names)
            for series, labels in self._labels[metric.name].items()
            if may_see(metric, labels, projects) and _matches(labels, where or {})
        }


if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..store.samples import Sample

    _Packed = AsyncIterator[tuple[datetime, bytes]]


def may_see(metric: Metric, labels: Mapping[str, str], projects: Collection[str] | None) -> bool:
    """Whether somebody who sees these projects may see a series."""
    if projects is None:
        return True
    return labels["project"] in projects if "project" in labels else metric.is_public


def _matches(labels: Mapping[str, str], where: Where) -> bool:
    return all(
        labels.get(name) == wanted if isinstance(wanted, str) else labels.get(name) in wanted
        for name, wanted in where.items()
    )


def _names(metric: Metric, by: Sequence[str] | None) -> tuple[str, ...]:
    return metric.kept if by is None else tuple(by)


def _ago(age: timedelta) -> datetime:
    return datetime.now(UTC) - age


def _values(packed: Sequence[bytes], groups: Mapping[int, Labels], metric: Metric) -> dict[Labels, float]:
    """One value for each group: the sum over its series."""
    if metric.kind is Kind.HISTOGRAM:
        return {labels: each.count for labels, each in distributions([*map(Runs.of, packed)], groups).items()}
    blocks = [*map(unpacked, packed)]
    return sums([averaged(blocks)] if metric.kind is Kind.GAUGE else blocks, groups, VALUE)


def metric_named(name: str) -> Metric | None:
    """The metric with that name, if there is one."""
    return CATALOGUE.get(name)
