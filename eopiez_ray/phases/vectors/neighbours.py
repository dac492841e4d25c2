"""The graph of nearest neighbours of all documents, by blocks of matrix products.

Up to ``EXACT_LIMIT`` vectors every pair is compared. Above, vectors are grouped by spherical k-means and each group
is compared with the groups nearest to it (an inverted file, Sivic and Zisserman 2003). Measured on 2 cores, 27,000
vectors of 256 dimensions: see ``benchmarks/vectors.py --neighbours``. Both are deterministic for the same input.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def nearest_neighbours(vectors: Floats, k: int, *, exact_limit: int = EXACT_LIMIT) -> Neighbours:
    """The neighbours of each of ``n`` rows of length 1, ``(n, d)``; ``k`` becomes ``n - 1`` where that is less."""
    if k < 1:
        raise ParameterError(f"k must be at least 1, not {k}")
    n = len(vectors)
    k = min(k, max(n - 1, 0))
    found = Neighbours(np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32))
    if k == 0:
        return found
    if n <= exact_limit:
        _compare(vectors, np.arange(n), np.arange(n), found)
        return found
    groups = _group(vectors)
    for members, candidates in _probes(vectors, groups, max(PROBES, -(-8 * k // GROUP_SIZE))):
        _compare(vectors, members, candidates, found)
    return found


def _compare(vectors: Floats, rows: Positions, candidates: Positions, found: Neighbours) -> None:
    """Write the best ``k`` of ``candidates`` (sorted, each row among them) for each of ``rows`` into ``found``."""
    columns = np.ascontiguousarray(vectors[candidates].T)
    size = max(1, BLOCK // len(candidates))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        scores = vectors[block] @ columns
        scores[np.arange(len(block)), np.searchsorted(candidates, block)] = -np.inf
        best, similarities = top_k(scores, found.indices.shape[1])
        exists = similarities > -np.inf
        found.indices[block] = np.where(exists, candidates[best], -1)
        found.similarities[block] = np.where(exists, np.clip(similarities, -1, 1), 0)


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


def _probes(vectors: Floats, groups: Positions, probes: int) -> list[tuple[Positions, Positions]]:
    """For each group its members and the sorted members of the groups whose means are nearest to its own."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    members = np.split(order, np.cumsum(sizes)[:-1])
    means = unit_rows(np.add.reduceat(vectors[order], np.cumsum(sizes) - sizes, axis=0))
    near = top_k(means @ means.T, probes)[0]
    return [
        (own, np.sort(np.concatenate([members[g] for g in {group, *near[group].tolist()}])))
        for group, own in enumerate(members)
    ]
