"""Communities of a weighted graph by the Leiden algorithm (Traag, Waltman and van Eck 2019), their number not given.

Leiden maximizes modularity with a resolution γ (Reichardt and Bornholdt 2006). A scan over γ would cost many runs on
the whole graph, so it is done on a coarse one: a first run with a high γ joins documents into some hundreds of
micro-communities, and since modularity does not change when communities become vertices with loops, the scan sees
the same objective on a graph a hundred times smaller.

**Criterion.** For each γ of a geometric grid several seeds are run, fragments are merged into their neighbours, and
the partition is scored by *separation x stability x √diversity*:

- separation: the mean simplified silhouette of the documents, from cosine distances to the own and the next nearest
  centre (Hruschka, de Castro and Campello 2004);
- stability: the mean agreement (adjusted Rand index) with the other seeds and with the next lower and higher γ;
- diversity: the probability that two documents are in different communities (Gini and Simpson), without which two or
  three halves of a collection would nearly always win, being the easiest to separate and to find again.

The best is run once more on the whole graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import graspologic_native
import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

COARSE_ABOVE = 600
"""Vertices above which the scan is done on micro-communities."""
MICRO_RESOLUTION = 50.0
RESOLUTIONS = tuple(float(r) for r in np.geomspace(0.08, 6.0, 20))
SEEDS = 3
SILHOUETTE_SAMPLE = 6_000


@dataclass(frozen=True, slots=True)
class Partition:
    """A division of the vertices into communities, numbered from the largest."""

    labels: Labels
    resolution: float
    score: float
    """The criterion of this module; 0 where there was nothing to choose."""


def leiden(graph: sparse.csr_matrix, resolution: float, seed: int, iterations: int = 1) -> Labels:
    """Community of each vertex of a symmetric graph without loops; isolated vertices are alone."""
    if graph.nnz == 0:
        return np.arange(graph.shape[0])
    _, found = graspologic_native.leiden_csr(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        graph.shape[0],
        resolution=resolution,
        iterations=iterations,
        seed=seed,
    )
    labels = np.full(graph.shape[0], -1, np.int64)
    labels[np.fromiter(found.keys(), np.int64, len(found))] = np.fromiter(found.values(), np.int64, len(found))
    alone = np.flatnonzero(labels < 0)
    labels[alone] = labels.max() + 1 + np.arange(len(alone))
    return labels


def choose_partition(graph: sparse.csr_matrix, vectors: Floats, *, max_communities: int, min_size: int) -> Partition:
    """The best partition of ``n`` vertices by the criterion of this module; deterministic."""
    n = graph.shape[0]
    micro = leiden(graph, MICRO_RESOLUTION, seed=0) if n > COARSE_ABOVE else np.arange(n)
    coarse = _Coarse.of(graph, micro, vectors)
    scan = [_candidates(coarse, resolution, min_size) for resolution in RESOLUTIONS]
    sample = np.linspace(0, n - 1, min(n, SILHOUETTE_SAMPLE)).astype(np.int64)
    best = Partition(np.zeros(n, np.int64), 0.0, 0.0)
    for i, resolution in enumerate(RESOLUTIONS):
        labels = scan[i][0][micro]
        if 2 <= labels.max(initial=0) + 1 <= max_communities:
            separation = silhouette(vectors, labels, sample)
            score = separation * _stability(scan, i, coarse.sizes) * diversity(labels) ** 0.5
            best = max(best, Partition(labels, resolution, score), key=lambda found: found.score)
    labels = best.labels
    if best.score > 0 and n > COARSE_ABOVE:
        labels = merge_fragments(graph, leiden(graph, best.resolution, seed=0), vectors, min_size)
    return Partition(by_size(labels), best.resolution, best.score)


@dataclass(frozen=True, slots=True)
class _Coarse:
    """A graph of micro-communities without loops.

    The Leiden implementation at hand mistakes loops, so that a vertex with a loop is given as two halves joined by an
    edge of half the loop's weight, each with half of the vertex's other edges: degrees, total weight and modularity
    of partitions that keep halves together stay the same.
    """

    links: sparse.csr_matrix
    """Weights between micro-communities, loops on the diagonal."""
    halves: sparse.csr_matrix
    sizes: Labels
    sums: Floats
    """Summed vectors of each micro-community's documents."""

    @classmethod
    def of(cls, graph: sparse.csr_matrix, micro: Labels, vectors: Floats) -> _Coarse:
        links = aggregate(graph, micro)
        loops = links.diagonal()
        outer = sparse.csr_matrix(links - sparse.diags(loops))
        outer.eliminate_zeros()
        halves = outer
        if loops.any():
            quarter = outer / 4
            joined = quarter + sparse.diags(loops / 2)
            halves = sparse.csr_matrix(sparse.bmat([[quarter, joined], [joined, quarter]]))
            halves.sort_indices()
        return cls(links, halves, np.bincount(micro), _sums(vectors, micro))

    def leiden(self, resolution: float, seed: int) -> Labels:
        labels = leiden(self.halves, resolution, seed, iterations=2)
        return np.unique(labels[: len(self.sizes)], return_inverse=True)[1].astype(np.int64)


