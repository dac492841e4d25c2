"""Communities of a weighted graph that are also groups of similar vectors, their number not given.

1. *Fine communities*: the Leiden algorithm (Traag, Waltman and van Eck 2019) maximizes modularity with a resolution γ
   (Reichardt and Bornholdt 2006) above that of the themes that are looked for; fragments join their neighbours.
2. *Refinement*: a document goes where its neighbours in the graph and its own vector point: to the community with the
   greatest share of its edges' weight plus twice the cosine to its centre, a few rounds long. The graph alone errs
   where a document has odd neighbours, the centres alone where a community is not round.
3. *Merging*: each fine community is cut in two across its principal direction, and then the two pieces whose union
   costs least are merged, again and again; the cost is the growth of the squared distances to the centre (Ward 1963).
   Where a fine community is one thing, its halves show what it costs to join what belongs together.
4. *Number*: the cost jumps where a merger joins what belongs apart. With c(k) the cost of going from k groups to
   k - 1, a division into k groups, no more than there are fine communities, is scored by

       diversity^(3/4) · Π (c(k) / c(k + j) · k / (k + j))^(1/3), j = 1, 2, 3.

   Without structure costs grow like 1 / k, which the factor k / (k + j) takes out; three earlier mergers are looked at
   since a single one can be cheap by accident. Diversity is the probability that two documents are in different groups
   (Gini and Simpson), without which a few halves of a collection would often win for being the easiest to separate.

All this is done for several runs of the Leiden algorithm, whose scores are averaged, and the best division is refined
once more. The result is deterministic.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import graspologic_native
import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.vectors.static import unit_rows

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FINE_RESOLUTION = 2.0
SEEDS = 4
"""Runs of the Leiden algorithm."""
DIVERSITY_EXPONENT = 0.75
BEFORE = 3
"""Mergers that one is compared with."""
LEAST_COST = 1e-6
"""Cost of a merger for each document of the collection up to which the two are copies of one another."""
ROUNDS = 5
"""Of refinement, at most."""
MOST_FINE = 400
"""Fine communities at most."""
CHUNK = 20_000
POWER_ITERATIONS = 12
CENTRE_WEIGHT = 2.0
"""What the cosine to the centre counts in refinement, over the share of edges."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A division of the vertices into communities, numbered from the largest."""

    labels: Labels
    resolution: float
    """γ of the fine communities; 0 where there was nothing to divide."""
    score: float
    """The criterion of this module; 0 where there was nothing to choose."""


def choose_partition(graph: sparse.csr_matrix, vectors: Floats, *, max_communities: int, min_size: int) -> Partition:
    """The best partition of ``n`` vertices by the criterion of this module.

    Args:
        graph: symmetric weights, ``(n, n)``, without loops.
        vectors: of length 1, ``(n, d)``.
    """
    runs = [_scored(graph, vectors, seed, max_communities, min_size) for seed in range(SEEDS)]
    totals: dict[int, float] = defaultdict(float)
    for k, (score, _) in (item for run in runs for item in run.items()):
        totals[k] += score / SEEDS
    if not totals:
        return Partition(np.zeros(len(vectors), np.int64), 0.0, 0.0)
    k = max(totals, key=lambda k: totals[k])
    score, division = max((run[k] for run in runs if k in run), key=lambda found: found[0])
    refined = refine(graph, vectors, division)
    return Partition(by_size(merge_fragments(graph, refined, vectors, min_size)), FINE_RESOLUTION, score)


def _scored(
    graph: sparse.csr_matrix, vectors: Floats, seed: int, max_communities: int, min_size: int
) -> dict[int, tuple[float, Labels]]:
    """The divisions of one run by their number of groups, each with its score."""
    fine = merge_fragments(graph, leiden(graph, FINE_RESOLUTION, seed), vectors, min_size)
    fine = refine(graph, vectors, fine)
    pieces = bisect(vectors, fine)
    divisions, costs = ward_divisions(vectors, pieces)
    most = min(int(fine.max(initial=0)) + 1, max_communities)
    found = {}
    for i, division in enumerate(divisions):
        k = len(divisions) - i
        if 2 <= k <= most and costs[i] > LEAST_COST * len(vectors):
            labels = division[pieces]
            found[k] = _jump(costs, i) * diversity(labels) ** DIVERSITY_EXPONENT, labels
    return found


