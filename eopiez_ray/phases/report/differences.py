"""What themes have more of than others: documents with a label, from a file, in a language.

Whether a theme has more documents with a value than chance would give it is decided by the log-likelihood ratio G² of
the two-by-two table of theme and value (Dunning 1993), at the 0.1 % level.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from eopiez_ray.phases.report.facts import Difference

CRITICAL = 10.83
"""G² of one degree of freedom that chance exceeds once in 1,000."""
SHOWN = 3
"""Values of a facet for each theme."""


def differences(
    facet: str, counts: Mapping[tuple[int, str], int], sizes: Mapping[int, int]
) -> dict[int, list[Difference]]:
    """The values that each theme has significantly more of, the most telling first; none where all have one value.

    Args:
        facet: what the values are: ``label``, ``source``, ``language``.
        counts: documents by theme and value.
        sizes: all documents of each theme.
    """
    by_value: Counter[str] = Counter()
    for (_, value), count in counts.items():
        by_value[value] += count
    found: dict[int, list[tuple[float, Difference]]] = {}
    if len(by_value) > 1:
        for theme, ratio, difference in _telling(facet, counts, sizes, by_value):
            found.setdefault(theme, []).append((ratio, difference))
    return {
        theme: [each for _, each in sorted(ranked, key=lambda pair: (-pair[0], pair[1].value))[:SHOWN]]
        for theme, ranked in found.items()
    }


def _telling(
    facet: str, counts: Mapping[tuple[int, str], int], sizes: Mapping[int, int], by_value: Mapping[str, int]
) -> Iterator[tuple[int, float, Difference]]:
    n = sum(sizes.values())
    for (theme, value), count in counts.items():
        expected = sizes[theme] * by_value[value] / n
        ratio = log_likelihood_ratio(count, sizes[theme] - count, by_value[value] - count, n)
        if count > expected and ratio >= CRITICAL:
            yield theme, ratio, Difference(facet, value, count, count / sizes[theme], count / expected)


def log_likelihood_ratio(both: int, first: int, second: int, n: int) -> float:
    """G² of a two-by-two table.

    Args:
        both: documents with both properties.
        first: with the first one alone.
        second: with the second one alone.
        n: all documents.
    """
    table = ((both, first), (second, n - both - first - second))
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    terms = (
        cell * math.log(cell * n / (row * column))
        for row, cells in zip(rows, table, strict=True)
        for column, cell in zip(columns, cells, strict=True)
        if cell
    )
    return 2 * sum(terms)