def _candidates(coarse: _Coarse, resolution: float, min_size: int) -> list[Labels]:
    runs = [coarse.leiden(resolution, seed) for seed in range(SEEDS)]
    return [_merge(coarse.links, labels, coarse.sizes, coarse.sums, min_size) for labels in runs]


def merge_fragments(graph: sparse.csr_matrix, labels: Labels, vectors: Floats, min_size: int) -> Labels:
    """Communities below ``min_size`` joined to the one that they are most linked to, else the most similar."""
    dense = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return _merge(graph, dense, np.ones(len(labels), np.int64), vectors, min_size)


def _merge(links: sparse.csr_matrix, labels: Labels, sizes: Labels, sums: Floats, min_size: int) -> Labels:
    """Smallest first; ``sums`` are the vertices' summed vectors, ``sizes`` how many documents each stands for."""
    between = aggregate(links, labels).toarray()
    weight = np.bincount(labels, sizes)
    centres = _sums(sums, labels)
    parent = np.arange(len(weight))
    while (alive := np.flatnonzero(weight > 0)).size > 1:
        small = alive[weight[alive].argmin()]
        if weight[small] >= min_size:
            break
        others = alive[alive != small]
        near = between[small, others] / weight[others]
        if not near.any():
            near = centres[others] @ centres[small] / np.maximum(np.linalg.norm(centres[others], axis=1), 1e-12)
        target = others[near.argmax()]
        between[target] += between[small]
        between[:, target] += between[:, small]
        weight[target] += weight[small]
        centres[target] += centres[small]
        weight[small] = 0
        parent[parent == small] = target
    return np.unique(parent[labels], return_inverse=True)[1].astype(np.int64)


def aggregate(graph: sparse.csr_matrix, labels: Labels) -> sparse.csr_matrix:
    """Summed weights between communities, ``(c, c)``, those inside (counted from both ends) on the diagonal."""
    n, c = len(labels), int(labels.max(initial=-1)) + 1
    member = sparse.csr_matrix((np.ones(n), labels, np.arange(n + 1)), shape=(n, c))
    summed = sparse.csr_matrix(member.T @ graph @ member)
    summed.sort_indices()
    return summed


def silhouette(vectors: Floats, labels: Labels, sample: Labels) -> float:
    """Mean simplified silhouette of the sampled rows, in [-1, 1]; distances are 1 - cosine to centres."""
    centres = _sums(vectors, labels)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    distances = 1 - vectors[sample] @ centres.T
    rows = np.arange(len(sample))
    own = distances[rows, labels[sample]].copy()
    distances[rows, labels[sample]] = np.inf
    other = distances.min(axis=1)
    return float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-12)))


def diversity(labels: Labels) -> float:
    """The probability that two documents drawn with replacement are in different communities."""
    shares = np.bincount(labels) / max(len(labels), 1)
    return float(1 - (shares**2).sum())


def agreement(first: Labels, second: Labels, sizes: Labels) -> float:
    """Adjusted Rand index of two partitions of weighted vertices (Hubert and Arabie 1985)."""
    table = np.bincount(first * (second.max() + 1) + second, sizes).astype(np.float64)
    both = (table * (table - 1)).sum() / 2
    rows, columns = np.bincount(first, sizes), np.bincount(second, sizes)
    a, b = (rows * (rows - 1)).sum() / 2, (columns * (columns - 1)).sum() / 2
    n = float(sizes.sum())
    expected = a * b / max(n * (n - 1) / 2, 1)
    largest = (a + b) / 2
    return 1.0 if largest == expected else float((both - expected) / (largest - expected))


def _stability(scan: list[list[Labels]], index: int, sizes: Labels) -> float:
    runs = scan[index]
    seeds = [agreement(runs[0], other, sizes) for other in runs[1:]]
    beside = [scan[i][0] for i in (index - 1, index + 1) if 0 <= i < len(scan)]
    return float(np.mean(seeds + [agreement(runs[0], other, sizes) for other in beside]))


def by_size(labels: Labels) -> Labels:
    """The same partition with communities numbered from the largest; ties keep their order."""
    order = np.argsort(-np.bincount(labels), kind="stable") if len(labels) else np.zeros(0, np.int64)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[labels].astype(np.int64)


def _sums(vectors: Floats, labels: Labels) -> Floats:
    n = len(labels)
    member = sparse.csr_matrix(
        (np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, int(labels.max(initial=-1)) + 1)
    )
    return np.asarray(member.T @ vectors, dtype=np.float32)
