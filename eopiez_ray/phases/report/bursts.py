"""When a theme was spoken of much more than usual: bursts by the automaton of Kleinberg 2002, section 4.

In each bin of the timeline r of d documents belong to the theme. An automaton with two states explains them: at rest, a
document belongs to it with the theme's share p₀ of all documents, in a burst with p₁ = ``SCALING`` · p₀. A sequence of
states costs the negative log-likelihood of the counts, and ``ENTRY`` · ln(bins) for each burst that begins. The
cheapest one is found by dynamic programming (Viterbi). The weight of a burst is what it saves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.report.facts import Burst

Reals = npt.NDArray[np.float64]

SCALING = 2.0
ENTRY = 1.0
MOST_LIKELY = 0.9999
"""Probability in a burst, at most."""


def bursts(theme: int, counts: Sequence[int], total: Sequence[int]) -> Iterator[Burst]:
    """The bursts of a theme, in order.

    Args:
        theme: its number.
        counts: its documents in each bin, ``(n_bins,)``.
        total: all documents in each bin, ``(n_bins,)``.
    """
    own, every = np.array(counts, np.float64), np.array(total, np.float64)
    share = own.sum() / max(1.0, every.sum())
    if not 0 < share < MOST_LIKELY:
        return
    saved = _cost(own, every, share) - _cost(own, every, min(SCALING * share, MOST_LIKELY))
    in_burst = _cheapest(saved, ENTRY * np.log(len(own)))
    edges = np.flatnonzero(np.diff(in_burst.astype(np.int8), prepend=0, append=0))
    for start, end in edges.reshape(-1, 2).tolist():
        expected = share * float(every[start:end].sum())
        yield Burst(theme, start, end - 1, int(own[start:end].sum()), expected, float(saved[start:end].sum()))


def _cost(own: Reals, every: Reals, share: float) -> Reals:
    """The negative log-likelihood of the counts of each bin, without what no state changes."""
    cost: Reals = -(own * np.log(share) + (every - own) * np.log1p(-share))
    return cost


def _cheapest(saved: Reals, entry: float) -> npt.NDArray[np.bool_]:
    """Which bins are in a burst where it saves so much, and its beginning costs ``entry``."""
    rest, burst = 0.0, -entry  # What the best sequence that ends in this state saves.
    begins, goes_on = np.zeros(len(saved), np.bool_), np.zeros(len(saved), np.bool_)
    for bin_, gain in enumerate(saved):
        begins[bin_] = rest - entry > burst or bin_ == 0
        goes_on[bin_] = burst > rest
        rest, burst = max(rest, burst), max(rest - entry, burst) + gain
    states = np.zeros(len(saved), np.bool_)
    is_in = burst > rest
    for bin_ in range(len(saved) - 1, -1, -1):
        states[bin_] = is_in
        is_in = not begins[bin_] if is_in else goes_on[bin_]
    return states
