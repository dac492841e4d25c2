"""Rate limits across replicas."""

from __future__ import annotations

import pytest

from eopiez_ray.errors import TooManyRequestsError
from eopiez_ray.gateway.identity.limiter import Rate, RateLimiter
from eopiez_ray.store import Database, connect
from eopiez_ray.store.rates import Rates, Taken

from .given import later

SLOW = Rate(per_s=0.001, burst=20)
"""So slow that nothing comes back while a test runs."""


async def allowed(limiter: RateLimiter, tries: int, rate: Rate = SLOW, key: str = "anna") -> int:
    """How many of so many requests are allowed."""
    refusals: list[TooManyRequestsError] = []
    for _ in range(tries):
        try:
            await limiter.check(key, rate)
        except TooManyRequestsError as error:
            refusals.append(error)
    assert all(0 < error.retry_after_s <= rate.burst * rate.interval_s for error in refusals)
    return tries - len(refusals)


async def test_a_burst_is_allowed_and_no_more(database: Database) -> None:
    limiter = RateLimiter(Rates(database))
    assert await allowed(limiter, 50) == 20
    assert await allowed(limiter, 5, key="ben") == 5


async def test_replicas_share_a_limit(database: Database, database_url: str) -> None:
    async with await connect(database_url) as other:
        limiters = [RateLimiter(Rates(each)) for each in (database, other)]
        counts = [await allowed(limiters[number % 2], 1) for number in range(60)]
    assert sum(counts) == 20


async def test_what_was_used_comes_back(database: Database) -> None:
    clock = 0.0
    limiter = RateLimiter(Rates(database), lambda: clock)
    assert await allowed(limiter, 30) == 20
    await later(database, "rates", "arrival_at", "5000 seconds")
    clock = 5000.0
    assert await allowed(limiter, 30) == 5
    await later(database, "rates", "arrival_at", "1 day")
    clock = 90_000.0
    assert await allowed(limiter, 30) == 20


async def test_leases_spare_the_database(database: Database) -> None:
    calls = 0

    class Counted(Rates):
        async def take(self, key: str, wanted: int, interval_s: float, burst: int) -> Taken:
            nonlocal calls
            calls += 1
            return await super().take(key, wanted, interval_s, burst)

    limiter = RateLimiter(Counted(database))
    assert await allowed(limiter, 2000, Rate(per_s=1.0, burst=1000)) == 1000
    assert calls <= 12


async def test_a_quiet_caller_is_never_refused(database: Database) -> None:
    """One request each second, under a limit of one a second: what a lease gives up has come back by then."""
    clock = 0.0
    limiter = RateLimiter(Rates(database), lambda: clock)
    rate = Rate(per_s=1.0, burst=20)
    for _ in range(60):
        assert await allowed(limiter, 1, rate) == 1
        clock += 1.0
        await later(database, "rates", "arrival_at", "1 second")


async def test_more_at_once_than_a_burst_is_none(database: Database) -> None:
    rates = Rates(database)
    assert (await rates.take("a", 100, 1.0, 5)).granted == 5
    taken = await rates.take("a", 100, 1.0, 5)
    assert taken.granted == 0
    assert 0 < taken.next_s <= 1


async def test_fractions_of_a_second_count(database: Database) -> None:
    rates = Rates(database)
    assert (await rates.take("a", 30, 0.3, 40)).granted == 30
    assert (await rates.take("a", 30, 0.3, 40)).granted == 10
    taken = await rates.take("a", 1, 0.3, 40)
    assert taken.granted == 0
    assert 0 < taken.next_s <= 0.3


async def test_unused_limits_are_forgotten(database: Database) -> None:
    rates = Rates(database)
    await rates.take("old", 1, 1.0, 5)
    await later(database, "rates", "arrival_at", "2 minutes")
    await rates.take("new", 1, 1.0, 5)
    await rates.forget()
    assert [row["key"] for row in await database.fetch("select key from rates")] == ["new"]


async def test_a_replica_remembers_a_bounded_number_of_keys(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.gateway.identity.limiter.MOST", 10)
    limiter = RateLimiter(Rates(database))
    for number in range(30):
        await limiter.check(f"address {number}", SLOW)
    assert len(limiter._leases) == 10
