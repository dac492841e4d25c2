"""What this replica knows of instances: calls under way, and how earlier ones ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from .balancing import Candidate, choose
from .breaker import Breaker, State

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from ...store.services import ServiceView

FORGOTTEN_S = 600.0
"""Seconds after its last call after which an instance is forgotten."""


@dataclass(slots=True)
class Standing:
    """What is known of an instance."""

    breaker: Breaker = field(default_factory=Breaker)
    in_flight: int = 0
    used_at: float = 0.0


class Standings:
    """What is known of all instances. Times are seconds of any one clock."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._known = chance, dict[UUID, Standing]()

    def choose(self, instances: Sequence[ServiceView], now: float) -> ServiceView | None:
        """The one to call; None if the breakers of all are open."""
        candidates = [
            Candidate(each, each.weight, self.of(each.id).in_flight)
            for each in instances
            if self.of(each.id).breaker.admits(now)
        ]
        return choose(candidates, self._chance).key if candidates else None

    def begin(self, instance: UUID, now: float, at_most_s: float) -> None:
        """A call begins."""
        standing = self._known.setdefault(instance, Standing())
        standing.breaker = standing.breaker.begun(now, at_most_s)
        standing.in_flight, standing.used_at = standing.in_flight + 1, now

    def end(self, instance: UUID) -> None:
        """A call is over, whatever came of it."""
        self._known[instance].in_flight -= 1

    def judge(self, instance: UUID, is_good: bool, now: float) -> bool:
        """Learn how a call went; true if its breaker opens because of it."""
        standing = self._known[instance]
        before = standing.breaker.state(now)
        standing.breaker = standing.breaker.succeeded() if is_good else standing.breaker.failed(now)
        return before is not State.OPEN and standing.breaker.state(now) is State.OPEN

    def of(self, instance: UUID) -> Standing:
        """What is known of an instance."""
        return self._known.get(instance, Standing())

    def forget(self, now: float) -> None:
        """Forget instances that nobody has called for long."""
        old = [key for key, each in self._known.items() if not each.in_flight and each.used_at < now - FORGOTTEN_S]
        for key in old:
            del self._known[key]
