"""Stations: chores hurt nobody, and one process at a time does what one has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eopiez_ray.monitoring import station as module
from eopiez_ray.monitoring.catalogue import CHORE_FAILURES
from eopiez_ray.monitoring.meter import Key, Meter
from eopiez_ray.monitoring.station import SYSTEM, Chore, Station
from eopiez_ray.store import Database
from tests.waiting import until


def counting(done: list[str], name: str) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        done.append(name)

    return work


def station(database: Database, *chores: Chore) -> Station:
    made = Station(database, Meter(), "gateway")
    made.add(*chores)
    return made


async def test_chore_that_fails_is_counted_and_hurts_no_other(database: Database) -> None:
    done: list[str] = []

    async def fail() -> None:
        done.append("bad")
        raise ValueError("a lone surrogate \udcff and a \0")

    made = station(database, Chore("bad", 0.01, fail), Chore("good", 0.01, counting(done, "good")))
    made.start()
    await until(lambda: done.count("bad") >= 3 and done.count("good") >= 10)
    await made.stop()
    assert made.meter.take().added[Key(CHORE_FAILURES, ("bad",))][0] >= 3


async def test_one_process_at_a_time_keeps_a_watch(database: Database) -> None:
    done: list[str] = []
    made = [station(database, Chore("fold", 0.01, counting(done, str(each)), watch=SYSTEM)) for each in range(3)]
    for each in made:
        each.start()
    await until(lambda: len(done) >= 20)
    assert len(set(done)) == 1
    assert sum(each.keeps(SYSTEM) for each in made) == 1
    for each in made:
        await each.stop()


async def test_who_leaves_is_followed_at_once(database: Database) -> None:
    first, second = (station(database, Chore("fold", 1.0, counting([], ""), watch=SYSTEM)) for _ in range(2))
    await first.watch()
    await second.watch()
    assert (first.keeps(SYSTEM), second.keeps(SYSTEM)) == (True, False)
    await first.stop()
    await second.watch()
    assert second.keeps(SYSTEM)


async def test_watch_of_the_dead_is_taken_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEASE_S", 0.2)
    first, second = (station(database, Chore("fold", 1.0, counting([], ""), watch=SYSTEM)) for _ in range(2))
    await first.watch()  # And never again: it is frozen, or dead.

    async def taken() -> bool:
        await second.watch()
        return second.keeps(SYSTEM)

    await until(taken)
    assert not first.keeps(SYSTEM)
    async with first.watches.held(SYSTEM) as connection:
        assert connection is None  # Even if it wakes up, it can write nothing.
    async with second.watches.held(SYSTEM) as connection:
        assert connection is not None


async def test_stop_waits_for_what_is_under_way(database: Database) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        ended.set()

    made = station(database, Chore("slow", 60.0, work))
    made.start()
    await begun.wait()
    await made.stop()
    assert ended.is_set()


async def test_chore_that_is_woken_is_done_before_it_is_due(database: Database) -> None:
    done: list[str] = []
    made = station(database, Chore("fold", 600.0, counting(done, "fold"), woken_s=0.0))
    made.start()
    await until(lambda: len(done) == 1)
    made.wake("fold")
    await until(lambda: len(done) == 2)
    made.wake("of another process")
    await made.stop()
    assert len(done) == 2


async def test_chore_that_is_woken_all_the_time_is_not_done_all_the_time(database: Database) -> None:
    done: list[str] = []
    made = station(
        database, Chore("fold", 600.0, counting(done, "fold"), woken_s=300.0), Chore("other", 0.01, counting(done, "o"))
    )
    made.start()
    await until(lambda: done.count("o") >= 3)
    for _ in range(20):
        made.wake("fold")
        await asyncio.sleep(0.01)
    await made.stop()
    assert done.count("fold") == 1


@pytest.mark.parametrize(
    ("clock_s", "pause_s"), [(100.0, 1.5), (101.0, 0.5), (101.5, 10.0), (101.4, 10.1), (109.0, 2.5)]
)
def test_beats_come_at_the_same_part_of_each_interval(clock_s: float, pause_s: float) -> None:
    async def nothing() -> None:
        return

    chore = Chore("fold", 10.0, nothing, beat=0.15)
    assert chore.pause_s(0, clock_s) == pytest.approx(pause_s)
    assert chore.pause_s(2, clock_s) == 20.0  # What fails waits.
    hurried = Chore("look", 10.0, nothing, beat=0.15, is_hurried=lambda: True)
    assert hurried.pause_s(0, clock_s) == 2.0
