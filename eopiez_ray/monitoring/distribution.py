"""Distributions of a histogram's values by group, added up from many blocks at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from .sketch import SUM, ZERO, value_of

if TYPE_CHECKING:
    from .blocks import Block, Values

Group = TypeVar("Group")
MOST_CELLS = 50_000_000
"""Groups times buckets that are added up at once."""


@dataclass(frozen=True)
class Distribution:
    """How the values of a histogram are distributed."""

    counts: Values
    """How many values there are in consecutive buckets; in the first, how many count as 0."""
    first: int
    """Which bucket the second count is of."""
    sum: float
    """The sum of all values."""

    @cached_property
    def count(self) -> float:
        """How many values there are."""
        return float(self.counts.sum())

    @property
    def mean(self) -> float:
        """Their mean; 0 if there are none."""
        return self.sum / self.count if self.count else 0.0

    def quantile(self, q: float) -> float:
        """The value below which a share ``q`` is, to 1 %; 0 if there are none."""
        if not self.count:
            return 0.0
        at = int(np.searchsorted(self._passed, q * (self.count - 1), side="right"))
        return value_of(self.first + at - 1) if at else 0.0

    @cached_property
    def _passed(self) -> Values:
        return np.cumsum(self.counts)

    @property
    def sketch(self) -> dict[int, float]:
        """Counts by bucket, and the sum of all values."""
        filled = np.flatnonzero(self.counts)
        buckets = np.where(filled > 0, filled + self.first - 1, ZERO)
        return dict(zip(buckets.tolist(), self.counts[filled].tolist(), strict=True)) | {SUM: self.sum}


NOTHING = Distribution(np.zeros(1), 0, 0.0)


def distributions(blocks: Sequence[Block], groups: Mapping[int, Group]) -> dict[Group, Distribution]:
    """How the values of each group are distributed.

    Args:
        blocks: of one histogram.
        groups: the group that each series belongs to; others are left out.
    """
    names = list(dict.fromkeys(groups.values()))
    rows = _rows(blocks, groups, names)
    is_sum, is_zero = rows.buckets == SUM, rows.buckets == ZERO
    is_plain = ~(is_sum | is_zero)
    if not len(rows.values):
        return {}
    first = int(rows.buckets[is_plain].min()) if is_plain.any() else 0
    width = (int(rows.buckets[is_plain].max()) - first if is_plain.any() else 0) + 2
    sums = np.bincount(rows.groups[is_sum], rows.values[is_sum], len(names))
    columns = np.where(is_zero, 0, rows.buckets.astype(np.int64) - first + 1)
    found: dict[Group, Distribution] = {}
    for begin in range(0, len(names), max(1, MOST_CELLS // width)):
        end = min(len(names), begin + max(1, MOST_CELLS // width))
        here = ~is_sum & (rows.groups >= begin) & (rows.groups < end)
        keys = (rows.groups[here] - begin) * width + columns[here]
        counts = np.bincount(keys, rows.values[here], (end - begin) * width).reshape(end - begin, width)
        for at in np.flatnonzero(counts.any(axis=1)).tolist():
            found[names[begin + at]] = Distribution(counts[at], first, float(sums[begin + at]))
    return found


def sums(blocks: Sequence[Block], groups: Mapping[int, Group], bucket: int) -> dict[Group, float]:
    """The sum of what series of each group have in a bucket; groups of which nothing was measured are left out."""
    names = list(dict.fromkeys(groups.values()))
    rows = _rows(blocks, groups, names)
    chosen = rows.buckets == bucket
    totals = np.bincount(rows.groups[chosen], rows.values[chosen], len(names))
    return {names[at]: float(totals[at]) for at in np.unique(rows.groups[chosen]).tolist()}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of blocks, each with the position of its group."""

    groups: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int16]
    values: Values


def _rows(blocks: Sequence[Block], groups: Mapping[int, Group], names: Sequence[Group]) -> _Rows:
    """The rows of all series that belong to a group."""
    if not blocks or not groups:
        return _Rows(np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0))
    positions = {name: at for at, name in enumerate(names)}
    series = np.concatenate([block.series for block in blocks])
    known = np.full(max(int(series.max(initial=0)), max(groups)) + 1, -1)
    known[np.fromiter(groups, np.int64, len(groups))] = [positions[name] for name in groups.values()]
    found = known[series]
    chosen = found >= 0
    buckets = np.concatenate([block.buckets for block in blocks])
    return _Rows(found[chosen], buckets[chosen], np.concatenate([block.values for block in blocks])[chosen])
