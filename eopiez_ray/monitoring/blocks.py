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

from .catalogue import Kind
from .meter import VALUE

MAXIMUM = 1
"""Where a gauge keeps its maximum."""
_HEAD = struct.Struct("<BI")
"""The form of the values, and the number of rows."""
_FORMS: tuple[np.dtype[Any], ...] = tuple(map(np.dtype, ("<u1", "<u2", "<u4", "<f4", "<f8")))
"""Forms that values may have, smallest first."""
LEVEL = 6

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

    def packed(self) -> bytes:
        """Its bytes: columns, series as differences, values in the smallest form that holds them all, compressed."""
        form = next(index for index, kind in enumerate(_FORMS) if _fits(self.values, kind))
        columns = (
            np.diff(self.series, prepend=np.int32(0)).astype("<u4"),
            np.diff(self.buckets.astype(np.int32), prepend=np.int32(0)).astype("<i4"),
            self.values.astype(_FORMS[form]),
        )
        planes = b"".join(_planes(column) for column in columns)
        return _HEAD.pack(form, len(self.values)) + zstandard.compress(planes, LEVEL)


def unpacked(packed: bytes) -> Block:
    """The block with these bytes."""
    form, count = _HEAD.unpack_from(packed)
    planes = zstandard.decompress(memoryview(packed)[_HEAD.size :])
    kind = _FORMS[form]
    ends = np.cumsum([0, 4 * count, 4 * count, kind.itemsize * count])
    series, buckets, values = (
        _from_planes(planes[start:end], each, count)
        for start, end, each in zip(ends, ends[1:], (np.dtype("<u4"), np.dtype("<i4"), kind), strict=False)
    )
    return Block(
        np.cumsum(series.astype(np.int64)).astype(np.int32),
        np.cumsum(buckets.astype(np.int64)).astype(np.int16),
        values.astype(np.float64),
    )


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


def _fits(values: Values, kind: np.dtype[Any]) -> bool:
    """Whether all values survive in that form as they are."""
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return kind.itemsize == 8 or bool(np.array_equal(values.astype(kind), values))
    limit = np.iinfo(kind).max
    return not len(values) or bool(values.min() >= 0 and values.max() <= limit and np.all(values % 1 == 0))


def _planes(column: npt.NDArray[Any]) -> bytes:
    """The column's first bytes, then its second ones, and so on: equal ones lie together."""
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()


def _from_planes(planes: bytes, kind: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    return np.frombuffer(planes, np.uint8).reshape(kind.itemsize, count).T.copy().view(kind).reshape(count)
