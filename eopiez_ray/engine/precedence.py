"""Which worker shapes go first, and for which of them others leave room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.policies import Resources

PATIENCE_S = 10.0
"""Seconds that a shape lacks room before it goes first among those of the same priority. Ending workers of one shape
and starting others takes a second or two, so that shapes should not take turns much more often."""


class Precedence:
    """The order of the resource shapes that work waits for, and since when each has lacked room.

    Calls of small shapes fill every gap, so that a large shape, whatever its priority, would never find a whole node
    free. A shape that lacks room therefore goes before all of lower priority and, once it has waited for long, before
    those of the same priority: where it could run, they start nothing until it does.
    """

    def __init__(self) -> None:
        self._lacking: dict[Resources, float] = {}
        """Seconds, by the caller's clock, since which a shape lacks room."""

    def order(self, wanted: Mapping[Resources, int], now: float) -> list[Resources]:
        """All wanted shapes, given with their priorities, those that go first at the beginning."""
        if self._lacking:
            self._lacking = {lacking: since for lacking, since in self._lacking.items() if lacking in wanted}
        if len(wanted) == 1:
            return list(wanted)
        return sorted(wanted, key=lambda resources: (-wanted[resources], self._impatient_since(resources, now)))

    def ahead_of(self, resources: Resources, wanted: Mapping[Resources, int], now: float) -> list[Resources]:
        """The shapes that lack room and go before this one; ``wanted`` and ``now`` as in ``order``."""
        if not self._lacking:
            return []
        mine = -wanted[resources], self._impatient_since(resources, now)
        return [lacking for lacking in self._lacking if (-wanted[lacking], self._impatient_since(lacking, now)) < mine]

    def note(self, resources: Resources, now: float, *, lacks_room: bool) -> None:
        """Note whether the shape found room."""
        if lacks_room:
            self._lacking.setdefault(resources, now)
        else:
            self._lacking.pop(resources, None)

    def _impatient_since(self, resources: Resources, now: float) -> float:
        since = self._lacking.get(resources, math.inf)
        return since if now - since >= PATIENCE_S else math.inf
