"""From the vectors of a collection to its themes: neighbours → sheaf → consistency → communities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, get_args

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.themes.belonging import are_outliers, belonging
from eopiez_ray.phases.themes.choosing import Choice, Granularity
from eopiez_ray.phases.themes.communities import Labels, Partition, Wanted, by_size, find_partition, undivided
from eopiez_ray.phases.themes.documents import document_sheaf, undirected_edges
from eopiez_ray.phases.themes.layout import map_layout
from eopiez_ray.phases.themes.transport import bundle_sections_dimension
from eopiez_ray.phases.vectors.neighbours import nearest_neighbours

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Groups = npt.NDArray[np.integer]
Scalar = TypeVar("Scalar", bound=np.generic)

NO_THEME = -1
"""The theme of a document without words."""
EXEMPLARS = 5
LEAST_WEIGHT = 1e-3
"""Weight of an edge whose ends are not similar at all."""


@dataclass(frozen=True, slots=True)
class ThemeOptions:
    """How themes are looked for."""

    neighbours: int = 15
    """Edges that each document gives to the graph."""
    max_themes: int = 60
    """Themes at most, 2 to 1,000."""
    min_documents: int | None = None
    """Documents in the smallest theme; None takes one in 200 documents, at least 3."""
    themes: int | None = None
    """Themes exactly, 1 to 1,000, whatever ``max_themes`` and ``min_documents`` say; None finds out how many."""
    granularity: Granularity = "normal"
    """Few wide themes, ``coarse``, or many narrow ones, ``fine``; without effect on an exact number."""

    def __post_init__(self) -> None:
        if not 1 <= self.neighbours <= 200:
            raise ParameterError(f"neighbours is {self.neighbours}; it must be from 1 to 200")
        if not 2 <= self.max_themes <= 1_000:
            raise ParameterError(f"max_themes is {self.max_themes}; it must be from 2 to 1,000")
        if self.min_documents is not None and self.min_documents < 1:
            raise ParameterError(f"min_documents is {self.min_documents}; it must be at least 1")
        if self.themes is not None and not 1 <= self.themes <= 1_000:
            raise ParameterError(f"themes is {self.themes}; it must be from 1 to 1,000")
        if self.granularity not in get_args(Granularity):
            raise ParameterError(f"granularity is {self.granularity!r}; choose {', '.join(get_args(Granularity))}")

    def least_documents(self, n: int) -> int:
        """Documents in the smallest theme of a collection of ``n``."""
        return self.min_documents if self.min_documents is not None else max(3, n // 200)


@dataclass(frozen=True, slots=True)
class ThemeFacts:
    """What was measured on the way to the themes."""

    vertices: int
    """Documents with words."""
    edges: int
    """Pairs of neighbours."""
    sections_dimension: int
    """dim H⁰ of the document sheaf, exact (``transport``)."""
    euler_characteristic: int
    """dim C⁰ - dim C¹ of the document sheaf."""
    mean_consistency: float
    """Over all edges, in [0, 1]; 1 without edges."""
    alternatives: tuple[tuple[int, float], ...]
    """The next best numbers of themes, each with its score over that of the chosen one (``choosing``), best first."""
    agreement: float
    """Mean normalized mutual information between the runs that the themes come from, 0 to 1."""


@dataclass(frozen=True, slots=True)
class FoundThemes:
    """The themes of ``n`` documents, numbered from the largest."""

    themes: npt.NDArray[np.int32]
    """``(n,)``; -1 for a zero vector."""
    confidence: Floats
    """``(n,)`` in [0, 1]: the share of a document's weight in the graph that goes to its own theme."""
    seconds: npt.NDArray[np.int32]
    """``(n,)``: the theme that it most belongs to besides; -1 where there is none."""
    second_confidence: Floats
    """``(n,)`` in [0, 1]: the share of its weight that goes there."""
    outliers: npt.NDArray[np.bool_]
    """``(n,)``: whether it is unlike its nearest neighbours (``belonging``)."""
    consistency: Floats
    """``(n,)`` in [0, 1]: mean over the document's edges."""
    positions: Floats
    """``(n, 2)`` in [0, 1], on the map."""
    theme_consistency: Floats
    """``(n_themes,)``: mean over the edges inside."""
    exemplars: tuple[tuple[int, ...], ...]
    """Of each theme, the most typical documents, best first."""
    facts: ThemeFacts


@dataclass(frozen=True, slots=True)
class _Edges:
    """The neighbour graph."""

    ends: Indices
    """``(m, 2)``."""
    similarities: Floats
    consistency: Floats
    sections_dimension: int
    euler_characteristic: int


