"""What themes are looked for in: the documents of a collection that have words, and what is asked of each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, get_args

import numpy as np
import numpy.typing as npt

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.themes.choosing import Granularity
from eopiez_ray.phases.themes.communities import Wanted
from eopiez_ray.phases.vectors.neighbours import Comparison

Floats = npt.NDArray[np.float32]
Groups = npt.NDArray[np.integer]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ThemeOptions:
    """How themes are looked for."""

    neighbours: int = 15
    """Edges that each document gives to the graph."""
    max_themes: int = 60
    """Themes at most, 2 to 1,000."""
    min_documents: int | None = None
    """Documents in the smallest theme; None takes one in 400 documents, at least 3."""
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

    def wanted(self, n: int) -> Wanted | None:
        """What is asked of the partition of ``n`` documents; None if they are not to be divided.

        Raises:
            ParameterError: more themes are asked for than there are documents.
        """
        least = self.min_documents if self.min_documents is not None else max(3, n // 400)
        if self.themes is not None and self.themes > n > 0:
            raise ParameterError(f"themes is {self.themes}, but only {n} documents have words; ask for fewer themes")
        if n == 0 or self.themes == 1 or (self.themes is None and n < 2 * least):
            return None
        return Wanted(self.max_themes, least, self.themes, self.granularity)


@dataclass(frozen=True, slots=True)
class Subject:
    """The ``m`` documents, out of ``n``, whose vectors are not 0."""

    n: int
    known: Positions
    """``(m,)``: their rows among all."""
    vectors: Floats
    """``(m, d)``, of length 1."""
    groups: Groups
    """``(m,)``: no theme has documents of two groups."""
    comparison: Comparison
    """Which of them are compared with which."""
    options: ThemeOptions

    @classmethod
    def of(cls, vectors: Floats, options: ThemeOptions, groups: Groups | None = None) -> Self:
        """The documents from all vectors ``(n, d)``, of length 1 or 0, and perhaps a group for each, ``(n,)``.

        Raises:
            ParameterError: more themes are asked for than documents have words.
        """
        known = np.flatnonzero(vectors.any(axis=1))
        used = vectors if len(known) == len(vectors) else vectors[known]
        chosen = np.zeros(len(used), np.int64) if groups is None else groups[known]
        found = cls(len(vectors), known, used, chosen, Comparison.of(used, options.neighbours), options)
        for members in found.members():
            options.wanted(len(members))
        return found

    def among(self, members: Positions) -> Floats:
        """The vectors of some of the documents, by their place."""
        return self.vectors if len(members) == len(self.vectors) else self.vectors[members]

    def members(self) -> list[Positions]:
        """The documents of each group, by their place among the ``m``."""
        if not len(self.groups):
            return [np.zeros(0, np.int64)]
        return [np.flatnonzero(self.groups == group) for group in np.unique(self.groups)]
