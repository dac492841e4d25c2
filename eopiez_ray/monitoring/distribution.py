"""Distributions of a histogram's values by group, added up from many blocks at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from .sketch import SUM, ZERO, value_of

if TYPE_CHECKING:
    from .blocks import Block, Values

Group = TypeVar("Group")
MOST_CELLS = 10_000_000
"""Groups times buckets that are added up at once."""
ROWS_AT_ONCE = 200_000
"""Rows that are added up at once."""


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
    first, width = _range(blocks)
    together = max(1, MOST_CELLS // width)
    found: dict[Group, Distribution] = {}
    for begin in range(0, len(names), together):
        some = names[begin : begin + together]
        wanted = set(some)
        members = {series: name for series, name in groups.items() if name in wanted}
        found |= _added(blocks, members, some, first, width)
    return found


def _added(
    blocks: Sequence[Block], groups: Mapping[int, Group], names: Sequence[Group], first: int, width: int
) -> dict[Group, Distribution]:
    """Distributions of so many groups that their buckets fit into memory at once."""
    counts, totals = np.zeros(len(names) * width), np.zeros(len(names))
    for chunk in _chunks(blocks):
        rows = _rows(chunk, groups, names)
        is_sum = rows.buckets == SUM
        columns = np.where(rows.buckets == ZERO, 0, rows.buckets.astype(np.int64) - first + 1)
        keys = (rows.groups * width + columns)[~is_sum]
        counts += np.bincount(keys, rows.values[~is_sum], len(counts))
        totals += np.bincount(rows.groups[is_sum], rows.values[is_sum], len(totals))
    table = counts.reshape(len(names), width)
    return {
        names[at]: Distribution(table[at], first, float(totals[at]))
        for at in np.flatnonzero(table.any(axis=1)).tolist()
    }


def _range(blocks: Sequence[Block]) -> tuple[int, int]:
    """The lowest bucket of a plain value, and how many columns there are from there on, one for zeros included."""
    lowest, highest = SUM, ZERO
    for block in blocks:
        plain = block.buckets[(block.buckets != SUM) & (block.buckets != ZERO)]
        if len(plain):
            lowest, highest = min(lowest, int(plain.min())), max(highest, int(plain.max()))
    return (lowest, highest - lowest + 2) if lowest <= highest else (0, 1)


def _chunks(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks, so many at a time that adding them up is worth it and stays within the processor's cache."""
    chunk: list[Block] = []
    rows = 0
    for block in blocks:
        chunk.append(block)
        rows += len(block.series)
        if rows >= ROWS_AT_ONCE:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


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
