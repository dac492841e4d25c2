"""Communities of a weighted graph that are also groups of similar vectors, their number not given.

1. *Fine communities*: the Leiden algorithm (Traag, Waltman and van Eck 2019) maximizes modularity with a resolution γ
   (Reichardt and Bornholdt 2006) above that of the themes that are looked for; fragments join their neighbours.
2. *Refinement*: a document goes where its neighbours in the graph and its own vector point: to the community with the
   greatest share of its edges' weight plus twice the cosine to its centre, a few rounds long. The graph alone errs
   where a document has odd neighbours, the centres alone where a community is not round.
3. *Merging*: each fine community is cut in two across its principal direction, and the pieces are merged, again and
   again, by the distances of ``hierarchy``. Where a fine community is one thing, its halves show what it costs to join
   what belongs together.
4. *Number*: ``choosing`` scores the divisions, unless the number is given.

All this is done for several runs of the Leiden algorithm, each by itself (``search``); then their scores are averaged,
and of their divisions into the chosen number of groups, the one that agrees most with the others is refined once more
(``settle``), unless that takes all documents from one: where all documents speak alike, the largest community would
take in the others. The result is deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import graspologic_native
import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.themes.choosing import Choice, Granularity, choose_number
from eopiez_ray.phases.themes.hierarchy import FEWEST, Hierarchy, membership, merge_pieces
from eopiez_ray.phases.themes.quality import Quality
from eopiez_ray.phases.vectors.static import unit_rows

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FINE_RESOLUTION = 3.0
SEEDS = 4
"""Runs of the Leiden algorithm."""
ROUNDS = 5
"""Of refinement, at most."""
MOST_FINE = 400
"""Fine communities at most."""
CHUNK = 20_000
"""Vertices whose next community is looked for together."""
POWER_ITERATIONS = 12
CENTRE_WEIGHT = 2.0
"""What the cosine to the centre counts in refinement, over the share of edges."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a partition."""

    most: int
    """Communities at most."""
    least_size: int
    """Vertices in the smallest."""
    number: int | None = None
    """Of communities, exactly, whatever ``most`` and ``least_size`` say; None leaves the choice to ``choosing``."""
    granularity: Granularity = "normal"


@dataclass(frozen=True, slots=True)
class Partition:
    """A division of the vertices into communities, numbered from the largest."""

    labels: Labels
    choice: Choice
    agreement: float
    """Mean normalized mutual information between runs of the Leiden algorithm, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Run:
    """What follows from one run of the Leiden algorithm."""

    pieces: Labels
    """``(n,)``."""
    hierarchy: Hierarchy
    n_fine: int
    """Fine communities."""

    def division(self, k: int) -> Labels:
        """The community of each vertex, ``(n,)``, when ``k`` are left."""
        groups: Labels = self.hierarchy.division(min(k, self.hierarchy.n_pieces))[self.pieces]
        return groups


def undivided(n: int) -> Partition:
    """All of ``n`` vertices in one community."""
    return Partition(np.zeros(n, np.int64), Choice(min(n, 1)), 1.0)


def search(graph: sparse.csr_matrix, vectors: Floats, wanted: Wanted, seed: int) -> Run:
    """One run: steps 1 to 3 of this module.

    Args:
        graph: symmetric weights, ``(n, n)``, without loops.
        vectors: of length 1, ``(n, d)``.
        wanted: what is asked of the partition.
        seed: below ``SEEDS``.
    """
    fine = merge_fragments(graph, leiden(graph, FINE_RESOLUTION, seed), vectors, wanted.least_size)
    fine = refine(graph, vectors, fine)
    pieces = bisect(vectors, fine)
    while wanted.number is not None and pieces.max() + 1 < wanted.number:
        halves = bisect(vectors, pieces)
        if halves.max() == pieces.max():
            break
        pieces = halves
    return Run(pieces, merge_pieces(graph, vectors, pieces), int(fine.max(initial=0)) + 1)


def settle(graph: sparse.csr_matrix, vectors: Floats, wanted: Wanted, runs: Sequence[Run]) -> Partition:
    """The best partition of ``n`` vertices by the criteria of this module, from all runs.

    With an exact number there are fewer communities only where there are fewer different vectors.
    """
    choice = _choice(graph, vectors, wanted, runs)
    if choice is None:
        return undivided(len(vectors))
    division, agreement = _central([run.division(choice.number) for run in runs])
    refined = refine(graph, vectors, division)
    if refined.max() < division.max():
        refined = division
    if wanted.number is None:
        refined = merge_fragments(graph, refined, vectors, wanted.least_size)
    found = replace(choice, number=int(refined.max()) + 1)
    return Partition(by_size(refined), found, agreement)


def _choice(graph: sparse.csr_matrix, vectors: Floats, wanted: Wanted, runs: Sequence[Run]) -> Choice | None:
    if wanted.number is not None:
        return Choice(wanted.number)
    most = min(wanted.most, *(run.n_fine for run in runs))
    if most < FEWEST:
        return None
    qualities = [Quality.of(graph, vectors, run.pieces, run.hierarchy, most) for run in runs]
    return choose_number([run.hierarchy for run in runs], qualities, len(vectors), wanted.granularity)


def _central(divisions: list[Labels]) -> tuple[Labels, float]:
    """The division that agrees most with all, the first of several, and the mean agreement between two of them."""
    count = len(divisions)
    agreements = np.ones((count, count))
    for i, j in combinations(range(count), 2):
        agreements[i, j] = agreements[j, i] = mutual_information(divisions[i], divisions[j])
    central = int(agreements.sum(axis=1).round(9).argmax())
    return divisions[central], float((agreements.sum() - count) / max(count * (count - 1), 1))


def mutual_information(one: Labels, other: Labels) -> float:
    """Normalized by the mean of both entropies, in [0, 1]; 1 where neither divides anything."""
    joint = np.asarray((membership(one).T @ membership(other)).todense(), dtype=np.float64) / max(len(one), 1)
    both = _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))
    shared = both - _entropy(joint.ravel())
    return float(np.clip(2 * shared / both, 0, 1)) if both > 0 else 1.0


def _entropy(shares: Reals) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


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
        member, centres = membership(labels), unit_rows(_sums(vectors, labels)).T
        moved = np.empty(len(labels), np.int64)
        for start in range(0, len(labels), CHUNK):
            rows = slice(start, start + CHUNK)
            towards = np.asarray((shares[rows] @ member).todense())
            towards += CENTRE_WEIGHT * (vectors[rows] @ centres)
            moved[rows] = towards.argmax(axis=1)
        moved = _dense(moved)
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


def aggregate(graph: sparse.csr_matrix, labels: Labels) -> sparse.csr_matrix:
    """Summed weights between communities, ``(c, c)``, those inside (counted from both ends) on the diagonal."""
    member = membership(labels)
    return sparse.csr_matrix(member.T @ graph @ member)


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
