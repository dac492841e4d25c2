"""The themes of a collection as a tree: the more two of them have in common, the lower the branch that holds both.

Themes are joined from their centres by the cost of ``hierarchy`` alone, because the graph is not kept with a run's
results. That makes a tree of pairs; a branch that is hardly lower than the one above it is dissolved into that one, so
that what lies equally far apart stands side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.hierarchy import Hierarchy, merge_groups

Reals = npt.NDArray[np.float64]

FLAT = 0.5
"""Share of the height of the branch above from which a branch is dissolved into it."""
TERMS = 10


@dataclass(frozen=True, slots=True)
class Leaf:
    """A theme as the tree takes it."""

    documents: int
    weights: Mapping[str, float]
    """Its words."""


@dataclass(frozen=True, slots=True)
class Node:
    """A branch or, if it is one theme, a leaf."""

    id: int
    """The theme; branches count from the number of themes on."""
    parent: int | None
    """None for the root."""
    level: int
    """0 for the root."""
    themes: tuple[int, ...]
    """All of the branch, in the order of the tree."""
    documents: int
    terms: tuple[str, ...]
    """Its best words, best first."""


def theme_tree(leaves: Sequence[Leaf], centres: Reals) -> tuple[Node, ...]:
    """The nodes, each before those below it, larger ones first; the first one is the root. None without themes.

    Args:
        leaves: of the themes, by number.
        centres: the means of their documents' vectors, ``(themes, d)``.
    """
    if not leaves:
        return ()
    sizes = np.array([max(1, leaf.documents) for leaf in leaves], np.float64)
    children, root = _flattened(merge_groups(sizes, centres))
    return tuple(_walked(root, children, leaves))


def centres_of(batches: Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]], n_themes: int) -> Reals:
    """The means of the vectors of each theme, ``(n_themes, d)``; one batch is held in memory.

    Args:
        batches: themes ``(n,)``, -1 for none, and vectors ``(n, d)`` of the same documents.
        n_themes: how many there are.
    """
    sums, counts = np.zeros((n_themes, 0)), np.zeros(n_themes)
    for themes, vectors in batches:
        if not sums.shape[1]:
            sums = np.zeros((n_themes, vectors.shape[1]))
        for theme in np.unique(themes[themes >= 0]).tolist():
            sums[theme] += vectors[themes == theme].sum(axis=0, dtype=np.float64)
        counts += np.bincount(themes[themes >= 0], minlength=n_themes)
    means: Reals = sums / np.maximum(counts, 1)[:, None]
    return means


def _flattened(hierarchy: Hierarchy) -> tuple[dict[int, list[int]], int]:
    """The nodes below each branch, and the root, with the branches dissolved that are as high as the one above.

    A branch is as high as joining its parts costs.
    """
    n = hierarchy.n_pieces
    nodes, heights = list(range(n)), dict.fromkeys(range(n), 0.0)
    children: dict[int, list[int]] = {}
    for place, ((kept, gone), cost) in enumerate(zip(hierarchy.pairs.tolist(), hierarchy.costs.tolist(), strict=True)):
        branch = n + place
        children[branch] = [
            each
            for node in (nodes[kept], nodes[gone])
            for each in (children.pop(node) if node >= n and heights[node] >= FLAT * cost else [node])
        ]
        nodes[kept], heights[branch] = branch, cost
    return children, nodes[0]


def _walked(root: int, children: Mapping[int, list[int]], leaves: Sequence[Leaf]) -> Iterator[Node]:
    """Depth first; without recursion, for a tree may be as deep as it has themes."""
    themes = _themes_below(root, children)
    sizes = {node: sum(leaves[each].documents for each in below) for node, below in themes.items()}
    waiting: list[tuple[int, int | None, int]] = [(root, None, 0)]
    while waiting:
        node, parent, level = waiting.pop()
        yield Node(
            node, parent, level, tuple(themes[node]), sizes[node], _terms([leaves[each] for each in themes[node]])
        )
        below = sorted(children.get(node, ()), key=lambda each: (sizes[each], -each))
        waiting.extend((each, node, level + 1) for each in below)


def _themes_below(root: int, children: Mapping[int, list[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    waiting = [root]
    while waiting:
        node = waiting[-1]
        below = children.get(node, [])
        missing = [each for each in below if each not in found]
        if missing:
            waiting.extend(missing)
        else:
            found[node] = sorted(theme for each in below for theme in found[each]) if below else [node]
            waiting.pop()
    return found


def _terms(leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """The words with most weight in themes, each counted by its documents."""
    weights: defaultdict[str, float] = defaultdict(float)
    for leaf in leaves:
        for term, weight in leaf.weights.items():
            weights[term] += weight * leaf.documents
    return tuple(sorted(weights, key=lambda term: (-weights[term], term))[:TERMS])
