"""How far a division can be trusted: whether repeated searches agree about it.

Runs of the search differ by chance. Where a collection has clear subjects, all runs find them, and part ways where one
subject is cut further; where it has none, they agree about nothing. In between are collections of which only small
groups of documents are alike, as in one-line descriptions of software: runs agree the more, the finer they divide, and
which small groups they put together into wide ones is an accident.

Agreement about k groups is the mean adjusted Rand index of the divisions of two runs, 0 for chance and 1 for equality
(Hubert and Arabie, "Comparing partitions", 1985, equation 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

if TYPE_CHECKING:
    from eopiez_ray.phases.themes.hierarchy import Hierarchy

Labels = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

FEWEST = 2
"""Groups that a collection is divided into, if it is."""
CHANCE, FIRM = 0.25, 0.45
"""Agreement about the finest groups up to which they are an accident as well, and from which they are not."""
UNCLEAR, CLEAR = 0.75, 0.95
"""Agreement about a division up to which it is not trusted at all, and from which it is."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well runs agree about 2, 3, … groups."""

    values: Reals
    """At most 1 each; of at least one number of groups."""

    @classmethod
    def of(cls, pieces: Sequence[Labels], hierarchies: Sequence[Hierarchy], most: int) -> Self:
        """That of the runs, about up to ``most`` groups, of which each run must have as many pieces.

        Args:
            pieces: of each run, the piece of each document, ``(n,)``.
            hierarchies: of each run, of its pieces.
            most: at least 2.
        """
        divisions = [[each.division(k) for k in range(FEWEST, most + 1)] for each in hierarchies]
        pairs = [
            _agreements(pieces[one], pieces[other], zip(divisions[one], divisions[other], strict=True))
            for one, other in combinations(range(len(pieces)), 2)
        ]
        return cls(np.mean(pairs, axis=0) if pairs else np.ones(most - FEWEST + 1))

    @property
    def most(self) -> int:
        """Groups at most."""
        return len(self.values) + FEWEST - 1

    def about(self, k: int) -> float:
        """Agreement about ``k`` groups, at least ``CHANCE``."""
        return max(CHANCE, float(self.values[k - FEWEST]))

    def doubt(self, k: int) -> float:
        """How much rather finer groups are to be trusted than about ``k`` of them, 0 to 1."""
        around = self.values[max(0, k - FEWEST - 1) : k - FEWEST + 2].mean()
        trusted = np.interp(around, (UNCLEAR, CLEAR), (0.0, 1.0))
        firm = np.interp(self.values[-1], (CHANCE, FIRM), (0.0, 1.0))
        return float((1 - trusted) * firm)


def _agreements(one: Labels, other: Labels, divisions: Iterable[tuple[Labels, Labels]]) -> list[float]:
    """The adjusted Rand index of divisions of the pieces of two runs."""
    shared = sparse.coo_matrix((np.ones(len(one)), (one, other)))
    shared.sum_duplicates()
    found = []
    for mine, theirs in divisions:
        width = int(theirs.max()) + 1
        table = np.bincount(mine[shared.row] * width + theirs[shared.col], shared.data, (int(mine.max()) + 1) * width)
        found.append(rand_index(table.reshape(-1, width)))
    return found


def rand_index(table: npt.NDArray[Any]) -> float:
    """The adjusted Rand index of two divisions, at most 1, from how many documents their groups have in common."""
    counts = table, table.sum(axis=1), table.sum(axis=0), table.sum()
    both, ones, others, every = (float((each * (each - 1)).sum()) / 2 for each in counts)
    by_chance = ones * others / every if every else 0.0
    most = (ones + others) / 2
    return (both - by_chance) / (most - by_chance) if most > by_chance else 1.0
