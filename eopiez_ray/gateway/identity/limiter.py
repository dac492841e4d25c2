"""Rate limits on the hot path: a replica leases a few requests ahead, and asks the database only for the next few."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...store.rates import Rates

PART = 10
"""A replica leases this part of a burst at once: a tenth."""
MOST = 50_000
"""Keys that a replica remembers."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests, in the long run and at once."""

    per_s: float
    burst: int

    @property
    def interval_s(self) -> float:
        """Seconds for each request."""
        return 1 / self.per_s

    @property
    def lease(self) -> int:
        """Requests leased at once."""
        return max(1, self.burst // PART)


@dataclass(slots=True)
class _Lease:
    left: int = 0
    until: float = 0.0
    """When what is left would have come back to everybody anyway, and is given up."""
    refused_until: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimiter:
    """Counts requests by key. All replicas together never allow more than the rate."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._clock = rates, clock
        self._leases: OrderedDict[str, _Lease] = OrderedDict()

    async def check(self, key: str, rate: Rate) -> None:
        """Count a request.

        Raises:
            TooManyRequestsError: there were too many.
        """
        lease = self._lease(key)
        if self._take(lease):
            return
        async with lease.asking:
            if not self._take(lease):
                await self._renew(key, rate, lease)

    def _lease(self, key: str) -> _Lease:
        lease = self._leases.setdefault(key, _Lease())
        self._leases.move_to_end(key)
        if len(self._leases) > MOST:
            self._leases.popitem(last=False)
        return lease

    def _take(self, lease: _Lease) -> bool:
        now = self._clock()
        if now < lease.refused_until:
            raise _refusal(lease.refused_until - now)
        if lease.left == 0 or now >= lease.until:
            return False
        lease.left -= 1
        return True

    async def _renew(self, key: str, rate: Rate, lease: _Lease) -> None:
        taken = await self._rates.take(key, rate.lease, rate.interval_s, rate.burst)
        now = self._clock()
        if taken.granted == 0:
            lease.refused_until = now + taken.next_s
            raise _refusal(taken.next_s)
        lease.left, lease.until = taken.granted - 1, now + taken.granted * rate.interval_s


def _refusal(seconds: float) -> TooManyRequestsError:
    return TooManyRequestsError("too many requests", max(0.0, seconds))
