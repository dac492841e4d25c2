"""Metrics as they are exposed: by the labels that every reader may see, histograms in a few cumulative buckets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..model.sketch import SUM, bucket_of
from .catalogue import CATALOGUE, Kind, Metric
from .meter import VALUE
from .samples import may_see

if TYPE_CHECKING:
    import numpy.typing as npt

    from .blocks import Block
    from .standing import Stand

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram as it is exposed."""

    counts: tuple[float, ...]
    """Values up to each of the metric's bounds, then all of them."""
    sum: float

    @property
    def count(self) -> float:
        """How many values there are."""
        return self.counts[-1]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its values."""

    metric: Metric
    values: Mapping[Labels, float | Buckets]


def families(stand: Stand, projects: Collection[str] | None) -> Iterator[Family]:
    """All metrics of which somebody who sees these projects (None: all) may see something, in the catalogue's order."""
    for name, metric in CATALOGUE.items():
        block = stand.totals.get(name) if metric.kind is not Kind.GAUGE else stand.gauges.get(name)
        if block is not None and len(block.series):
            values = _values(metric, block, _remembered(metric, block, stand, projects))
            if values:
                yield Family(metric, values)


def _remembered(metric: Metric, block: Block, stand: Stand, projects: Collection[str] | None) -> _Grouping:
    """Which series are exposed together; for those who see everything, as long as the series are the same."""
    if projects is not None:
        return _grouping(metric, block, stand.labels, projects)
    series, grouping = stand.memory.get(metric.name, (None, None))
    if series is None or not np.array_equal(series, block.series):
        grouping = _grouping(metric, block, stand.labels, None)
        if np.all(grouping.of_series[block.series] >= 0):  # Otherwise the labels of some are not known yet.
            stand.memory[metric.name] = block.series, grouping
    known: _Grouping = grouping
    return known


def _values(metric: Metric, block: Block, grouping: _Grouping) -> dict[Labels, float | Buckets]:
    """A value for each combination of exposed labels: the sum over all series that have it."""
    rows = grouping.of_series[block.series]
    groups, seen = grouping.groups, rows >= 0
    summed = _Summed(rows[seen], block.buckets[seen], block.values[seen], len(groups))
    if metric.kind is Kind.HISTOGRAM:
        return dict(zip(groups, summed.histograms(metric), strict=True))
    return dict(zip(groups, summed.of(summed.buckets == VALUE).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Which series are exposed together."""

    groups: tuple[Labels, ...]
    of_series: npt.NDArray[np.int64]
    """By id, the position of the group; -1 of what is not seen."""


def _grouping(
    metric: Metric, block: Block, labels: Mapping[int, Mapping[str, str]], projects: Collection[str] | None
) -> _Grouping:
    groups: dict[Labels, int] = {}
    of_series = np.full(int(block.series.max()) + 1, -1)
    for series in np.unique(block.series).tolist():
        known = labels.get(series)
        if known is not None and may_see(metric, known, projects):
            of_series[series] = groups.setdefault(tuple(known.get(name, "") for name in metric.labels), len(groups))
    return _Grouping(tuple(groups), of_series)


@dataclass(frozen=True, slots=True)
class _Summed:
    """Values, each with the group that it belongs to."""

    groups: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int16]
    values: npt.NDArray[np.float64]
    count: int

    def of(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """The sum of the chosen values, by group."""
        return np.bincount(self.groups[chosen], self.values[chosen], self.count).astype(np.float64)

    def histograms(self, metric: Metric) -> list[Buckets]:
        """A histogram for each group."""
        counted = self.buckets != SUM
        columns = [self.of(counted & (self.buckets <= bucket_of(bound))) for bound in metric.bounds]
        columns.append(self.of(counted))
        sums = self.of(self.buckets == SUM).tolist()
        counts = np.stack(columns, axis=1).tolist() if self.count else []
        return [Buckets(tuple(row), total) for row, total in zip(counts, sums, strict=True)]
