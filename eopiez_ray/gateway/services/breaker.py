"""A circuit breaker: whether an instance is called, after it has failed.

closed ──``FAILURES`` in a row──▶ open ──after a while──▶ half-open, one call ──success──▶ closed
                                    ◀──────────────failure, for twice as long──┘
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES = 5
"""Failures in a row that open it."""
OPEN_S = 5.0
"""Seconds for which it is open at first."""
LONGEST_OPEN_S = 60.0


class State(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of an instance; times are seconds of any one clock."""

    failures: int = 0
    """In a row."""
    open_until: float | None = None
    """None while it is closed."""
    open_s: float = OPEN_S
    """For how long it is opened the next time."""
    trial_until: float | None = None
    """Until when the outcome of the one call in the half-open state is awaited."""

    def state(self, now: float) -> State:
        """Whether calls go through."""
        if self.open_until is None:
            return State.CLOSED
        return State.OPEN if now < self.open_until else State.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether a call may begin."""
        state = self.state(now)
        is_tried = self.trial_until is not None and now < self.trial_until
        return state is State.CLOSED or (state is State.HALF_OPEN and not is_tried)

    def begun(self, now: float, at_most_s: float) -> Breaker:
        """A call that it admits has begun, and ends within so many seconds; whoever began it may be lost."""
        return self if self.open_until is None else replace(self, trial_until=now + at_most_s)

    def succeeded(self) -> Breaker:
        """A call has come to a good end."""
        return Breaker()

    def failed(self, now: float) -> Breaker:
        """A call has failed."""
        failures = self.failures + 1
        if self.open_until is not None and now < self.open_until:
            return replace(self, failures=failures)
        if self.open_until is None and failures < FAILURES:
            return replace(self, failures=failures)
        return Breaker(failures, now + self.open_s, min(self.open_s * 2, LONGEST_OPEN_S))