def _jump(costs: Reals, i: int) -> float:
    """How much more the next merger after division ``i`` costs than those before it, over what is expected."""
    k = len(costs) + 1 - i
    floor = max(1e-9 * float(costs[-1]), 1e-12)
    ratios = [max(costs[i], floor) / max(costs[i - j], floor) * k / (k + j) for j in range(1, min(BEFORE, i) + 1)]
    return float(np.prod(ratios) ** (1 / BEFORE))


def leiden(graph: sparse.csr_matrix, resolution: float, seed: int) -> Labels:
    """Community of each vertex of a symmetric graph without loops; isolated vertices are alone."""
    if graph.nnz == 0:
        return np.arange(graph.shape[0])
    _, found = graspologic_native.leiden_csr(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        graph.shape[0],
        resolution=resolution,
        iterations=1,
        seed=seed,
    )
    labels = np.full(graph.shape[0], -1, np.int64)
    labels[np.fromiter(found.keys(), np.int64, len(found))] = np.fromiter(found.values(), np.int64, len(found))
    alone = np.flatnonzero(labels < 0)
    labels[alone] = labels.max() + 1 + np.arange(len(alone))
    return labels


def refine(graph: sparse.csr_matrix, vectors: Floats, labels: Labels) -> Labels:
    """The same communities after step 2 of this module; those that lose all documents are gone."""
    weight = np.asarray(graph.sum(axis=1)).ravel()
    shares = sparse.csr_matrix(sparse.diags(1 / np.maximum(weight, 1e-12)) @ graph)
    labels = _dense(labels)
    for _ in range(ROUNDS):
        towards = np.asarray((shares @ membership(labels)).todense())
        towards += CENTRE_WEIGHT * (vectors @ unit_rows(_sums(vectors, labels)).T)
        moved = _dense(towards.argmax(axis=1))
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels


def bisect(vectors: Floats, labels: Labels) -> Labels:
    """Each community cut in two at its centre, across its principal direction; of equal vectors there is one piece."""
    order = np.argsort(labels, kind="stable")
    upper = np.zeros(len(labels), np.int64)
    for members in np.split(order, np.cumsum(np.bincount(labels))[:-1]):
        apart = vectors[members] - vectors[members].mean(axis=0)
        direction = apart[np.einsum("ij,ij->i", apart, apart).argmax()]
        for _ in range(POWER_ITERATIONS):
            direction = apart.T @ (apart @ direction)
            direction /= max(float(np.linalg.norm(direction)), 1e-12)
        upper[members] = apart @ direction > 1e-6
    return _dense(2 * labels + upper)


def ward_divisions(vectors: Floats, labels: Labels) -> tuple[list[Labels], Reals]:
    """Divisions of ``c`` communities into c, c - 1, … 1 groups by Ward's method, and the cost of each merger.

    The first are the group of each community ``(c,)``, the second ``(c - 1,)``: what it costs to leave division ``i``.
    """
    sizes = np.bincount(labels).astype(np.float64)
    centres = _sums(vectors, labels).astype(np.float64) / sizes[:, None]
    groups = np.arange(len(sizes))
    divisions, costs = [groups], []
    alive = np.ones(len(sizes), np.bool_)
    for _ in range(len(sizes) - 1):
        rows = np.flatnonzero(alive)
        i, j, cost = _cheapest(centres[rows], sizes[rows])
        kept, gone = rows[i], rows[j]
        whole = sizes[kept] + sizes[gone]
        centres[kept] = (sizes[kept] * centres[kept] + sizes[gone] * centres[gone]) / whole
        sizes[kept] = whole
        alive[gone] = False
        groups = np.where(groups == gone, kept, groups)
        divisions.append(groups)
        costs.append(cost)
    return [_dense(division) for division in divisions], np.array(costs)


