"""Mergers of the pieces of a collection, from many to one, by what vectors and graph say together.

Two measures tell how far two groups A and B are apart:

- the *cost* of joining them, by which the squared distances to the centre grow (Ward 1963),
  |A||B| / (|A| + |B|) · |centre of A - centre of B|²;
- the *density* of the graph between them, the weight of the edges over what it would be if all edges with these
  degrees were drawn at random: w(A, B) w(V) / (w(A) w(B)). It is the resolution of modularity at which joining the two
  changes nothing (Reichardt and Bornholdt 2006), and 1 over it the distance of Bonald, Charpentier, Galland and
  Hollocou, "Hierarchical graph clustering using node pair sampling" (2018), section 3.

Ward's method likes groups of one size and cuts a large one before it parts small ones; density alone does not see how
different two groups are that few edges join. Pairs are joined in the order of cost^share · density^(share - 1), a
weighted geometric mean of both distances, which follows sections of unequal sizes better than either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

WARD_SHARE = 0.7
"""Exponent of the cost; that of the density is the rest."""
LEAST_DENSITY = 1e-3
"""Added to densities: no edges at all are not infinitely far."""
LEAST_COST = 1e-12
FEWEST = 2
"""Groups that a collection is divided into, if it is."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """``c - 1`` mergers of ``c`` pieces."""

    pairs: Labels
    """``(c - 1, 2)``: the groups that are joined, each by its lowest piece, the lower one first."""
    costs: Reals
    """``(c - 1,)``: growth of the squared distances to the centre."""

    @property
    def n_pieces(self) -> int:
        return len(self.pairs) + 1

    def division(self, k: int) -> Labels:
        """The group of each piece, numbered without gaps, ``(c,)``, when ``k`` groups are left."""
        group = np.arange(self.n_pieces)
        for kept, gone in self.pairs[: self.n_pieces - k].tolist():
            group[group == gone] = kept
        numbered: Labels = np.unique(group, return_inverse=True)[1].astype(np.int64)
        return numbered


def membership(labels: Labels) -> sparse.csr_matrix:
    """Which vertex is in which community, ``(n, c)``."""
    n = len(labels)
    return sparse.csr_matrix(
        (np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, int(labels.max(initial=-1)) + 1)
    )


def merge_pieces(graph: sparse.csr_matrix, vectors: Floats, pieces: Labels, share: float = WARD_SHARE) -> Hierarchy:
    """The hierarchy of pieces that are numbered without gaps, ``(n,)``.

    Args:
        graph: symmetric weights, ``(n, n)``.
        vectors: ``(n, d)``.
        share: of the cost in the distance, 0 to 1; at 1 it is Ward's method.
    """
    return _Groups.of(graph, vectors, pieces, share).joined()


def merge_groups(sizes: Reals, centres: Reals) -> Hierarchy:
    """The hierarchy of groups of which only sizes ``(c,)`` and centres ``(c, d)`` are known, by Ward's method."""
    links = np.zeros((len(sizes), len(sizes)))
    groups = _Groups(sizes.copy(), centres.copy(), links, links.sum(axis=1), 1.0, np.full_like(links, np.inf))
    return groups.measured().joined()


@dataclass(slots=True)
class _Groups:
    """The groups that are left; a row of one that was joined to another stays, far from all."""

    sizes: Reals
    centres: Reals
    links: Reals
    """Weight between each two, inside (counted from both ends) on the diagonal."""
    weights: Reals
    """Of all edges of each."""
    share: float
    distances: Reals
    """Logarithms, infinite on the diagonal."""

    @classmethod
    def of(cls, graph: sparse.csr_matrix, vectors: Floats, pieces: Labels, share: float) -> _Groups:
        member = membership(pieces).astype(np.float64)
        sizes = np.bincount(pieces).astype(np.float64)
        centres = np.asarray(member.T @ vectors, dtype=np.float64) / sizes[:, None]
        links = np.asarray((member.T @ graph @ member).todense(), dtype=np.float64)
        return cls(sizes, centres, links, links.sum(axis=1), share, np.full_like(links, np.inf)).measured()

    def measured(self) -> Self:
        """The same, with all distances."""
        for row in range(len(self.sizes)):
            self._measure(row)
        return self

    def joined(self) -> Hierarchy:
        """Join them all."""
        mergers = [self.join_nearest() for _ in range(len(self.sizes) - 1)]
        pairs = np.array([pair for pair, _ in mergers], np.int64).reshape(-1, 2)
        return Hierarchy(pairs, np.array([cost for _, cost in mergers]))

    def join_nearest(self) -> tuple[tuple[int, int], float]:
        """Join the nearest two; their rows and cost."""
        first, second = np.unravel_index(self.distances.argmin(), self.distances.shape)
        kept, gone = int(min(first, second)), int(max(first, second))
        cost = float(self._costs(kept)[gone])
        whole = self.sizes[kept] + self.sizes[gone]
        self.centres[kept] = (self.sizes[kept] * self.centres[kept] + self.sizes[gone] * self.centres[gone]) / whole
        self.sizes[kept], self.sizes[gone] = whole, 0
        self.links[kept] += self.links[gone]
        self.links[:, kept] += self.links[:, gone]
        self.links[gone] = self.links[:, gone] = 0
        self.weights[kept] += self.weights[gone]
        self.weights[gone] = 0
        self._measure(gone)
        self._measure(kept)
        return (kept, gone), cost

    def _measure(self, row: int) -> None:
        """Write its distances from all others."""
        costs, densities = np.maximum(self._costs(row), LEAST_COST), self._densities(row) + LEAST_DENSITY
        apart = self.share * np.log(costs) - (1 - self.share) * np.log(densities)
        apart[self.sizes == 0] = np.inf
        apart[row] = np.inf
        self.distances[row] = self.distances[:, row] = apart if self.sizes[row] else np.inf

    def _costs(self, row: int) -> Reals:
        apart = ((self.centres - self.centres[row]) ** 2).sum(axis=1)
        costs: Reals = apart * self.sizes * self.sizes[row] / np.maximum(self.sizes + self.sizes[row], 1)
        return costs

    def _densities(self, row: int) -> Reals:
        expected = self.weights * self.weights[row] / max(float(self.weights.sum()), LEAST_COST)
        densities: Reals = self.links[row] / np.maximum(expected, LEAST_COST)
        return densities
