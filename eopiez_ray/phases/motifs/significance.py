"""Is a sequence more frequent than chance, when very many sequences are asked?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.integer] | Floats


def log_likelihood_ratio(together: Numbers, first: Numbers, second: Numbers, total: int) -> Floats:
    """Dunning's G² of each pair, 0 where the two occur together no more often than chance has it.

    G² = 2 Σ k ln(k / e) over the four cells of the contingency table (Dunning 1993, section 5, with the table of
    Pedersen 1996).

    Args:
        together: occurrences of the pair, ``(m,)``.
        first: occurrences of its first part, ``(m,)``.
        second: occurrences of its second part, ``(m,)``.
        total: pairs in all.
    """
    k11 = np.asarray(together, np.float64)
    rows = np.maximum(np.asarray(first, np.float64), k11)
    columns = np.maximum(np.asarray(second, np.float64), k11)
    k12, k21 = rows - k11, columns - k11
    k22 = np.maximum(total - k11 - k12 - k21, 0)
    n = k11 + k12 + k21 + k22
    cells = special.xlogy(k11, k11) + special.xlogy(k12, k12) + special.xlogy(k21, k21) + special.xlogy(k22, k22)
    margins = special.xlogy(rows, rows) + special.xlogy(columns, columns)
    rest = special.xlogy(n - rows, n - rows) + special.xlogy(n - columns, n - columns)
    g2 = 2 * (cells + special.xlogy(n, n) - margins - rest)
    return np.where(k11 * n > rows * columns, np.maximum(g2, 0), 0.0)


def chance(g2: Floats) -> Floats:
    """The probability of a G² this large by chance: χ² with one degree of freedom."""
    return special.chdtrc(1, g2)


def false_discovery_rates(p: Floats, n_tests: int | None = None) -> Floats:
    """The smallest false discovery rate at which each test is significant (Benjamini and Hochberg 1995, section 3).

    Args:
        p: p-values, ``(m,)``.
        n_tests: tests that were made; those beyond ``m`` count as not significant.
    """
    if not p.size:
        return p
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1)
    scaled = p[order] * max(n_tests or 0, len(p)) / ranks
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return q
