"""Distributions of a histogram's values by group, added up from many blocks at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..model.sketch import SUM, ZERO, value_of

if TYPE_CHECKING:
    from .blocks import Block, Runs, Values

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


def distributions(blocks: Sequence[Runs], groups: Mapping[int, Group]) -> dict[Group, Distribution]:
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
        found |= _added(blocks, _places(groups, some), some, first, width)
    return found


def _added(
    blocks: Sequence[Runs], places: npt.NDArray[np.int64], names: Sequence[Group], first: int, width: int
) -> dict[Group, Distribution]:
    """Distributions of so many groups that their buckets fit into memory at once; one more takes what is left out."""
    counts, totals = np.zeros((len(names) + 1) * width), np.zeros(len(names) + 1)
    for chunk in _chunks(blocks):
        cells = [_cells(block, _placed(block.series, places), first, width) for block in chunk]
        counts += np.bincount(np.concatenate(cells), np.concatenate([each.values for each in chunk]), len(counts))
    for block in blocks:
        totals += np.bincount(_placed(block.series[block.has_sum], places), block.sums, len(totals))
    table = counts.reshape(-1, width)[: len(names)]
    return {
        names[at]: Distribution(table[at], first, float(totals[at]))
        for at in np.flatnonzero(table.any(axis=1)).tolist()
    }


def _cells(block: Runs, placed: npt.NDArray[np.int64], first: int, width: int) -> npt.NDArray[np.int32]:
    """Where in the table the rows of a block are counted: a line for each group, in it a column for zeros, then one for
    each bucket."""
    cells = block.buckets(placed * width + 1 - first)
    has_rows = np.flatnonzero(block.counts)
    begins = block.starts[has_rows]
    is_zero = block.at(has_rows, begins) == ZERO
    cells[begins[is_zero]] = placed[has_rows[is_zero]] * width
    return cells


def _places(groups: Mapping[int, Group], names: Sequence[Group]) -> npt.NDArray[np.int64]:
    """The position of each series' group among the names, by the series' id; of those left out, one more."""
    positions = {name: at for at, name in enumerate(names)}
    places = np.full(max(groups, default=0) + 2, len(names))
    places[np.fromiter(groups, np.int64, len(groups))] = [positions.get(name, len(names)) for name in groups.values()]
    return places


def _placed(series: npt.NDArray[Any], places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The positions of the groups of these series; the last of ``places`` stands for all series beyond."""
    found: npt.NDArray[np.int64] = places[np.minimum(series, len(places) - 1)]
    return found


def _range(blocks: Sequence[Runs]) -> tuple[int, int]:
    """The lowest bucket of a plain value, and how many columns there are from there on, one for zeros included."""
    lowest, highest = SUM, ZERO
    for block in blocks:
        has_rows = np.flatnonzero(block.counts)
        begins, ends = block.starts[has_rows], block.starts[has_rows + 1]
        begins = begins + (block.at(has_rows, begins) == ZERO)
        is_plain = begins < ends
        if is_plain.any():
            lowest = min(lowest, int(block.at(has_rows[is_plain], begins[is_plain]).min()))
            highest = max(highest, int(block.at(has_rows[is_plain], ends[is_plain] - 1).max()))
    return (lowest, highest - lowest + 2) if lowest <= highest else (0, 1)


def _chunks(blocks: Sequence[Runs]) -> Iterator[list[Runs]]:
    """Blocks, so many at a time that adding them up is worth it and stays within the processor's cache."""
    chunk: list[Runs] = []
    rows = 0
    for block in blocks:
        chunk.append(block)
        rows += len(block.values)
        if rows >= ROWS_AT_ONCE:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def sums(blocks: Sequence[Block], groups: Mapping[int, Group], bucket: int) -> dict[Group, float]:
    """The sum of what series of each group have in a bucket; groups of which nothing was measured are left out."""
    names = list(dict.fromkeys(groups.values()))
    places = _places(groups, names)
    totals, is_there = np.zeros(len(names) + 1), np.zeros(len(names) + 1, bool)
    for block in blocks:
        chosen = block.buckets == bucket
        placed = _placed(block.series[chosen], places)
        totals += np.bincount(placed, block.values[chosen], len(totals))
        is_there[placed] = True
    return {names[at]: float(totals[at]) for at in np.flatnonzero(is_there[:-1]).tolist()}
