"""Which instance is called: of two random ones, the one that has less to do for its weight.

Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001: with two choices, the
longest queue grows with log log n instead of log n, and no replica has to know of the others' calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Key]):
    """An instance that could be called."""

    key: Key
    weight: int
    """At least 1."""
    in_flight: int
    """Calls that have not ended."""

    @property
    def load(self) -> float:
        """What it would have to do, with one call more, for its weight."""
        return (self.in_flight + 1) / self.weight


def choose(candidates: Sequence[Candidate[Key]], chance: random.Random) -> Candidate[Key]:
    """The less loaded of two different random candidates, of which heavier ones are drawn more often.

    Args:
        candidates: at least one.
        chance: where randomness comes from.
    """
    first = _drawn(candidates, chance)
    others = [each for each in candidates if each is not first]
    if not others:
        return first
    second = _drawn(others, chance)
    return second if second.load < first.load else first


def _drawn(candidates: Sequence[Candidate[Key]], chance: random.Random) -> Candidate[Key]:
    return chance.choices(candidates, [each.weight for each in candidates])[0]
