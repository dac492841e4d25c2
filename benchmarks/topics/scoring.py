"""How well a division agrees with sections, and with itself when documents are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

Labels = npt.NDArray[np.integer]
KEPT = 0.9


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of a division with the sections."""

    nmi: float
    """Normalized mutual information, by the mean of both entropies, in [0, 1]."""
    ari: float
    """Adjusted Rand index: 0 for chance, 1 for equality."""
    themes: int


def agreement(sections: Sequence[str], found: Labels) -> Agreement:
    """How well ``found`` agrees with the sections."""
    return Agreement(
        float(normalized_mutual_info_score(sections, found)),
        float(adjusted_rand_score(sections, found)),
        len(np.unique(found)),
    )


def stability(n: int, divide: Callable[[npt.NDArray[np.int64]], Labels], runs: int) -> float:
    """The mean NMI of pairs of runs, each on other ``KEPT`` of ``n`` documents in another order, where both have them.

    ``divide`` gives the themes of the documents whose numbers it gets.
    """
    found = np.full((runs, n), -2, np.int64)
    for run in range(runs):
        rows = np.random.default_rng(run).permutation(n)[: round(KEPT * n)]
        found[run, rows] = divide(rows)
    return float(np.mean([_where_both(one, other) for one, other in combinations(found, 2)]))


def _where_both(one: Labels, other: Labels) -> float:
    both = (one > -2) & (other > -2)
    return float(normalized_mutual_info_score(one[both], other[both]))
