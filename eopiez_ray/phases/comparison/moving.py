"""The documents that two runs have in common, and what became of each document.

A document is the same where its text is the same, white space aside: ids may be numbers that each collection begins
anew, but equal digests are equal texts. Of texts that occur several times, the first one here belongs to the first one
there, and so on; copies are interchangeable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Digests = npt.NDArray[np.uint64]
Labels = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NOWHERE = -1
"""The partner of a document that only one of the runs has."""


class Change(StrEnum):
    """What became of a document from the run before to the one after."""

    STAYED = "stayed"
    """Both have it, in themes that belong together."""
    MOVED = "moved"
    """Both have it, in themes that do not."""
    GONE = "gone"
    """The run before alone has it."""
    NEW = "new"
    """The run after alone has it."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which documents of two runs are the same."""

    before: Rows
    """Rows of the run before, sorted, ``(c,)``."""
    after: Rows
    """Their rows in the run after, ``(c,)``."""
    sizes: tuple[int, int]
    """Documents of both runs."""

    @classmethod
    def of(cls, before: Digests, after: Digests) -> Pairing:
        """The pairs of equal texts.

        Args:
            before: digests of the documents, ``(n, 2)``.
            after: the same of the other run, ``(m, 2)``.
        """
        n, m = len(before), len(after)
        digests = np.concatenate([before, after])
        order, begins = _sorted(digests)
        text = np.cumsum(begins) - 1
        is_before = order < n
        here = np.bincount(text[is_before], minlength=int(begins.sum()))
        there = np.bincount(text[~is_before], minlength=int(begins.sum()))
        rank = np.arange(n + m) - np.flatnonzero(begins)[text] - np.where(is_before, 0, here[text])
        is_paired = rank < np.minimum(here, there)[text]
        ours, theirs = order[is_before & is_paired], order[~is_before & is_paired] - n
        by_row = np.argsort(ours)
        return cls(ours[by_row], theirs[by_row], (n, m))

    def alone_before(self) -> Rows:
        """Rows of the documents that only the run before has."""
        return _others(self.before, self.sizes[0])

    def alone_after(self) -> Rows:
        """Rows of the documents that only the run after has."""
        return _others(self.after, self.sizes[1])


def _sorted(digests: Digests) -> tuple[Rows, Flags]:
    """The order in which equal digests follow each other, those of earlier rows first, and where each one begins."""
    order = np.argsort(digests[:, 0], kind="stable")
    first, second = digests[order].T
    begins = np.ones(len(digests), np.bool_)
    begins[1:] = first[1:] != first[:-1]
    if (second[1:] != second[:-1])[~begins[1:]].any():  # Half a digest is hardly ever that of two texts.
        order = np.lexsort((digests[:, 1], digests[:, 0]))
        first, second = digests[order].T
        begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return order, begins


def _others(rows: Rows, n: int) -> Rows:
    is_other = np.ones(n, np.bool_)
    is_other[rows] = False
    return np.flatnonzero(is_other)


def shared_documents(pairing: Pairing, before: Labels, after: Labels, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Documents that both runs have, by their themes: ``(1 + themes before, 1 + themes after)``.

    The first row and the first column are those of documents without a theme.

    Args:
        pairing: the documents that both have.
        before: the theme of each document of the run before, -1 for none, ``(n,)``.
        after: the same of the run after, ``(m,)``.
        shape: themes of both runs.
    """
    width = shape[1] + 1
    cells = (before[pairing.before].astype(np.int64) + 1) * width + after[pairing.after] + 1
    return np.bincount(cells, minlength=(shape[0] + 1) * width).reshape(-1, width)
