"""How many themes: what graph, vectors and hierarchies say, weighed with what is likely beforehand.

A division into k groups is scored by five things:

1. *The coverage* by groups of the graph's edges (``quality``).
2. *The diversity* of the groups (``quality``), without which one group of nearly all would be best. Both together are
   modularity, if they are weighed alike; more diversity keeps small groups from being overlooked (the resolution limit
   of Fortunato and Barthélemy 2007).
3. *The margin* by which documents are nearer to their own group than to the next one (``quality``). Where a collection
   has clear subjects, it is largest if each is a group; where only few documents at a time are alike, it grows with the
   number of groups, while coverage falls.
4. *The jump.* The cost of a merger jumps where it joins what belongs apart, however small. With c(k) the cost of going
   from k groups to k - 1, the jump is Π (c(k) / c(k + j) · k / (k + j))^(1/3), j = 1, 2, 3. Without structure costs
   grow like 1 / k, which the factor k / (k + j) takes out; three earlier mergers are looked at, since a single one can
   be cheap by accident.
5. *The number.* A log-normal prior expects √(n / 28) themes of n documents: 7 of 1,500, 19 of ten thousand. This is a
   quarter of the rule of thumb √(n / 2) of Mardia, Kent and Bibby (1979, section 13.2.3). Fewer than 6 are expected
   only where there would be fewer than a dozen documents to each.

The score is exp(8 · coverage) · diversity^11.5 · margin^4.5 · jump · prior. The constants were chosen on collections
that people had sorted, in three sizes, so that the themes agree with the sections, and on planted groups. Scores of
several hierarchies of one collection are averaged as logarithms. What other numbers score in proportion says how clear
the choice is.

Granularity moves the weight of diversity and the expected number. Both favour more groups the more, the greater they
are, so that a coarser granularity never gives more themes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.themes.hierarchy import FEWEST, Hierarchy
from eopiez_ray.phases.themes.quality import Quality

Reals = npt.NDArray[np.float64]
Granularity = Literal["coarse", "normal", "fine"]

COVERAGE_WEIGHT = 8.0
DIVERSITY_WEIGHT: dict[Granularity, float] = {"coarse": 6.0, "normal": 11.5, "fine": 23.0}
MARGIN_WEIGHT = 4.5
SHIFT: dict[Granularity, float] = {"coarse": 1 / 4, "normal": 1.0, "fine": 4.0}
"""Of the expected number."""
RATE = math.sqrt(1 / 28)
"""The expected number of themes over the square root of the number of documents."""
FEW = 6.0
"""The expected number at least, before granularity, if each has ``DOZEN`` documents."""
DOZEN = 12.0
DEVIATION = 1.0
"""Of the logarithm of the number."""
BEFORE = 3
"""Mergers that one is compared with."""
LEAST_COST = 1e-6
"""Cost of a merger for each document of the collection up to which the two are copies of one another."""
LEAST = 0.01
"""Diversity or margin, below which divisions count as equal."""
SHOWN = 3
"""Other numbers that a choice names at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A number of themes, and what else it might have been."""

    number: int
    alternatives: tuple[tuple[int, float], ...] = ()
    """The next best numbers that beat their neighbours, each with its score over that of the chosen one, best first."""


def choose_number(
    hierarchies: Sequence[Hierarchy], qualities: Sequence[Quality], n: int, granularity: Granularity = "normal"
) -> Choice | None:
    """The best number of groups of ``n`` documents; None if all are copies of one another.

    Args:
        hierarchies: of several runs.
        qualities: of their divisions; as many groups are found as they are known of, at most.
        n: documents.
        granularity: whether few wide groups are wanted, or many narrow ones.
    """
    runs = [_log_scores(*run, n, granularity) for run in zip(hierarchies, qualities, strict=True)]
    most = min(map(len, runs))
    means = np.mean([run[:most] for run in runs], axis=0)
    if not np.isfinite(means).any():
        return None
    scores = np.exp(means - means.max())
    best = int(scores.argmax())
    others = sorted((i for i in _peaks(scores) if i != best), key=lambda i: -scores[i])
    return Choice(FEWEST + best, tuple((FEWEST + i, float(scores[i])) for i in others[:SHOWN]))


def _log_scores(hierarchy: Hierarchy, quality: Quality, n: int, granularity: Granularity) -> Reals:
    """The logarithm of the score of each number of groups, from ``FEWEST``; -inf where copies would be parted."""
    numbers = np.arange(FEWEST, quality.most + 1)
    mergers = hierarchy.n_pieces - numbers
    expected = max(min(FEW, n / DOZEN), RATE * math.sqrt(n)) * SHIFT[granularity]
    scores: Reals = COVERAGE_WEIGHT * quality.coverage
    scores += DIVERSITY_WEIGHT[granularity] * np.log(np.maximum(quality.diversity, LEAST))
    scores += MARGIN_WEIGHT * np.log(np.maximum(quality.margins, LEAST))
    scores += [math.log(jump(hierarchy.costs, merger)) for merger in mergers.tolist()]
    scores -= (np.log(numbers / expected) / DEVIATION) ** 2 / 2
    scores[hierarchy.costs[mergers] <= LEAST_COST * n] = -np.inf
    return scores


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
