"""How many themes: what the hierarchies say, weighed with what is likely beforehand.

A division into k groups is scored by four things:

1. *The jump.* The cost of a merger jumps where it joins what belongs apart. With c(k) the cost of going from k groups
   to k - 1, the jump is Π (c(k) / c(k + j) · k / (k + j))^(1/3), j = 1, 2, 3. Without structure costs grow like 1 / k,
   which the factor k / (k + j) takes out; three earlier mergers are looked at, since a single one can be cheap by
   accident.
2. *The number.* Jumps are large between two or three groups in almost any collection, and of many divisions into
   dozens some jump by accident. A log-normal prior expects √(n / 20) themes of n documents, a third of the rule of
   thumb √(n / 2) of Mardia, Kent and Bibby (1979, section 13.2.3), but at least 8: 8 of a thousand, 22 of ten thousand.
3. *The resolution.* Groups should be one where the graph between them is almost as dense as chance would make it, and
   two where few edges join them, however unequal they are. The resolution of modularity that a division is made for is
   the largest density of the mergers that are still to come (``hierarchy``); a log-normal prior expects 1/2.
4. *The agreement* of several runs of the search about it (``agreement``): the score is proportional to it, down to
   what is chance.

The priors are wide: a clear jump outweighs a factor of 3 in number and of 6 in resolution. Granularity moves their
medians. So do runs that disagree about the best division but agree about finer ones, up to the number of the finest, or
√n. Since number and resolution both grow along a hierarchy, a coarser one never gives more themes.

Scores of several hierarchies of one collection are averaged as logarithms. What other numbers score in proportion says
how clear the choice is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.agreement import FEWEST, Agreement
from eopiez_ray.phases.themes.hierarchy import Hierarchy

Reals = npt.NDArray[np.float64]
Granularity = Literal["coarse", "normal", "fine"]

SHIFT: dict[Granularity, float] = {"coarse": 1 / 4, "normal": 1.0, "fine": 4.0}
"""Of the medians of both priors."""
RATE = math.sqrt(1 / 20)
"""The expected number of themes over the square root of the number of documents."""
FEW = 8.0
"""The expected number at least, before granularity."""
NUMBER_DEVIATION = 1.0
"""Of the logarithm of the number."""
RESOLUTION = 0.5
"""The expected resolution."""
RESOLUTION_DEVIATION = 2.0
"""Of the logarithm of the resolution."""
BEFORE = 3
"""Mergers that one is compared with."""
LEAST_COST = 1e-6
"""Cost of a merger for each document of the collection up to which the two are copies of one another."""
LEAST_RESOLUTION = 0.02
"""Below it, groups count as equally far apart."""
SHOWN = 3
"""Other numbers that a choice names at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A number of themes, and what else it might have been."""

    number: int
    alternatives: tuple[tuple[int, float], ...] = ()
    """The next best numbers that beat their neighbours, each with its score over that of the chosen one, best first."""


def choose_number(
    hierarchies: Sequence[Hierarchy], agreement: Agreement, n: int, finest: float, granularity: Granularity = "normal"
) -> Choice | None:
    """The best number of groups of ``n`` documents; None if all are copies of one another.

    Args:
        hierarchies: of several runs.
        agreement: of these runs; as many groups are found as it is known of, at most.
        n: documents.
        finest: how many groups are the finest in the mean of the runs.
        granularity: whether few wide groups are wanted, or many narrow ones.
    """
    best = _best(hierarchies, agreement, n, 1.0)
    if best is None:
        return None
    finer = max(1.0, min(finest, math.sqrt(n)) / _expected_number(n)) ** agreement.doubt(best.number)
    return _best(hierarchies, agreement, n, SHIFT[granularity] * finer)


def _best(hierarchies: Sequence[Hierarchy], agreement: Agreement, n: int, shift: float) -> Choice | None:
    """The best number if the medians of both priors are multiplied by ``shift``."""
    runs = [_log_scores(each, n, agreement.most, shift) for each in hierarchies]
    numbers = sorted(set.intersection(*map(set, runs))) if runs else []
    if not numbers:
        return None
    means = np.array([[run[k] for k in numbers] for run in runs]).mean(axis=0)
    means += np.log([agreement.about(k) for k in numbers])
    scores = np.exp(means - means.max())
    best = int(scores.argmax())
    others = sorted((i for i in _peaks(scores) if i != best), key=lambda i: -scores[i])
    return Choice(numbers[best], tuple((numbers[i], float(scores[i])) for i in others[:SHOWN]))


def _expected_number(n: int) -> float:
    """The median of the prior of the number of themes of ``n`` documents."""
    return max(FEW, RATE * math.sqrt(n))


def _log_scores(hierarchy: Hierarchy, n: int, most: int, shift: float) -> dict[int, float]:
    """The logarithm of the score of each number of groups."""
    expected = _expected_number(n) * shift
    coming = np.maximum.accumulate(hierarchy.densities[::-1])[::-1]
    found = {}
    for k in range(FEWEST, min(most, hierarchy.n_pieces) + 1):
        merger = hierarchy.n_pieces - k
        if hierarchy.costs[merger] > LEAST_COST * n:
            resolution = max(coming[merger], LEAST_RESOLUTION)
            unlikely = (math.log(k / expected) / NUMBER_DEVIATION) ** 2
            unlikely += (math.log(resolution / (RESOLUTION * shift)) / RESOLUTION_DEVIATION) ** 2
            found[k] = math.log(jump(hierarchy.costs, merger)) - unlikely / 2
    return found


def jump(costs: Reals, merger: int) -> float:
    """How much more a merger costs than those before it, over what is expected without structure."""
    k = len(costs) + 1 - merger
    floor = max(1e-9 * float(costs[-1]), 1e-12)
    earlier = range(1, min(BEFORE, merger) + 1)
    ratios = [max(costs[merger], floor) / max(costs[merger - j], floor) * k / (k + j) for j in earlier]
    return float(np.prod(ratios) ** (1 / BEFORE))


def _peaks(scores: Reals) -> list[int]:
    """Where scores are greater than on both sides."""
    padded = np.concatenate([[-np.inf], scores, [-np.inf]])
    found: list[int] = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])).tolist()
    return found
