"""How often and how soon a request is tried again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again, and when to give up."""

    total_s: float = 60.0
    """Seconds after the first try until which there are further ones; 0 tries once."""
    first_s: float = 0.1
    """Seconds before the second try; each further pause is twice as long."""
    most_s: float = 5.0
    """Seconds of the longest pause."""

    def pause_s(self, tries: int, chance: float) -> float:
        """Seconds before the next try.

        Args:
            tries: how many there were.
            chance: between 0 and 1; it keeps many clients from coming back together.
        """
        longest = min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 20))
        return longest * (0.5 + chance / 2)

    def allows(self, elapsed_s: float, pause_s: float) -> bool:
        """Whether there is another try after that pause."""
        return elapsed_s + pause_s <= self.total_s
