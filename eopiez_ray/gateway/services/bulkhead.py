"""How many calls are under way: services that are slow hold up neither the rest of the gateway nor other projects."""

from __future__ import annotations

from collections import Counter


class Bulkhead:
    """Counts calls of a replica."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: calls under way at once; half of them for one project.
        """
        self._most, self._under_way = most, Counter[str]()

    def admits(self, project: str) -> bool:
        """Whether another call may begin."""
        return self._under_way.total() < self._most and self._under_way[project] < (self._most + 1) // 2

    def enter(self, project: str) -> None:
        """A call begins."""
        self._under_way[project] += 1

    def leave(self, project: str) -> None:
        """A call is over."""
        self._under_way[project] -= 1
        if not self._under_way[project]:
            del self._under_way[project]
