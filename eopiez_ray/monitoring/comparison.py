"""Whether one distribution of durations differs from another, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..model.sketch import SUM, count_of, quantile

LEVEL = 0.01
"""Probability of calling equal distributions different, over all comparisons that are made together."""
LEAST_CHANGE = 0.02
"""Changes of the median below this may be the sketch's own error (two times 1 %)."""


class Verdict(StrEnum):
    """How durations have changed."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    """No difference can be shown, or none that matters."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Durations now, against what they were."""

    p50_ratio: float
    """Median now over median then; 1 where there is none to compare with."""
    p95_ratio: float
    p_value: float
    """Probability of such a difference, or a larger one, if nothing had changed."""
    verdict: Verdict


def compared(now: Mapping[int, float], then: Mapping[int, float], comparisons: int = 1) -> Comparison:
    """Compare two sketches.

    The test is that of Mann and Whitney (Annals of Mathematical Statistics 18, 1947), by its normal approximation with
    a correction for ties, since values in one bucket are tied; for several comparisons, by Bonferroni.
    """
    p50, p95, p_value = _ratio(now, then, 0.5), _ratio(now, then, 0.95), mann_whitney(now, then)
    is_clear = p_value * comparisons < LEVEL and abs(p50 - 1) > LEAST_CHANGE
    verdict = Verdict.SAME if not is_clear else Verdict.SLOWER if p50 > 1 else Verdict.FASTER
    return Comparison(p50, p95, p_value, verdict)


def _ratio(now: Mapping[int, float], then: Mapping[int, float], q: float) -> float:
    above, below = quantile(now, q), quantile(then, q)
    return above / below if above is not None and below else 1.0


def mann_whitney(first: Mapping[int, float], second: Mapping[int, float]) -> float:
    """Two-sided p-value of the hypothesis that both have the same distribution; 1 if one of them is empty."""
    n, m = count_of(first), count_of(second)
    if n * m == 0 or n + m < 2:
        return 1.0
    u = below = ties = 0.0
    for bucket in sorted((first.keys() | second.keys()) - {SUM}):
        here, there = first.get(bucket, 0.0), second.get(bucket, 0.0)
        u += here * (below + there / 2)
        below += there
        ties += (here + there) ** 3 - (here + there)
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    return math.erfc(abs(u - n * m / 2) / math.sqrt(2 * variance))
