"""Which themes of two runs belong together.

As in MONIC (Spiliopoulou, Ntoutsi, Theodoridis and Schult 2006, section 3), a theme lives on in the one that takes more
than half of what it had. Here both directions count, so that a small theme cut out of a large one is a part of it:
themes that are joined so form a *group*. One theme on either side is one that was kept, several on one side were split
or merged, and a theme that is joined to none is gone or new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Links = npt.NDArray[np.bool_]
Weights = Mapping[str, float]

MAJORITY = 0.5
"""Share of a theme's documents above which another is what became of it."""
ALIKE = 0.2
"""Similarity in words from which two themes that are nearest to each other are one."""
MUCH_ALIKE = 0.5
"""Similarity from which a theme belongs to the one nearest to it, although that one is nearer to others."""


class GroupKind(StrEnum):
    """What became of themes."""

    KEPT = "kept"
    SPLIT = "split"
    MERGED = "merged"
    MIXED = "mixed"
    """Several became several others."""
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Matched:
    """Themes that belong together, by number, lowest first."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def kind(self) -> GroupKind:
        """What became of them."""
        match (min(len(self.before), 2), min(len(self.after), 2)):
            case (_, 0):
                return GroupKind.GONE
            case (0, _):
                return GroupKind.NEW
            case (1, 1):
                return GroupKind.KEPT
            case (1, _):
                return GroupKind.SPLIT
            case (_, 1):
                return GroupKind.MERGED
            case _:
                return GroupKind.MIXED


def linked_by_documents(shared: Counts) -> Links:
    """Which themes hold most of each other's documents, ``(b, a)``.

    Args:
        shared: documents that both runs have, as from ``shared_documents``; those without a theme count too.
    """
    inner = shared[1:, 1:]
    links: Links = (inner > MAJORITY * shared.sum(axis=1)[1:, None]) | (inner > MAJORITY * shared.sum(axis=0)[1:])
    return links


def similarities(before: Sequence[Weights], after: Sequence[Weights]) -> Reals:
    """Cosines of the weights of words, regardless of case, ``(b, a)``; 0 where a theme has none."""
    places = {
        word: place for place, word in enumerate(sorted({_folded(word) for each in (*before, *after) for word in each}))
    }
    cosines: Reals = _rows(before, places) @ _rows(after, places).T
    return cosines


def linked_by_words(similar: Reals) -> Links:
    """Which themes are about the same: the nearest to each other, and those that are much alike, ``(b, a)``."""
    if not similar.size:
        return np.zeros(similar.shape, np.bool_)
    nearest_after = similar == similar.max(axis=1, keepdims=True)
    nearest_before = similar == similar.max(axis=0, keepdims=True)
    links: Links = (nearest_after & nearest_before & (similar >= ALIKE)) | (
        (nearest_after | nearest_before) & (similar >= MUCH_ALIKE)
    )
    return links


def matched(links: Links) -> Iterator[Matched]:
    """The groups of linked themes, and each theme without a link by itself, in the order of the run after."""
    from scipy import sparse

    b, a = links.shape
    rows, columns = np.nonzero(links)
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows + a, columns)), shape=(a + b, a + b))
    count, group = sparse.csgraph.connected_components(graph, directed=False)
    for each in range(count):
        members = np.flatnonzero(group == each)
        yield Matched(tuple((members[members >= a] - a).tolist()), tuple(members[members < a].tolist()))


def _rows(themes: Sequence[Weights], places: Mapping[str, int]) -> Reals:
    rows = np.zeros((len(themes), len(places)))
    for row, weights in zip(rows, themes, strict=True):
        for word, weight in weights.items():
            row[places[_folded(word)]] += weight
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Reals = np.divide(rows, lengths, out=rows, where=lengths > 0)
    return scaled


def _folded(word: str) -> str:
    return word.casefold()
