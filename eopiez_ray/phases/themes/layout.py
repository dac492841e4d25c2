"""A map of the documents: near each other on the plane where they are neighbours in the graph.

A force layout with the forces of UMAP (McInnes, Healy and Melville 2018, section 4.2, with a = b = 1): each edge pulls
its ends together, and each document is pushed away from some others, drawn anew in every round. All documents move at
once, by array operations. A sample of the collection is laid out first, from a beginning that puts the themes' centres
where their distances say; then all others are placed beside their neighbours in it, and the whole relaxes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.themes.documents import principal_coordinates
from eopiez_ray.phases.themes.hierarchy import membership
from eopiez_ray.phases.vectors.neighbours import nearest_neighbours, top_k
from eopiez_ray.phases.vectors.static import unit_rows

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int64]

SAMPLE = 3_000
"""Documents that are laid out first."""
SAMPLE_ROUNDS = 250
WHOLE_ROUNDS = 25
NEIGHBOURS = 12
"""Edges of a sampled document."""
PUSHES = 6
"""Documents that each is pushed away from in a round."""
STRENGTH = 16.0
"""Of a push, which stands for those of as many documents."""
LONGEST_STEP = 4.0
AMBIENT = 48
"""Principal directions of the collection in which a document's neighbours in the sample are looked for."""
EXTENT = 5.0
"""Half of the width of the map at the beginning."""
MARGIN = 0.002
"""Share of the documents on each side that may lie at the edge of the map."""


def map_layout(vectors: Floats, graph: sparse.csr_matrix, labels: Labels) -> Floats:
    """Places of ``n`` documents, ``(n, 2)`` in [0, 1]; deterministic.

    Args:
        vectors: of length 1, ``(n, d)``.
        graph: symmetric weights, ``(n, n)``.
        labels: their themes, ``(n,)``.
    """
    n = len(vectors)
    if n < 2:
        return np.full((n, 2), 0.5, np.float32)
    random = np.random.default_rng(0)
    places = _themes_apart(vectors, labels) + random.normal(0, EXTENT / 20, (n, 2)).astype(np.float32)
    sample = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))
    if len(sample) == n:
        return _framed(_relaxed(places, graph, SAMPLE_ROUNDS, 0.3, random))
    some = vectors[sample]
    places[sample] = _relaxed(places[sample], _neighbour_graph(some), SAMPLE_ROUNDS, 0.3, random)
    return _framed(_relaxed(_beside(places, vectors, sample, random), graph, WHOLE_ROUNDS, 0.1, random))


def _themes_apart(vectors: Floats, labels: Labels) -> Floats:
    """Each document at the place of its theme, by classical scaling of the cosines between centres."""
    member = membership(labels)
    centres = unit_rows(np.asarray(member.T @ vectors, dtype=np.float32)).astype(np.float64)
    centred = centres - centres.mean(axis=0)
    values, axes = np.linalg.eigh(centred @ centred.T)
    flat = np.zeros((len(centres), 2))
    width = min(2, len(values))
    flat[:, :width] = (axes * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :width]
    largest = np.abs(flat).max(initial=0)
    return (flat / (largest or 1.0) * EXTENT)[labels].astype(np.float32)


def _neighbour_graph(vectors: Floats) -> sparse.csr_matrix:
    near = nearest_neighbours(vectors, NEIGHBOURS)
    n, k = near.indices.shape
    rows = np.repeat(np.arange(n), k)
    weights = np.maximum(near.similarities.ravel(), 1e-3)
    graph = sparse.csr_matrix((weights, (rows, near.indices.ravel())), shape=(n, n))
    return sparse.csr_matrix(graph.maximum(graph.T))


def _beside(places: Floats, vectors: Floats, sample: Positions, random: np.random.Generator) -> Floats:
    """All documents at the mean place of the nearest sampled ones."""
    rest = np.setdiff1d(np.arange(len(vectors)), sample)
    flat = unit_rows(principal_coordinates(vectors, AMBIENT))
    targets = np.ascontiguousarray(flat[sample].T)
    for start in range(0, len(rest), 2_000):
        rows = rest[start : start + 2_000]
        nearest, scores = top_k(flat[rows] @ targets, 3)
        weights = np.maximum(scores, 1e-3) ** 4
        weights /= weights.sum(axis=1, keepdims=True)
        places[rows] = np.einsum("nk,nkd->nd", weights, places[sample[nearest]])
    places[rest] += random.normal(0, EXTENT / 60, (len(rest), 2))
    return places


def _relaxed(places: Floats, graph: sparse.csr_matrix, rounds: int, step: float, random: np.random.Generator) -> Floats:
    """The places after ``rounds`` of forces, whose steps shrink to nothing."""
    n = len(places)
    edges = sparse.triu(graph, 1).tocoo()
    weights = (edges.data / max(float(edges.data.sum()) / max(len(edges.data), 1), 1e-12)).astype(np.float32)[:, None]
    incidence = _incidence(edges.row, edges.col, n)
    for number in range(rounds):
        apart = places[edges.row] - places[edges.col]
        force = incidence @ (weights * (-2 * apart / (1 + np.einsum("ij,ij->i", apart, apart)[:, None])))
        for _ in range(PUSHES):
            others = random.integers(0, n, n)
            apart = places - places[others]
            squares = np.einsum("ij,ij->i", apart, apart)[:, None]
            force += 2 * STRENGTH * apart / ((0.01 + squares) * (1 + squares))
        places = places + step * (1 - number / rounds) * np.clip(force, -LONGEST_STEP, LONGEST_STEP)
    return places


def _incidence(tails: npt.NDArray[np.integer], heads: npt.NDArray[np.integer], n: int) -> sparse.csr_matrix:
    """What sums over the edges of each vertex, ``(n, m)``: 1 at the tails, -1 at the heads."""
    m = len(tails)
    signs = np.tile(np.array([1, -1], np.float32), m)
    by_edge = sparse.csr_matrix(
        (signs, np.column_stack([tails, heads]).ravel(), np.arange(0, 2 * m + 1, 2)), shape=(m, n)
    )
    return sparse.csr_matrix(by_edge.T)


def _framed(places: Floats) -> Floats:
    """The places scaled to [0, 1], the same in both directions; the few farthest out are moved to the edge."""
    low, high = np.quantile(places, MARGIN, axis=0), np.quantile(places, 1 - MARGIN, axis=0)
    width = max(float((high - low).max()), 1e-9)
    return np.clip(0.5 + 0.96 * (places - (low + high) / 2) / width, 0, 1).astype(np.float32)