def _cheapest(centres: Reals, sizes: Reals) -> tuple[int, int, float]:
    squares = (centres**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * centres @ centres.T, 0)
    costs = apart * (sizes[:, None] * sizes / (sizes[:, None] + sizes))
    costs[np.tril_indices(len(sizes))] = np.inf
    i, j = np.unravel_index(costs.argmin(), costs.shape)
    return int(i), int(j), float(costs[i, j])


def merge_fragments(graph: sparse.csr_matrix, labels: Labels, vectors: Floats, min_size: int) -> Labels:
    """Communities below ``min_size`` joined, smallest first, to the one that they are most linked to, else most like.

    Of more than ``MOST_FINE`` communities, the smallest join those at once, whatever their size.
    """
    labels = by_size(_dense(labels))
    if labels.max(initial=0) >= MOST_FINE:
        labels = _join_largest(graph, labels, vectors)
    between = aggregate(graph, labels).toarray()
    weight = np.bincount(labels).astype(np.float64)
    centres = _sums(vectors, labels)
    parent = np.arange(len(weight))
    while (alive := np.flatnonzero(weight > 0)).size > 1:
        small = alive[weight[alive].argmin()]
        if weight[small] >= min_size:
            break
        others = alive[alive != small]
        near = between[small, others] / weight[others]
        if not near.any():
            near = unit_rows(centres[others]) @ centres[small]
        target = others[near.argmax()]
        between[target] += between[small]
        between[:, target] += between[:, small]
        weight[target] += weight[small]
        centres[target] += centres[small]
        weight[small] = 0
        parent[parent == small] = target
    return _dense(parent[labels])


def _join_largest(graph: sparse.csr_matrix, labels: Labels, vectors: Floats) -> Labels:
    """Only the ``MOST_FINE`` largest of communities that are numbered by size; the others' documents join them."""
    member = membership(np.where(labels < MOST_FINE, labels, MOST_FINE))[:, :MOST_FINE]
    rest = np.flatnonzero(labels >= MOST_FINE)
    centres = unit_rows(np.asarray(member.T @ vectors, dtype=np.float32))
    joined = labels.copy()
    for start in range(0, len(rest), CHUNK):
        rows = rest[start : start + CHUNK]
        linked = np.asarray((graph[rows] @ member).todense())
        similar = vectors[rows] @ centres.T
        joined[rows] = np.where(linked.any(axis=1), linked.argmax(axis=1), similar.argmax(axis=1))
    return joined


def membership(labels: Labels) -> sparse.csr_matrix:
    """Which vertex is in which community, ``(n, c)``."""
    n = len(labels)
    return sparse.csr_matrix(
        (np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, int(labels.max(initial=-1)) + 1)
    )


def aggregate(graph: sparse.csr_matrix, labels: Labels) -> sparse.csr_matrix:
    """Summed weights between communities, ``(c, c)``, those inside (counted from both ends) on the diagonal."""
    member = membership(labels)
    return sparse.csr_matrix(member.T @ graph @ member)


def diversity(labels: Labels) -> float:
    """The probability that two documents drawn with replacement are in different communities."""
    shares = np.bincount(labels) / max(len(labels), 1)
    return float(1 - (shares**2).sum())


def by_size(labels: Labels) -> Labels:
    """The same partition with communities numbered from the largest; ties keep their order."""
    order = np.argsort(-np.bincount(labels), kind="stable") if len(labels) else np.zeros(0, np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    renumbered: Labels = np.take(rank, labels)
    return renumbered


def _dense(labels: npt.NDArray[np.integer]) -> Labels:
    """The same partition with communities numbered without gaps."""
    numbered: Labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return numbered


def _sums(vectors: Floats, labels: Labels) -> Floats:
    return np.asarray(membership(labels).T @ vectors, dtype=np.float32)
