"""How much of a motif's frequency is its own, and how much that of longer motifs around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Words = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nesting:
    """What C-value knows of one sequence."""

    c_value: float
    parent: Words | None
    """The most frequent longer sequence that contains it."""
    own: int
    """Occurrences that are not inside longer sequences, at least."""


@dataclass(slots=True)
class _Surroundings:
    """Of a sequence, while longer ones are gone through."""

    inside: int = 0
    """Occurrences inside longer sequences, each counted once."""
    number: int = 0
    """Longer sequences that contain it."""
    parent: Words | None = None


def c_values(counts: Mapping[Words, int]) -> dict[Words, Nesting]:
    """The C-value of each sequence among the others (Frantzi, Ananiadou and Mima 2000, section 2.3).

    C(a) = log₂|a| · (f(a) - t(a) / c(a)), where c(a) is the number of longer sequences that contain a and t(a) how
    often a occurs in them; what is inside a yet longer sequence is counted for that one alone.
    """
    around: dict[Words, _Surroundings] = {}
    found: dict[Words, Nesting] = {}
    for words in sorted(counts, key=lambda words: (-len(words), words)):
        count = counts[words]
        seen = around.get(words, _Surroundings())
        nested = seen.inside / seen.number if seen.number else 0.0
        value = math.log2(len(words)) * (count - nested)
        found[words] = Nesting(value, seen.parent, max(0, count - seen.inside))
        for part in _parts(words):
            if part in counts:
                outer = around.setdefault(part, _Surroundings())
                outer.inside += max(0, count - seen.inside)
                outer.number += 1
                if outer.parent is None or count > counts[outer.parent]:
                    outer.parent = words
    return found


def _parts(words: Words) -> set[Words]:
    """All shorter sequences of two or more inside a sequence."""
    n = len(words)
    return {words[i : i + length] for length in range(2, n) for i in range(n - length + 1)}
