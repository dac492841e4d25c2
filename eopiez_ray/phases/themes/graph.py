"""The graph of neighbouring documents, its edges weighted by how similar and how consistent their ends are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.themes.communities import Labels
from eopiez_ray.phases.themes.documents import document_sheaf, undirected_edges
from eopiez_ray.phases.themes.subject import Subject
from eopiez_ray.phases.themes.transport import bundle_sections_dimension
from eopiez_ray.phases.vectors.neighbours import Part

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

LEAST_WEIGHT = 1e-3
"""Weight of an edge whose ends are not similar at all."""


@dataclass(frozen=True, slots=True)
class DocumentGraph:
    """``e`` edges between ``m`` documents, and what their sheaf says of them."""

    ends: Indices
    """``(e, 2)``, the lower one first."""
    similarities: Floats
    consistency: Floats
    """``(e,)`` in [0, 1]."""
    sections_dimension: int
    euler_characteristic: int
    weights: sparse.csr_matrix
    """``(m, m)``, symmetric: similarity times consistency."""

    @classmethod
    def of(cls, subject: Subject, parts: Iterable[Part]) -> Self:
        """The graph of the neighbours that were found, all parts of them."""
        near = subject.comparison.joined(parts)
        ends, similarities = undirected_edges(near)
        sheaf, cochain = document_sheaf(subject.vectors, near)
        consistency = sheaf.consistency(cochain)
        weights = weighted_graph(len(subject.vectors), ends, similarities * consistency)
        dimension = bundle_sections_dimension(sheaf)
        return cls(ends, similarities, consistency, dimension, sheaf.euler_characteristic, weights)

    @property
    def mean_consistency(self) -> float:
        """Over all edges; 1 without edges."""
        return float(self.consistency.mean()) if len(self.ends) else 1.0

    def among(self, members: Labels) -> sparse.csr_matrix:
        """The weights of the edges between some of the documents."""
        if len(members) == self.weights.shape[0]:
            return self.weights
        return sparse.csr_matrix(self.weights[members][:, members])

    def by_document(self, values: Floats) -> Floats:
        """The mean of the values over each document's edges, ``(m,)``; 1 without edges."""
        return _means(self.ends.T.ravel(), np.tile(values, 2), self.weights.shape[0])

    def consistency_within(self, labels: Labels, n_themes: int) -> Floats:
        """The mean consistency of the edges inside each theme, ``(n_themes,)``; 1 without edges."""
        tails, heads = labels[self.ends[:, 0]], labels[self.ends[:, 1]]
        inside = tails == heads
        return _means(tails[inside], self.consistency[inside], n_themes)


def weighted_graph(n: int, edges: Indices, weights: Floats) -> sparse.csr_matrix:
    """The symmetric matrix of an undirected graph; weights are at least ``LEAST_WEIGHT``."""
    both = np.concatenate([edges, edges[:, ::-1]])
    data = np.tile(np.maximum(weights, LEAST_WEIGHT).astype(np.float64), 2)
    graph = sparse.csr_matrix((data, (both[:, 0], both[:, 1])), shape=(n, n))
    graph.sort_indices()
    return graph


def _means(keys: npt.NDArray[np.integer], values: Floats, size: int) -> Floats:
    """The mean of the values of each key; 1 where there are none."""
    sums, counts = np.bincount(keys, values, minlength=size), np.bincount(keys, minlength=size)
    return np.divide(sums, counts, out=np.ones(size), where=counts > 0).astype(np.float32)
