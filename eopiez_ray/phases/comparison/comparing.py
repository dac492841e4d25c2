"""The comparison of two runs: groups of themes, what they were and are, and the documents that went elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.comparison.matching import (
    Counts,
    GroupKind,
    Links,
    Matched,
    Reals,
    Weights,
    linked_by_documents,
    linked_by_words,
    matched,
    similarities,
)
from eopiez_ray.phases.comparison.moving import Change, Labels, Pairing, Rows, shared_documents

ENOUGH = 0.5
"""Share of the smaller run's documents from which themes are matched by the documents in common."""
MOST_MOVES = 500
"""Moves between two themes that are listed, the largest first."""


class MatchedBy(StrEnum):
    """What themes are matched by."""

    DOCUMENTS = "documents"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of a run."""

    themes: Labels
    """The theme of each document, -1 for none, ``(n,)``."""
    sizes: Sequence[int]
    """Documents of each theme."""
    weights: Sequence[Weights]
    """The words of each theme, with their weights."""


@dataclass(frozen=True, slots=True)
class Group:
    """Themes that belong together, and their documents."""

    kind: GroupKind
    before: tuple[int, ...]
    after: tuple[int, ...]
    documents_before: int
    documents_after: int
    share_before: float
    """Of all documents of the run before."""
    share_after: float
    stayed: int
    """Documents that were in the group and still are."""
    left: int
    """Documents that were in it and are elsewhere now, or in no theme."""
    joined: int
    """Documents that were elsewhere and are in it now."""
    gone: int
    """Documents of it that the run after does not have."""
    new: int
    """Documents of it that the run before did not have."""
    similarity: float | None
    """The best cosine of the words of a theme before and one after; None for a group of one side."""


@dataclass(frozen=True, slots=True)
class Move:
    """Documents that went from a theme into one that does not belong to it; -1 is none."""

    before: int
    after: int
    documents: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other."""

    matched_by: MatchedBy
    documents_before: int
    documents_after: int
    common: int
    """Documents that both have."""
    moved: int
    groups: tuple[Group, ...]
    """The largest after first, then what is gone."""
    moves: tuple[Move, ...]
    """The largest first, at most ``MOST_MOVES``."""
    pairing: Pairing
    belongs: npt.NDArray[np.bool_]
    """Which themes belong together, ``(1 + themes before, 1 + themes after)``; the first ones are of no theme."""

    def rows(self, change: Change, before: Labels, after: Labels) -> Rows:
        """Pairs of rows, ``(c, 2)``, of the documents with which that happened; -1 in a run that has it not.

        They are in the order of the run after, those that are gone in that of the run before.

        Args:
            change: what happened.
            before: the theme of each document of the run before, ``(n,)``.
            after: the same of the run after, ``(m,)``.
        """
        if change is Change.GONE:
            return _beside(self.pairing.alone_before(), 0)
        if change is Change.NEW:
            return _beside(self.pairing.alone_after(), 1)
        pairs = np.stack([self.pairing.before, self.pairing.after], axis=1)
        stayed = self.belongs[before[pairs[:, 0]] + 1, after[pairs[:, 1]] + 1]
        chosen = pairs[stayed if change is Change.STAYED else ~stayed]
        ordered: Rows = chosen[np.argsort(chosen[:, 1])]
        return ordered


def compare(before: Side, after: Side, pairing: Pairing, by: MatchedBy | None = None) -> Comparison:
    """Compare two runs.

    Args:
        before: the one run.
        after: the other.
        pairing: the documents that both have.
        by: what themes are matched by; None takes documents where the runs have enough of them in common.
    """
    shape = (len(before.sizes), len(after.sizes))
    shared = shared_documents(pairing, before.themes, after.themes, shape)
    similar = similarities(before.weights, after.weights)
    chosen = by or _fitting(pairing)
    links = linked_by_documents(shared) if chosen is MatchedBy.DOCUMENTS else linked_by_words(similar)
    groups = list(matched(links))
    belongs = _belonging(groups, shape)
    gone, new = (
        np.bincount(side.themes[rows] + 1, minlength=len(side.sizes) + 1)
        for side, rows in ((before, pairing.alone_before()), (after, pairing.alone_after()))
    )
    counted = (_group(each, (before, after), shared, (gone, new), similar) for each in groups)
    elsewhere = np.where(belongs, 0, shared)
    return Comparison(
        chosen, *pairing.sizes, len(pairing.before), int(elsewhere.sum()),
        tuple(sorted(counted, key=lambda group: (-group.documents_after, -group.documents_before))),
        tuple(_moves(elsewhere)), pairing, belongs,
    )  # fmt: skip


def _fitting(pairing: Pairing) -> MatchedBy:
    is_enough = len(pairing.before) >= max(1.0, ENOUGH * min(pairing.sizes))
    return MatchedBy.DOCUMENTS if is_enough else MatchedBy.WORDS


def _belonging(groups: Sequence[Matched], shape: tuple[int, int]) -> Links:
    belongs = np.zeros((shape[0] + 1, shape[1] + 1), np.bool_)
    belongs[0, 0] = True
    for each in groups:
        belongs[np.ix_(np.array(each.before, np.int64) + 1, np.array(each.after, np.int64) + 1)] = True
    return belongs


def _group(
    themes: Matched, sides: tuple[Side, Side], shared: Counts, alone: tuple[Counts, Counts], similar: Reals
) -> Group:
    rows, columns = (np.array(each, np.int64) + 1 for each in (themes.before, themes.after))
    stayed = int(shared[np.ix_(rows, columns)].sum())
    before, after = (
        sum(side.sizes[each] for each in numbers)
        for side, numbers in zip(sides, (themes.before, themes.after), strict=True)
    )
    alike = similar[np.ix_(rows - 1, columns - 1)]
    return Group(
        kind=themes.kind,
        before=themes.before,
        after=themes.after,
        documents_before=before,
        documents_after=after,
        share_before=before / max(1, len(sides[0].themes)),
        share_after=after / max(1, len(sides[1].themes)),
        stayed=stayed,
        left=int(shared[rows].sum()) - stayed,
        joined=int(shared[:, columns].sum()) - stayed,
        gone=int(alone[0][rows].sum()),
        new=int(alone[1][columns].sum()),
        similarity=float(alike.max()) if alike.size else None,
    )


def _moves(elsewhere: Counts) -> list[Move]:
    rows, columns = np.nonzero(elsewhere)
    largest = np.argsort(-elsewhere[rows, columns], kind="stable")[:MOST_MOVES]
    return [
        Move(int(rows[each]) - 1, int(columns[each]) - 1, int(elsewhere[rows[each], columns[each]])) for each in largest
    ]


def _beside(rows: Rows, side: int) -> Rows:
    pairs = np.full((len(rows), 2), -1, np.int64)
    pairs[:, side] = rows
    return pairs
