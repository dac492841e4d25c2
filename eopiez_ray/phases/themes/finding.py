"""From the vectors of a collection to its themes: neighbours → sheaf → consistency → communities.

``find_themes`` does all of it. Its parts can be done apart, on many processes, with the same result: the neighbours of
a part of the documents (``Comparison.part``), the graph (``DocumentGraph.of``), one search for communities
(``search_themes``), and the themes (``settle_themes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.belonging import are_outliers, belonging
from eopiez_ray.phases.themes.choosing import Choice
from eopiez_ray.phases.themes.communities import SEEDS, Labels, Partition, Run, by_size, search, settle, undivided
from eopiez_ray.phases.themes.graph import DocumentGraph
from eopiez_ray.phases.themes.layout import map_layout
from eopiez_ray.phases.themes.subject import Floats, Groups, Subject, ThemeOptions
from eopiez_ray.phases.vectors.neighbours import PARTS

Search = tuple[Run | None, ...]
"""One run for each group of documents; None for a group that is not divided."""
Scalar = TypeVar("Scalar", bound=np.generic)

NO_THEME = -1
"""The theme of a document without words."""
EXEMPLARS = 5


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


def find_themes(vectors: Floats, options: ThemeOptions | None = None, groups: Groups | None = None) -> FoundThemes:
    """The themes of documents from their vectors ``(n, d)``, of length 1 or 0; deterministic.

    Args:
        vectors: of the documents.
        options: with ``groups``, they hold for each of these.
        groups: a number for each document, ``(n,)``; no theme has documents of two groups.

    Raises:
        ParameterError: more themes are asked for than documents have words.
    """
    subject = Subject.of(vectors, options or ThemeOptions(), groups)
    graph = DocumentGraph.of(subject, (subject.comparison.part(subject.vectors, part) for part in range(PARTS)))
    return settle_themes(subject, graph, [search_themes(subject, graph, seed) for seed in range(SEEDS)])


def search_themes(subject: Subject, graph: DocumentGraph, seed: int) -> Search:
    """One search for communities, in each group of documents by itself; ``seed`` is below ``SEEDS``."""
    found: list[Run | None] = []
    for members in subject.members():
        wanted = subject.options.wanted(len(members))
        run = None if wanted is None else search(graph.among(members), subject.among(members), wanted, seed)
        found.append(run)
    return tuple(found)


def settle_themes(subject: Subject, graph: DocumentGraph, searches: Sequence[Search]) -> FoundThemes:
    """The themes, from all searches in the order of their seeds."""
    partition = _partition(subject, graph, searches)
    labels, n_themes = partition.labels, int(partition.labels.max(initial=-1)) + 1
    belongs = belonging(graph.weights, labels)
    typical = _exemplars(subject.vectors, labels, belongs.confidence, n_themes)
    return FoundThemes(
        _spread(labels.astype(np.int32), subject, NO_THEME),
        _spread(belongs.confidence, subject, 0.0),
        _spread(belongs.seconds, subject, NO_THEME),
        _spread(belongs.second_confidence, subject, 0.0),
        _spread(are_outliers(graph.by_document(graph.similarities)), subject, False),
        _spread(graph.by_document(graph.consistency), subject, 1.0),
        _spread(map_layout(subject.vectors, graph.weights, labels), subject, 0.5),
        graph.consistency_within(labels, n_themes),
        tuple(tuple(subject.known[rows].tolist()) for rows in typical),
        _facts(graph, partition),
    )


def _facts(graph: DocumentGraph, partition: Partition) -> ThemeFacts:
    return ThemeFacts(
        vertices=len(partition.labels),
        edges=len(graph.ends),
        sections_dimension=graph.sections_dimension,
        euler_characteristic=graph.euler_characteristic,
        mean_consistency=graph.mean_consistency,
        alternatives=partition.choice.alternatives,
        agreement=partition.agreement,
    )


def _partition(subject: Subject, graph: DocumentGraph, searches: Sequence[Search]) -> Partition:
    """The partition of each group by itself, put together."""
    members = subject.members()
    parts = [_settled(subject, graph, rows, runs) for rows, *runs in zip(members, *searches, strict=True)]
    if len(parts) == 1:
        return parts[0]
    labels = np.zeros(len(subject.vectors), np.int64)
    for number, rows in enumerate(members):
        labels[rows] = parts[number].labels + sum(part.choice.number for part in parts[:number])
    agreement = np.average([part.agreement for part in parts], weights=[len(rows) for rows in members])
    return Partition(by_size(labels), Choice(sum(part.choice.number for part in parts)), float(agreement))


def _settled(subject: Subject, graph: DocumentGraph, rows: Labels, runs: Sequence[Run | None]) -> Partition:
    wanted, known = subject.options.wanted(len(rows)), [run for run in runs if run is not None]
    if wanted is None or not known:
        return undivided(len(rows))
    return settle(graph.among(rows), subject.among(rows), wanted, known)


def _exemplars(vectors: Floats, labels: Labels, confidence: Floats, n_themes: int) -> list[npt.NDArray[np.int64]]:
    """Rows nearest to the centre of their theme among those that surely belong to it."""
    found = []
    for theme in range(n_themes):
        members = np.flatnonzero(labels == theme)
        centre = vectors[members].mean(axis=0)
        typical = (vectors[members] @ centre) * confidence[members]
        found.append(members[np.argsort(-typical, kind="stable")[:EXEMPLARS]])
    return found


def _spread(values: npt.NDArray[Scalar], subject: Subject, rest: float) -> npt.NDArray[Scalar]:
    """Values of the documents with words at their place among all, ``rest`` elsewhere."""
    if len(values) == subject.n:
        return values
    spread = np.full((subject.n, *values.shape[1:]), rest, values.dtype)
    spread[subject.known] = values
    return spread
