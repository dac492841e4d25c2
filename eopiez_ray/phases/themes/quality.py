"""How good the divisions of a hierarchy are, by the graph and by the vectors.

- *Coverage* is the share of the edges' weight that lies within groups (Fortunato 2010, section 3.2).
- *Diversity* is the probability that two ends of edges drawn at random lie in different groups (Simpson 1949). What is
  left to 1 is the coverage to be expected by chance; coverage less that is modularity (Newman and Girvan 2004).
- The *margin* is how much nearer documents are to the centre of their own group than to that of the next one, as the
  difference of both cosines: a simplified silhouette (Hruschka, Campello and de Castro 2006). A document does not count
  for its own centre, or groups would seem the better, the smaller they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.themes.hierarchy import FEWEST, Hierarchy, membership

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SAMPLE = 5_000
"""Documents at most whose margins are measured."""
LEAST_LENGTH = 1e-6
"""Of a sum of vectors; below it, there is no centre."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the divisions into ``FEWEST`` groups, one more, …, each ``(m,)``."""

    coverage: Reals
    """In [0, 1]."""
    diversity: Reals
    """In [0, 1]; it grows with every group that is cut in two."""
    margins: Reals
    """Means over documents, in [-2, 2]."""

    @classmethod
    def of(cls, graph: sparse.csr_matrix, vectors: Floats, pieces: Labels, hierarchy: Hierarchy, most: int) -> Self:
        """That of the divisions into up to ``most`` groups, or as many as there are pieces.

        Args:
            graph: symmetric weights, ``(n, n)``, without loops.
            vectors: of length 1, ``(n, d)``.
            pieces: of each document, ``(n,)``.
            hierarchy: of the pieces, at least ``FEWEST``.
            most: groups at most.
        """
        groups, found = _Groups.of(graph, vectors, pieces), []
        for k, (kept, gone) in zip(range(hierarchy.n_pieces, FEWEST - 1, -1), hierarchy.pairs.tolist(), strict=True):
            if k <= most:
                found.append((groups.coverage(), groups.diversity(), groups.margin()))
            groups.join(kept, gone)
        return cls(*np.array(found[::-1]).T)

    @property
    def most(self) -> int:
        """Groups of the finest division."""
        return len(self.margins) + FEWEST - 1


@dataclass(slots=True)
class _Groups:
    """Groups of documents while they are joined; of one that is gone, columns stay without meaning."""

    links: Reals
    """Shares of the edges' weight between each two, inside (counted from both ends) on the diagonal, ``(c, c)``."""
    products: Reals
    """Of the sums of each two groups' vectors, ``(c, c)``."""
    similar: Floats
    """Products of some documents' vectors and the sums, ``(s, c)``."""
    own: Labels
    """The group of each of these documents, ``(s,)``."""
    left: list[int]

    @classmethod
    def of(cls, graph: sparse.csr_matrix, vectors: Floats, pieces: Labels) -> Self:
        n, member = len(pieces), membership(pieces)
        links = np.asarray((member.T @ graph @ member).todense(), dtype=np.float64)
        sums = np.asarray(member.T @ vectors)
        drawn = np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64)
        products = sums.astype(np.float64) @ sums.T.astype(np.float64)
        similar = vectors[drawn] @ sums.T
        return cls(links / max(links.sum(), 1e-12), products, similar, pieces[drawn], list(range(len(sums))))

    def join(self, kept: int, gone: int) -> None:
        for matrix in (self.links, self.products):
            matrix[kept] += matrix[gone]
            matrix[:, kept] += matrix[:, gone]
        self.similar[:, kept] += self.similar[:, gone]
        self.own[self.own == gone] = kept
        self.left.remove(gone)

    def coverage(self) -> float:
        return float(self.links.diagonal()[self.left].sum())

    def diversity(self) -> float:
        return 1 - float((self.links[:, self.left][self.left].sum(axis=1) ** 2).sum())

    def margin(self) -> float:
        rows = np.arange(len(self.own))
        squares = self.products.diagonal()
        towards = self.similar[rows, self.own].astype(np.float64)
        others = np.sqrt(np.maximum(squares[self.own] - 2 * towards + 1, 0))
        alone = others < LEAST_LENGTH
        near = np.where(alone, 0.0, (towards - 1) / np.where(alone, 1.0, others))
        lengths = np.sqrt(np.maximum(squares[self.left], LEAST_LENGTH**2)).astype(np.float32)
        next_best = self.similar[:, self.left] / lengths
        next_best[rows, np.searchsorted(self.left, self.own)] = -np.inf
        return float((near - next_best.max(axis=1)).mean())