def find_themes(vectors: Floats, options: ThemeOptions | None = None, groups: Groups | None = None) -> FoundThemes:
    """The themes of documents from their vectors ``(n, d)``, of length 1 or 0; deterministic.

    Args:
        vectors: of the documents.
        options: with ``groups``, they hold for each of these.
        groups: a number for each document, ``(n,)``; no theme has documents of two groups.

    Raises:
        ParameterError: more themes are asked for than documents have words.
    """
    options = options or ThemeOptions()
    known = np.flatnonzero(vectors.any(axis=1))
    used = vectors if len(known) == len(vectors) else vectors[known]
    edges = _neighbour_edges(used, options.neighbours)
    graph = weighted_graph(len(used), edges.ends, edges.similarities * edges.consistency)
    partition = _partition(graph, used, options, np.zeros(len(used), np.int64) if groups is None else groups[known])
    belongs = belonging(graph, partition.labels)
    positions = map_layout(used, graph, partition.labels)
    n_themes = int(partition.labels.max(initial=-1)) + 1
    facts = ThemeFacts(
        len(used),
        len(edges.ends),
        edges.sections_dimension,
        edges.euler_characteristic,
        float(edges.consistency.mean()) if len(edges.ends) else 1.0,
        partition.choice.alternatives,
        partition.agreement,
    )
    return FoundThemes(
        _spread(partition.labels.astype(np.int32), known, len(vectors), NO_THEME),
        _spread(belongs.confidence, known, len(vectors), 0.0),
        _spread(belongs.seconds, known, len(vectors), NO_THEME),
        _spread(belongs.second_confidence, known, len(vectors), 0.0),
        _spread(are_outliers(_mean_by_vertex(edges, edges.similarities, len(used))), known, len(vectors), False),
        _spread(_mean_by_vertex(edges, edges.consistency, len(used)), known, len(vectors), 1.0),
        _spread(positions, known, len(vectors), 0.5),
        _mean_by_theme(edges, partition.labels, n_themes),
        tuple(tuple(known[rows].tolist()) for rows in _exemplars(used, partition.labels, belongs.confidence, n_themes)),
        facts,
    )


def weighted_graph(n: int, edges: Indices, weights: Floats) -> sparse.csr_matrix:
    """The symmetric matrix of an undirected graph; weights are at least ``LEAST_WEIGHT``."""
    both = np.concatenate([edges, edges[:, ::-1]])
    data = np.tile(np.maximum(weights, LEAST_WEIGHT).astype(np.float64), 2)
    graph = sparse.csr_matrix((data, (both[:, 0], both[:, 1])), shape=(n, n))
    graph.sort_indices()
    return graph


def _neighbour_edges(vectors: Floats, k: int) -> _Edges:
    near = nearest_neighbours(vectors, k)
    ends, similarities = undirected_edges(near)
    sheaf, cochain = document_sheaf(vectors, near)
    consistency = sheaf.consistency(cochain)
    return _Edges(ends, similarities, consistency, bundle_sections_dimension(sheaf), sheaf.euler_characteristic)


def _partition(graph: sparse.csr_matrix, vectors: Floats, options: ThemeOptions, groups: Groups) -> Partition:
    """The partition of each group by itself, put together."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    if len(members) <= 1:
        return _partition_of_one(graph, vectors, options)
    labels, parts = np.zeros(len(vectors), np.int64), []
    for rows in members:
        parts.append(_partition_of_one(sparse.csr_matrix(graph[rows][:, rows]), vectors[rows], options))
        labels[rows] = parts[-1].labels + sum(part.choice.number for part in parts[:-1])
    agreement = np.average([part.agreement for part in parts], weights=[len(rows) for rows in members])
    return Partition(by_size(labels), Choice(sum(part.choice.number for part in parts)), float(agreement))


def _partition_of_one(graph: sparse.csr_matrix, vectors: Floats, options: ThemeOptions) -> Partition:
    n, least = len(vectors), options.least_documents(len(vectors))
    if options.themes is not None and options.themes > n > 0:
        raise ParameterError(f"themes is {options.themes}, but only {n} documents have words; ask for fewer themes")
    if n == 0 or options.themes == 1 or (options.themes is None and n < 2 * least):
        return undivided(n)
    return find_partition(graph, vectors, Wanted(options.max_themes, least, options.themes, options.granularity))


def _mean_by_vertex(edges: _Edges, values: Floats, n: int) -> Floats:
    return _means(edges.ends.T.ravel(), np.tile(values, 2), n)


def _mean_by_theme(edges: _Edges, labels: Labels, n_themes: int) -> Floats:
    tails, heads = labels[edges.ends[:, 0]], labels[edges.ends[:, 1]]
    inside = tails == heads
    return _means(tails[inside], edges.consistency[inside], n_themes)


def _means(keys: npt.NDArray[np.integer], values: Floats, size: int) -> Floats:
    """The mean of the values of each key; 1 where there are none."""
    sums, counts = np.bincount(keys, values, minlength=size), np.bincount(keys, minlength=size)
    return np.divide(sums, counts, out=np.ones(size), where=counts > 0).astype(np.float32)


def _exemplars(vectors: Floats, labels: Labels, confidence: Floats, n_themes: int) -> list[npt.NDArray[np.int64]]:
    """Rows nearest to the centre of their theme among those that surely belong to it."""
    found = []
    for theme in range(n_themes):
        members = np.flatnonzero(labels == theme)
        centre = vectors[members].mean(axis=0)
        typical = (vectors[members] @ centre) * confidence[members]
        found.append(members[np.argsort(-typical, kind="stable")[:EXEMPLARS]])
    return found


def _spread(values: npt.NDArray[Scalar], rows: Labels, n: int, rest: float) -> npt.NDArray[Scalar]:
    """Values of some rows at their place among ``n``, ``rest`` elsewhere."""
    if len(rows) == n:
        return values
    spread = np.full((n, *values.shape[1:]), rest, values.dtype)
    spread[rows] = values
    return spread
