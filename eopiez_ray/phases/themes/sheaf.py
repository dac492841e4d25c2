"""Cellular sheaves on graphs: data on vertices, and what neighbours must agree on.

A cellular sheaf F on a graph gives each vertex v and each edge e a vector space, its *stalk* F(v) or F(e), and each
incidence a linear *restriction map* F(v) → F(e) (Curry 2014, "Sheaves, cosheaves and applications", chapter 4; Hansen
and Ghrist 2019, "Toward a spectral theory of cellular sheaves", section 2.1). With every edge e = u → v oriented,

- the coboundary is (δx)_e = F_v x_v - F_u x_u, from 0-cochains C⁰ = ⊕ F(v) to 1-cochains C¹ = ⊕ F(e);
- the sheaf Laplacian is L = δᵀδ (Hansen and Ghrist, section 3.1); xᵀLx = Σ_e |F_v x_v - F_u x_u|²;
- global sections are the x with δx = 0: H⁰ = ker δ = ker L, the harmonic 0-cochains (their theorem 3.1);
- H¹ = C¹ / im δ, so that dim H⁰ - dim H¹ = dim C⁰ - dim C¹, the Euler characteristic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh

from eopiez_ray.errors import ParameterError

Reals = npt.NDArray[np.float64] | npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32] | npt.NDArray[np.int64]

DENSE_LIMIT = 3_000
"""Dimension of C⁰ up to which null spaces are found by a dense decomposition of each component."""
CHUNK = 100_000
"""Edges whose consistency is measured together."""
ALL = slice(None)


@dataclass(frozen=True, slots=True)
class CellularSheaf:
    """A sheaf on a graph of ``n`` vertices and ``m`` edges, its maps padded with zeros to common shapes."""

    vertex_dimensions: Integers
    """Dimensions of the vertex stalks, ``(n,)``."""
    edges: Integers
    """Tail and head of each edge, ``(m, 2)``."""
    edge_dimensions: Integers
    """Dimensions of the edge stalks, ``(m,)``."""
    tail_maps: Reals
    """Restriction from each edge's tail, ``(m, p, q)``; rows and columns beyond the stalks are ignored."""
    head_maps: Reals
    """Restriction from each edge's head, ``(m, p, q)``."""

    def __post_init__(self) -> None:
        n, m = len(self.vertex_dimensions), len(self.edges)
        if self.edges.shape != (m, 2) or len(self.edge_dimensions) != m:
            raise ParameterError("a sheaf needs one row of two vertices and one stalk dimension for each edge")
        if self.tail_maps.shape != self.head_maps.shape or self.tail_maps.ndim != 3 or len(self.tail_maps) != m:
            raise ParameterError(f"restriction maps must be two arrays (m, p, q), not {self.tail_maps.shape}")
        if m and not 0 <= self.edges.min() <= self.edges.max() < n:
            raise ParameterError(f"edges must join vertices 0 to {n - 1}")
        largest = (self.edge_dimensions.max(initial=0), self.vertex_dimensions.max(initial=0))
        if m and (largest[0] > self.tail_maps.shape[1] or largest[1] > self.tail_maps.shape[2]):
            raise ParameterError(f"stalks up to {largest} do not fit into maps {self.tail_maps.shape[1:]}")

    @property
    def euler_characteristic(self) -> int:
        """dim C⁰ - dim C¹ = dim H⁰ - dim H¹."""
        return int(self.vertex_dimensions.sum()) - int(self.edge_dimensions.sum())

    def coboundary(self) -> sparse.csr_matrix:
        """δ as a sparse matrix, ``(dim C¹, dim C⁰)``."""
        rows = np.concatenate([[0], np.cumsum(self.edge_dimensions)]).astype(np.int64)
        columns = np.concatenate([[0], np.cumsum(self.vertex_dimensions)]).astype(np.int64)
        shape = (int(rows[-1]), int(columns[-1]))
        delta = sparse.csr_matrix((np.zeros(0), (np.zeros(0, np.int64), np.zeros(0, np.int64))), shape=shape)
        for end, maps, sign in ((0, self.tail_maps, -1.0), (1, self.head_maps, 1.0)):
            e, i, j = np.nonzero(self._inside(end) & (maps != 0))
            entries = (sign * maps[e, i, j], (rows[e] + i, columns[self.edges[e, end]] + j))
            delta = sparse.csr_matrix(delta + sparse.csr_matrix(entries, shape=shape))
        return delta

    def laplacian(self) -> sparse.csr_matrix:
        """L = δᵀδ, symmetric and positive semidefinite, ``(dim C⁰, dim C⁰)``."""
        delta = self.coboundary()
        return sparse.csr_matrix(delta.T @ delta)

    def consistency(self, cochain: Reals) -> npt.NDArray[np.float32]:
        """How far the ends of each edge agree, in [0, 1], for one vector a vertex, ``(n, q)`` padded.

        With a = F_u x_u and b = F_v x_v it is 1 - |a - b|² / 2(|a|² + |b|²): 1 where they are equal (everywhere, for
        a global section), 1/2 where they are orthogonal, 0 where they are opposite. Two zeros agree.
        """
        found = np.empty(len(self.edges), np.float32)
        for start in range(0, len(found), CHUNK):
            part = slice(start, start + CHUNK)
            tail, head = (self._restrict(end, part, cochain) for end in (0, 1))
            apart = ((tail - head) ** 2).sum(axis=1)
            whole = 2 * ((tail**2).sum(axis=1) + (head**2).sum(axis=1))
            agreement = 1 - np.divide(apart, whole, out=np.zeros_like(apart), where=whole > 0)
            found[part] = np.clip(agreement, 0, 1)
        return found

    def global_sections_dimension(self, tolerance: float = 1e-8) -> int:
        """dim H⁰ = dim ker L; eigenvalues up to ``tolerance`` times the largest count as zero."""
        return int(self.global_sections(tolerance).shape[1])

    def first_cohomology_dimension(self, tolerance: float = 1e-8) -> int:
        """dim H¹ = dim H⁰ - Euler characteristic."""
        return self.global_sections_dimension(tolerance) - self.euler_characteristic

    def global_sections(self, tolerance: float = 1e-8) -> npt.NDArray[np.float64]:
        """An orthonormal basis of H⁰ in its columns, ``(dim C⁰, dim H⁰)``, component by component."""
        laplacian = self.laplacian()
        size = laplacian.shape[0]
        if size == 0:
            return np.zeros((0, 0))
        largest = float(abs(laplacian).sum(axis=1).max())
        threshold = tolerance * max(largest, 1e-300)
        _, part = sparse.csgraph.connected_components(laplacian, directed=False)
        bases = []
        for members in np.split(np.argsort(part, kind="stable"), np.cumsum(np.bincount(part))[:-1]):
            kernel = _kernel(laplacian[members][:, members], threshold)
            placed = np.zeros((size, kernel.shape[1]))
            placed[members] = kernel
            bases.append(placed)
        return np.hstack(bases)

    def _inside(self, end: int, part: slice = ALL) -> npt.NDArray[np.bool_]:
        """Which entries of the padded maps of that end of some edges are inside the stalks."""
        _, p, q = self.tail_maps.shape
        rows = np.arange(p) < self.edge_dimensions[part, None]
        columns = np.arange(q) < self.vertex_dimensions[self.edges[part, end]][:, None]
        return rows[:, :, None] & columns[:, None, :]

    def _restrict(self, end: int, part: slice, cochain: Reals) -> Reals:
        """What restriction makes of the cochain at that end of some edges, ``(e, p)``."""
        maps, inside = (self.tail_maps, self.head_maps)[end][part], self._inside(end, part)
        values = cochain[self.edges[part, end]][:, :, None]
        restricted: Reals = (maps if inside.all() else np.where(inside, maps, 0)) @ values
        return restricted[:, :, 0]


def _kernel(laplacian: sparse.csr_matrix, threshold: float) -> npt.NDArray[np.float64]:
    """Orthonormal eigenvectors of eigenvalues up to ``threshold``."""
    size = laplacian.shape[0]
    if size <= DENSE_LIMIT:
        values, vectors = linalg.eigh(laplacian.toarray())
        return np.asarray(vectors[:, values <= threshold])
    wanted = 8
    while True:
        values, vectors = eigsh(laplacian.tocsc(), k=wanted, sigma=-max(threshold, 1e-6), which="LM", v0=np.ones(size))
        if values.max() > threshold or wanted >= size - 1:
            return np.asarray(vectors[:, values <= threshold])
        wanted = min(2 * wanted, size - 1)
