"""The graph of nearest neighbours of all documents, by blocks of matrix products.

Up to ``EXACT_LIMIT`` vectors every pair is compared. Above, vectors are grouped by spherical k-means and each group
is compared with the groups nearest to it (an inverted file, Sivic and Zisserman 2003). Measured on 2 cores, 27,000
vectors of 256 dimensions: see ``benchmarks/vectors.py --neighbours``. Both are deterministic for the same input,
wherever the parts are computed: ``Comparison`` says what is compared with what, and each part of it can be worked off
by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.vectors.static import unit_rows

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]

EXACT_LIMIT = 12_000
GROUP_SIZE = 400
"""Vectors in a group, on average."""
LARGEST_GROUP = 3 * GROUP_SIZE
PROBES = 20
"""Groups that each group is compared with, itself included."""
PARTS = 16
"""Parts that the work is done in."""
ROWS = 1024
"""Rows that are at least compared together with all others, where every pair is compared."""
BLOCK = 1 << 22
"""Similarities that are held at a time (16 MB)."""
_STRIPES = 16


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The ``k`` most similar other rows of each row, best first."""

    indices: Indices
    """``(n, k)``; -1 where there are fewer."""
    similarities: Floats
    """Cosines, ``(n, k)``; 0 where there are fewer."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of ``n`` vectors are compared with which: the members of a group with those of the groups near to it."""

    k: int
    """Neighbours of each."""
    order: Positions
    """``(n,)``: rows by group, sorted within each."""
    starts: Positions
    """``(g + 1,)``: where each group begins in ``order``."""
    near: Positions
    """``(g, p)``: groups with whose members each group's members are compared, itself among them or added."""

    @classmethod
    def of(cls, vectors: Floats, k: int, exact_limit: int = EXACT_LIMIT) -> Self:
        """What finds ``k`` neighbours of each of ``n`` rows of length 1, ``(n, d)``, or ``n - 1`` where that is less.

        Raises:
            ParameterError: ``k`` is below 1.
        """
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        n = len(vectors)
        k = min(k, max(n - 1, 0))
        if n <= exact_limit:
            starts = np.append(np.arange(0, n, max(ROWS, -(-n // PARTS))), n)
            everything = np.tile(np.arange(len(starts) - 1), (len(starts) - 1, 1))
            return cls(k, np.arange(n), starts, everything)
        order, starts = _by_group(_group(vectors))
        means = unit_rows(np.add.reduceat(vectors[order], starts[:-1], axis=0))
        return cls(k, order, starts, top_k(means @ means.T, max(PROBES, -(-8 * k // GROUP_SIZE)))[0])

    def part(self, vectors: Floats, number: int, of: int = PARTS) -> Part:
        """The neighbours of a part of the rows."""
        first, end = (int(np.searchsorted(self.starts, len(self.order) * cut / of)) for cut in (number, number + 1))
        groups = range(first, min(end, len(self.starts) - 1))
        found = [_compared(vectors, self._members([group]), self._candidates(group), self.k) for group in groups]
        rows = self._members(groups)
        return Part(
            rows,
            np.concatenate([np.empty((0, self.k), np.int32), *(each.indices for each in found)]),
            np.concatenate([np.empty((0, self.k), np.float32), *(each.similarities for each in found)]),
        )

    def joined(self, parts: Iterable[Part]) -> Neighbours:
        """The neighbours of all rows, from all parts."""
        n = len(self.order)
        found = Neighbours(np.full((n, self.k), -1, np.int32), np.zeros((n, self.k), np.float32))
        for part in parts:
            found.indices[part.rows] = part.indices
            found.similarities[part.rows] = part.similarities
        return found

    def _members(self, groups: Iterable[int]) -> Positions:
        parts = [self.order[self.starts[group] : self.starts[group + 1]] for group in groups]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _candidates(self, group: int) -> Positions:
        return np.sort(self._members({group, *self.near[group].tolist()}))


@dataclass(frozen=True, slots=True)
class Part:
    """The neighbours of ``r`` of the rows."""

    rows: Positions
    """``(r,)``."""
    indices: Indices
    """``(r, k)``, as in ``Neighbours``."""
    similarities: Floats
    """``(r, k)``."""


def nearest_neighbours(vectors: Floats, k: int, *, exact_limit: int = EXACT_LIMIT) -> Neighbours:
    """The neighbours of each of ``n`` rows of length 1, ``(n, d)``; ``k`` becomes ``n - 1`` where that is less.

    Raises:
        ParameterError: ``k`` is below 1.
    """
    comparison = Comparison.of(vectors, k, exact_limit)
    return comparison.joined(comparison.part(vectors, number) for number in range(PARTS))


def _compared(vectors: Floats, rows: Positions, candidates: Positions, k: int) -> Neighbours:
    """The best ``k`` of ``candidates`` (sorted, each row among them) for each of ``rows``."""
    found = Neighbours(np.full((len(rows), k), -1, np.int32), np.zeros((len(rows), k), np.float32))
    columns = np.ascontiguousarray(vectors[candidates].T)
    size = max(1, BLOCK // max(1, len(candidates)))
    for start in range(0, len(rows) if k else 0, size):
        block = rows[start : start + size]
        scores = vectors[block] @ columns
        scores[np.arange(len(block)), np.searchsorted(candidates, block)] = -np.inf
        best, similarities = top_k(scores, k)
        exists = similarities > -np.inf
        found.indices[start : start + size] = np.where(exists, candidates[best], -1)
        found.similarities[start : start + size] = np.where(exists, np.clip(similarities, -1, 1), 0)
    return found


def top_k(scores: Floats, k: int) -> tuple[Positions, Floats]:
    """Columns and values of the ``k`` largest entries of each row, largest first, ``(n, k)`` each.

    Wide rows are cut into stripes: the ``k``-th largest of the columns' maxima over stripes is a lower bound of the
    ``k``-th largest entry, and few entries reach it, so that one pass replaces most of a partial sort.
    """
    n, width = scores.shape
    k = min(k, width)
    length = width // _STRIPES
    if length < 4 * k:
        return _partial_sort(scores, k)
    maxima = scores[:, : length * _STRIPES].reshape(n, _STRIPES, length).max(axis=1)
    bound = np.partition(maxima, length - k, axis=1)[:, length - k]
    flat = np.flatnonzero(scores >= bound[:, None])
    if len(flat) > 8 * k * n:
        flat = np.flatnonzero(_without_spare_ties(scores, bound[:, None], k))
    if len(flat) > 8 * k * n:
        return _partial_sort(scores, k)
    rows, values = flat // width, scores.ravel()[flat]
    order = np.lexsort((-values, rows))
    firsts = np.searchsorted(rows, np.arange(n))
    picked = order[firsts[:, None] + np.arange(k)]
    return flat[picked] % width, values[picked]


def _without_spare_ties(scores: Floats, bound: Floats, k: int) -> npt.NDArray[np.bool_]:
    """Entries above a lower bound of the ``k``-th largest, and the first that equal it as far as they are needed."""
    above = scores > bound
    ties = scores == bound
    wanted = k - above.sum(axis=1, keepdims=True)
    wanted_ties: npt.NDArray[np.bool_] = ties & (np.cumsum(ties, axis=1, dtype=np.int32) <= wanted)
    return above | wanted_ties


def _partial_sort(scores: Floats, k: int) -> tuple[Positions, Floats]:
    columns = np.argpartition(-scores, k - 1, axis=1)[:, :k] if k < scores.shape[1] else None
    if columns is None:
        columns = np.broadcast_to(np.arange(k), (len(scores), k))
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def _group(vectors: Floats, rounds: int = 5, seed: int = 0) -> Positions:
    """The group of each vector by spherical k-means on a sample; only groups with members are numbered."""
    n_groups = max(1, len(vectors) // GROUP_SIZE)
    random = np.random.default_rng(seed)
    sample = vectors[np.sort(random.choice(len(vectors), min(len(vectors), 40 * n_groups), replace=False))]
    centres = sample[random.choice(len(sample), n_groups, replace=False)]
    for _ in range(rounds):
        nearest = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        order = np.argsort(nearest, kind="stable")
        present, firsts = np.unique(nearest[order], return_index=True)
        sums[present] = np.add.reduceat(sample[order], firsts, axis=0)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 1e-6, sums / np.maximum(norms, 1e-6), centres).astype(np.float32)
    return _split_large(_nearest(vectors, centres))


def _by_group(groups: Positions) -> tuple[Positions, Positions]:
    """Rows by group, and where each group begins among them, and their end."""
    return np.argsort(groups, kind="stable"), np.append(0, np.cumsum(np.bincount(groups)))


def _split_large(groups: Positions) -> Positions:
    """The same groups, numbered without gaps, those of copies of one document cut so that none is too large."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    cut = groups * (len(groups) // LARGEST_GROUP + 1) + rank // LARGEST_GROUP
    numbered: Positions = np.unique(cut, return_inverse=True)[1].astype(np.int64)
    return numbered


def _nearest(vectors: Floats, centres: Floats) -> Positions:
    size = max(1, BLOCK // len(centres))
    blocks = [(vectors[i : i + size] @ centres.T).argmax(axis=1) for i in range(0, len(vectors), size)]
    return np.concatenate(blocks)
