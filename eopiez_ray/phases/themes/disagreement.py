"""Where neighbouring documents disagree: pairs that are close, but whose surroundings point elsewhere.

The consistency of each edge of the document sheaf (``documents``) is not kept, only its mean by document. For the few
documents where that is least, their edges are computed anew, exactly as it was done for all: from the nearest
neighbours of both ends. Vectors are read in batches three times, and only those that count are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.documents import AMBIENT, NEIGHBOURHOOD, RANK, local_bases, shared_restrictions
from eopiez_ray.phases.themes.sheaf import CellularSheaf

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Batches = Callable[[], Iterable[Floats]]
"""Gives the vectors of all documents, ``(n, d)``, in batches; again whenever it is called."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two neighbours."""

    first: int
    """The row of the document whose neighbours agree least with it."""
    second: int
    """The row of that neighbour with which it agrees least."""
    consistency: float
    """Of the edge between them, in [0, 1]."""
    similarity: float
    """Cosine of their vectors."""
    overlap: float
    """How far their surroundings span the same directions: the mean squared cosine of the principal angles, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Near:
    """The nearest documents of some."""

    rows: Rows
    """``(q, k)``, the nearest first; -1 where there are fewer."""
    similarities: Floats
    """``(q, k)``."""
    vectors: Floats
    """``(q, k, d)``."""


@dataclass(frozen=True, slots=True)
class _Around:
    """Some documents with what is around them."""

    rows: Rows
    """``(q,)``."""
    own: Floats
    """Their vectors, ``(q, d)``."""
    near: _Near

    def surroundings(self, axes: Floats) -> tuple[Floats, Floats]:
        """Orthonormal bases of what surrounds them ``(q, rank, ambient)``, and their own coordinates ``(q, rank)``."""
        q, k = self.near.rows.shape
        flat = np.concatenate([self.own, self.near.vectors.reshape(q * k, -1)]) @ axes
        neighbours = np.full((len(flat), k), -1, np.int32)
        neighbours[:q] = np.where(self.near.rows >= 0, q + np.arange(q * k).reshape(q, k), -1)
        bases, cochain = local_bases(np.ascontiguousarray(flat), neighbours, min(RANK, flat.shape[1]))
        return bases[:q], cochain[:q]


def disagreements(vectors: Batches, suspects: Rows) -> list[Disagreement]:
    """For each suspect the neighbour with which it agrees least; each pair once, those that agree least first.

    Args:
        vectors: of length 1 or 0.
        suspects: rows of documents with words, ``(q,)``.
    """
    if not len(suspects):
        return []
    axes, own = _axes_and_vectors(vectors, suspects)
    first = _Around(suspects, own, _nearest(vectors, suspects, own, NEIGHBOURHOOD))
    exists = first.near.rows >= 0
    if not exists.any():
        return []
    rows, at = np.unique(first.near.rows[exists], return_index=True)
    theirs = first.near.vectors[exists][at]
    second = _Around(rows, theirs, _nearest(vectors, rows, theirs, NEIGHBOURHOOD))
    found = {(min(each.first, each.second), max(each.first, each.second)): each
             for each in _measured(axes, first, second)}  # fmt: skip
    return sorted(found.values(), key=lambda each: (each.consistency, each.first))


def _axes_and_vectors(vectors: Batches, wanted: Rows) -> tuple[Floats, Floats]:
    """The leading principal directions of all vectors ``(d, ambient)``, and some of the vectors ``(q, d)``."""
    squares, begin = None, 0
    taken: dict[int, Floats] = {}
    for batch in vectors():
        product = batch.T @ batch
        squares = product if squares is None else squares + product
        inside = wanted[(wanted >= begin) & (wanted < begin + len(batch))]
        taken.update((int(row), batch[row - begin].copy()) for row in inside)
        begin += len(batch)
    assert squares is not None
    axes: Floats = np.linalg.eigh(squares)[1][:, ::-1][:, :AMBIENT]
    return np.ascontiguousarray(axes), np.stack([taken[int(row)] for row in wanted])


def _nearest(vectors: Batches, rows: Rows, own: Floats, k: int) -> _Near:
    """The ``k`` documents nearest to some, themselves and documents without words left out."""
    q, d = own.shape
    best = _Near(np.full((q, k), -1, np.int64), np.full((q, k), -np.inf, np.float32), np.zeros((q, k, d), np.float32))
    begin = 0
    for batch in vectors():
        scores = own @ batch.T
        scores[:, ~batch.any(axis=1)] = -np.inf
        here = np.flatnonzero((rows >= begin) & (rows < begin + len(batch)))
        scores[here, rows[here] - begin] = -np.inf
        best = _better(best, scores, batch, begin)
        begin += len(batch)
    rows_found = np.where(np.isfinite(best.similarities), best.rows, -1)
    return _Near(rows_found, np.where(rows_found >= 0, best.similarities, 0), best.vectors)


def _better(best: _Near, scores: Floats, batch: Floats, begin: int) -> _Near:
    k = best.rows.shape[1]
    most = min(k, scores.shape[1])
    places = np.argpartition(-scores, most - 1, axis=1)[:, :most]
    similarities = np.hstack([best.similarities, np.take_along_axis(scores, places, axis=1)])
    rows = np.hstack([best.rows, places + begin])
    order = np.lexsort((rows, -similarities), axis=1)[:, :k]
    both = np.concatenate([best.vectors, batch[places]], axis=1)
    return _Near(
        np.take_along_axis(rows, order, axis=1),
        np.take_along_axis(similarities, order, axis=1),
        np.take_along_axis(both, order[:, :, None], axis=1),
    )


def _measured(axes: Floats, suspects: _Around, others: _Around) -> Iterator[Disagreement]:
    """Of each suspect that has neighbours the edge that agrees least."""
    bases, cochain = suspects.surroundings(axes)
    theirs, their_cochain = others.surroundings(axes)
    near = suspects.near
    tails, places = np.nonzero(near.rows >= 0)
    heads = np.searchsorted(others.rows, near.rows[tails, places])
    rank = cochain.shape[1]
    edges = np.stack([tails, heads + len(bases)], axis=1)
    stalks = np.full(len(bases) + len(theirs), rank), edges, np.full(len(edges), rank)
    sheaf = CellularSheaf(*stalks, *shared_restrictions(bases[tails], theirs[heads]))
    consistency = sheaf.consistency(np.concatenate([cochain, their_cochain]))
    overlap = ((bases[tails] @ theirs[heads].transpose(0, 2, 1)) ** 2).sum(axis=(1, 2)) / rank
    for suspect in np.unique(tails).tolist():
        edge = np.flatnonzero(tails == suspect)
        least = edge[consistency[edge].argmin()]
        place = suspect, places[least]
        facts = consistency[least], near.similarities[place], overlap[least]
        yield Disagreement(int(suspects.rows[suspect]), int(near.rows[place]), *map(float, facts))
