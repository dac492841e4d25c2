"""Values of many series, in columns: how samples are added up, and how they are packed for the store.

A block has a row for each series and bucket that has a value: of a histogram its counts and their sum, as
``sketch.py`` says, of a counter what was added, in bucket ``VALUE``, of a gauge its mean there and its maximum in
bucket ``MAXIMUM``, if that is another.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from ..model.sketch import SUM
from .catalogue import Kind
from .meter import VALUE

MAXIMUM = 1
"""Where a gauge keeps its maximum."""
_FORMS: tuple[np.dtype[Any], ...] = tuple(map(np.dtype, ("<u1", "<u2", "<u4", "<i4", "<f4", "<f8")))
"""Forms that the numbers of a column may have, smallest first."""
_COLUMN = struct.Struct("<BI")
"""Before a column: its form, and how many numbers it has."""
LEVEL = 9
"""Of zstd."""

Ids = npt.NDArray[np.int32]
Buckets = npt.NDArray[np.int16]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Values of a metric's series in a period, in the order of series and buckets."""

    series: Ids
    buckets: Buckets
    values: Values

    @classmethod
    def of(cls, rows: Mapping[tuple[int, int], float]) -> Block:
        """A block from values by series and bucket."""
        keys = sorted(rows)
        series, buckets = [key[0] for key in keys], [key[1] for key in keys]
        return cls(
            np.array(series, np.int32), np.array(buckets, np.int16), np.array([rows[key] for key in keys], np.float64)
        )

    def rows(self) -> dict[tuple[int, int], float]:
        """Its values by series and bucket."""
        keys = zip(self.series.tolist(), self.buckets.tolist(), strict=True)
        return dict(zip(keys, self.values.tolist(), strict=True))

    def of_series(self, wanted: Ids) -> Block:
        """What is in it of some series."""
        chosen = np.isin(self.series, wanted)
        return Block(self.series[chosen], self.buckets[chosen], self.values[chosen])

    def packed(self, *, is_exact: bool = False) -> bytes:
        """Its bytes: columns, each in the smallest form that holds it, compressed together.

        A series has its id, as the difference from the one before, how many buckets it has, the first of them, and
        whether it has a sum; the other buckets are differences. Sums, and values that are no whole numbers, keep seven
        digits, unless it is to be exact.
        """
        has_sum = self.buckets == SUM
        series, buckets = self.series[~has_sum], self.buckets[~has_sum].astype(np.int64)
        ids = np.unique(self.series)
        counts = np.diff(np.searchsorted(series, ids), append=len(series))
        is_first = np.diff(series, prepend=np.int32(-1)) != 0
        steps = np.diff(buckets, prepend=0)
        columns = (
            np.diff(ids, prepend=0), counts, np.isin(ids, self.series[has_sum]), buckets[is_first], steps[~is_first],
            self.values[~has_sum], self.values[has_sum],
        )  # fmt: skip
        return zstandard.compress(b"".join(_column(column, is_exact=is_exact) for column in columns), LEVEL)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """A block as its bytes say it, by series: for whoever adds up so many that rows are better not spelled out."""

    series: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    """Where the rows of each series begin, without its sum; with the end of the last one."""
    walked: npt.NDArray[np.int32]
    """The bucket of each row, less the shift of its series."""
    shifts: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    """In the form in which they are kept."""
    has_sum: npt.NDArray[np.bool_]
    """Whether a series has a sum, which the next of ``sums`` is."""
    sums: Values

    @classmethod
    def of(cls, packed: bytes) -> Runs:
        """Those in the bytes of a block."""
        ids, counts, summed, firsts, steps, values, sums = _columns(zstandard.decompress(packed))
        counts = counts.astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)])
        begins = starts[:-1][counts > 0]
        is_step = np.ones(len(values), bool)
        is_step[begins] = False
        walked = np.zeros(len(values), np.int32)
        walked[is_step] = steps
        np.cumsum(walked, out=walked)
        shifts = np.zeros(len(ids), np.int64)
        shifts[counts > 0] = firsts - walked[begins]
        return cls(np.cumsum(ids, dtype=np.int64), starts, walked, shifts, values, summed > 0, sums)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows each series has, without its sum."""
        return np.diff(self.starts)

    def buckets(self, shifts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The bucket of each row, with so much added to those of each series."""
        found: npt.NDArray[np.int32] = np.repeat((self.shifts + shifts).astype(np.int32), self.counts)
        found += self.walked
        return found

    def at(self, series: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The buckets of some rows, which are of these series, both by position."""
        found: npt.NDArray[np.int64] = self.walked[rows] + self.shifts[series]
        return found

    def block(self) -> Block:
        """Row by row, with the sum of a series after its buckets."""
        counts = self.counts
        lengths = counts + self.has_sum
        is_sum = np.zeros(int(lengths.sum()), bool)
        is_sum[np.cumsum(lengths)[self.has_sum] - 1] = True
        buckets, values = np.full(len(is_sum), SUM, np.int16), np.empty(len(is_sum))
        buckets[~is_sum] = self.buckets(np.zeros_like(self.shifts))
        values[~is_sum], values[is_sum] = self.values, self.sums
        return Block(np.repeat(self.series, lengths).astype(np.int32), buckets, values)


def unpacked(packed: bytes) -> Block:
    """The block with these bytes."""
    return Runs.of(packed).block()


def added(blocks: Sequence[Block]) -> Block:
    """Blocks of counters or histograms, added up."""
    joined, starts = _grouped(blocks)
    values = np.add.reduceat(joined.values, starts) if len(starts) else joined.values
    return Block(joined.series[starts], joined.buckets[starts], values)


def averaged(blocks: Sequence[Block]) -> Block:
    """Blocks of gauges: the mean of each series, and its maximum where that is another."""
    joined, _ = _grouped([_of_bucket(block, VALUE) for block in blocks])
    every, _ = _grouped(blocks)
    if not len(joined.series):
        return joined
    series, starts, counts = np.unique(joined.series, return_index=True, return_counts=True)
    means = np.add.reduceat(joined.values, starts) / counts
    _, all_starts = np.unique(every.series, return_index=True)
    maxima = np.maximum.reduceat(every.values, all_starts)
    differs = maxima > means
    ids = np.concatenate([series, series[differs]])
    buckets = np.concatenate([np.full(len(series), VALUE), np.full(int(differs.sum()), MAXIMUM)])
    order = np.lexsort((buckets, ids))
    values = np.concatenate([means, maxima[differs]])[order]
    return Block(ids[order].astype(np.int32), buckets[order].astype(np.int16), _rounded(values))


def merged(blocks: Sequence[Block], kind: Kind) -> Block:
    """Blocks of one metric from several periods as one of them all."""
    return averaged(blocks) if kind is Kind.GAUGE else added(blocks)


def gauges(rows: Mapping[tuple[int, int], float]) -> Block:
    """A block of gauges, to seven digits."""
    block = Block.of(rows)
    return Block(block.series, block.buckets, _rounded(block.values))


def _rounded(values: Values) -> Values:
    return values.astype(np.float32).astype(np.float64)


def _of_bucket(block: Block, bucket: int) -> Block:
    chosen = block.buckets == bucket
    return Block(block.series[chosen], block.buckets[chosen], block.values[chosen])


def _grouped(blocks: Iterable[Block]) -> tuple[Block, npt.NDArray[np.intp]]:
    """All rows in the order of series and buckets, and where each of these begins."""
    given = list(blocks)
    if not given:
        empty = Block(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.float64))
        return empty, np.empty(0, np.intp)
    series = np.concatenate([block.series for block in given])
    buckets = np.concatenate([block.buckets for block in given])
    keys = series.astype(np.int64) << 16 | (buckets.astype(np.int64) + 2**15)
    order = np.argsort(keys, kind="stable")
    values = np.concatenate([block.values for block in given])[order]
    _, starts = np.unique(keys[order], return_index=True)
    return Block(series[order], buckets[order], values), starts


def _column(values: npt.NDArray[Any], *, is_exact: bool) -> bytes:
    """A column's bytes: its form, its length, and its numbers, first bytes first: equal ones lie together."""
    form = next(index for index, kind in enumerate(_FORMS) if _fits(values, kind, is_exact=is_exact))
    column = values.astype(_FORMS[form])
    planes = column.view(np.uint8).reshape(len(column), column.itemsize).T
    return _COLUMN.pack(form, len(column)) + planes.tobytes()


def _columns(content: bytes) -> list[npt.NDArray[Any]]:
    """The columns in these bytes, each in its form."""
    found, at = [], 0
    while at < len(content):
        form, count = _COLUMN.unpack_from(content, at)
        kind, begin = _FORMS[form], at + _COLUMN.size
        at = begin + count * kind.itemsize
        planes = np.frombuffer(content, np.uint8, count * kind.itemsize, begin).reshape(kind.itemsize, count)
        found.append(planes.T.copy().view(kind).reshape(count))
    return found


def _fits(values: npt.NDArray[Any], kind: np.dtype[Any], *, is_exact: bool) -> bool:
    """Whether a form keeps the values as they are; or nearly so, if they are no whole numbers anyway."""
    if kind.itemsize == 8:
        return True
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            kept = values.astype(kind)
        is_whole = bool(np.all(np.trunc(values) == values))
        return np.array_equal(kept, values) or (not (is_exact or is_whole) and bool(np.all(np.isfinite(kept))))
    limits = np.iinfo(kind)
    return not len(values) or bool(
        values.min() >= limits.min and values.max() <= limits.max and np.all(np.trunc(values) == values)
    )
