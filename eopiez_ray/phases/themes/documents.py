"""The sheaf of a collection: do neighbouring documents use the directions around them in the same way?

- The stalk of a document is the span of the leading ``rank`` principal directions (uncentred) of itself and its
  nearest neighbours, a local PCA as in vector diffusion maps (Singer and Wu 2012, section 2), with an orthonormal
  basis U_u. Where these documents span less, as copies of one another do, directions of the whole collection fill up.
- The stalk of an edge is the subspace half-way between its ends'. With the principal angles and vectors of the two
  (Björck and Golub 1973), U_uᵀU_v = A diag(σ) Bᵀ, it is spanned by the normalized sums of principal vectors
  E_i = (U_u A_i + U_v B_i) / √(2 + 2σ_i).
- The restriction maps project on it: EᵀU_u = diag(√((1 + σ)/2)) Aᵀ and EᵀU_v = diag(√((1 + σ)/2)) Bᵀ, so that shared
  directions count in full and unrelated ones by half of their square. The maps are always invertible. For σ = 1 they
  are orthogonal and B Aᵀ is the Procrustes alignment of the connection Laplacian.

A document's own vector in its stalk's basis is the cochain whose consistency is measured.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.sheaf import CellularSheaf
from eopiez_ray.phases.vectors.neighbours import Neighbours

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

RANK = 3
AMBIENT = 64
"""Principal directions of the collection in which local subspaces are computed."""
NEIGHBOURHOOD = 8
"""Neighbours whose span is a document's stalk."""
CHUNK = 20_000


def document_sheaf(vectors: Floats, near: Neighbours, rank: int = RANK) -> tuple[CellularSheaf, Floats]:
    """The sheaf on the neighbour graph of ``n`` documents, and their cochain ``(n, rank)``.

    ``rank`` becomes the number of dimensions where vectors have fewer.
    """
    flat = principal_coordinates(vectors, AMBIENT)
    rank = min(rank, flat.shape[1])
    bases, cochain = local_bases(flat, near.indices[:, :NEIGHBOURHOOD], rank)
    edges = undirected_edges(near)[0]
    tails = np.empty((len(edges), rank, rank), np.float32)
    heads = np.empty_like(tails)
    for start in range(0, len(edges), CHUNK):
        part = slice(start, start + CHUNK)
        tails[part], heads[part] = shared_restrictions(bases[edges[part, 0]], bases[edges[part, 1]])
    stalks = np.full(len(vectors), rank, np.int32)
    return CellularSheaf(stalks, edges, np.full(len(edges), rank, np.int32), tails, heads), cochain


def shared_restrictions(tails: Floats, heads: Floats) -> tuple[Floats, Floats]:
    """Restriction maps ``(m, r, r)`` from pairs of orthonormal bases ``(m, r, d)`` (rows) to the subspace between."""
    left, cosines, right = np.linalg.svd(tails @ heads.transpose(0, 2, 1))
    scale = np.sqrt((1 + np.clip(cosines, 0, 1)) / 2)[:, :, None]
    return scale * left.transpose(0, 2, 1), scale * right


def undirected_edges(near: Neighbours) -> tuple[Indices, Floats]:
    """Each pair of neighbours once, smaller index first, sorted, ``(m, 2)``, and their similarities ``(m,)``."""
    n, k = near.indices.shape
    sources = np.repeat(np.arange(n, dtype=np.int64), k)
    targets = near.indices.ravel().astype(np.int64)
    known = np.flatnonzero(targets >= 0)
    sources, targets = sources[known], targets[known]
    codes, first = np.unique(np.minimum(sources, targets) * n + np.maximum(sources, targets), return_index=True)
    edges = np.stack([codes // max(n, 1), codes % max(n, 1)], axis=1).astype(np.int32)
    return edges, near.similarities.ravel()[known[first]]


def principal_coordinates(vectors: Floats, dimensions: int) -> Floats:
    """Coordinates on the leading principal directions (uncentred), ``(n, min(dimensions, d))``."""
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1][:, :dimensions]
    return np.ascontiguousarray(vectors @ axes)


def local_bases(flat: Floats, neighbours: Indices, rank: int) -> tuple[Floats, Floats]:
    """Orthonormal rows ``(n, rank, d)`` that span each neighbourhood or more, and each document's own coordinates."""
    n, d = flat.shape
    bases = np.zeros((n, rank, d), np.float32)
    cochain = np.zeros((n, rank), np.float32)
    own = np.arange(n, dtype=np.int32)[:, None]
    around = np.hstack([own, np.where(neighbours < 0, own, neighbours)])
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        bases[part] = _principal_directions(flat[around[part]], rank)
        cochain[part] = np.einsum("nrd,nd->nr", bases[part], flat[part])
    return bases, cochain


def _principal_directions(local: Floats, rank: int) -> Floats:
    """The ``rank`` leading directions of each set of vectors ``(n, k, d)``, ``(n, rank, d)``."""
    n, _, d = local.shape
    values, vectors = np.linalg.eigh(local @ local.transpose(0, 2, 1))
    values, vectors = values[:, ::-1][:, :rank], vectors[:, :, ::-1][:, :, :rank]
    exists = values > 1e-4 * np.maximum(values[:, :1], 1e-12)
    scale = np.where(exists, 1 / np.sqrt(np.maximum(values, 1e-12)), 0)
    directions = np.zeros((n, rank, d), np.float32)
    directions[:, : values.shape[1]] = scale[:, :, None] * (vectors.transpose(0, 2, 1) @ local)
    found = exists.sum(axis=1)
    short = np.flatnonzero(found < rank)
    if short.size:
        directions[short] = _completed(directions[short], found[short])
    return directions


def _completed(directions: Floats, found: npt.NDArray[np.int64]) -> Floats:
    """The first ``found`` rows of each basis, then more: the axes of the space where these are independent."""
    _, rank, d = directions.shape
    axes = np.broadcast_to(np.eye(rank, d, dtype=np.float32), directions.shape)
    completed = directions.copy()
    for number in np.unique(found):
        rows = np.flatnonzero(found == number)
        span = np.concatenate([directions[rows, :number], axes[rows]], axis=1).transpose(0, 2, 1)
        completed[rows, number:] = np.linalg.qr(span)[0].transpose(0, 2, 1)[:, number:rank]
    return completed
