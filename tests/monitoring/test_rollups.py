"""Rollups: longer periods hold what shorter ones did, whatever window is read, and what is old is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from eopiez_ray.monitoring.blocks import Block, gauges
from eopiez_ray.monitoring.catalogue import HTTP_REQUESTS, NODE_CPU, Metric
from eopiez_ray.monitoring.covering import Kept, Part, cover
from eopiez_ray.monitoring.folding import FINEST_S
from eopiez_ray.monitoring.samples import Samples
from eopiez_ray.settings import Settings
from eopiez_ray.store.samples import Sample

from .conftest import HOUR, Post, ago, now

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def given(post: Post, metric: Metric, *moments: datetime, value: float = 1.0) -> None:
    """Samples of one series at these moments."""
    labels = dict.fromkeys(metric.kept, "x")
    async with post.database.transaction() as connection:
        (row,) = await post.store.add_series(connection, [(metric.name, labels)])
        made = Block.of if metric is HTTP_REQUESTS else gauges
        packed = made({(row.id, 0): value}).packed()
        count = await connection.fetchval("select coalesce(max(fold), 0) from samples")
        await connection.execute("update metering set through = now()")
        await post.store.save(
            connection,
            [Sample(FINEST_S, metric.name, at, count + number, packed) for number, at in enumerate(moments, 1)],
        )


async def counted(post: Post, since: datetime, until: datetime) -> float:
    totals = await post.samples.totals(HTTP_REQUESTS, projects=None, since=since, until=until, by=())
    return totals.get((), 0.0)


async def test_any_window_is_counted_exactly_whatever_is_rolled_up(post: Post) -> None:
    post.samples = Samples(post.database, Settings(metrics_fine_hours=100, metrics_minute_hours=100))
    moments = [ago(50 * HOUR) + number * 7 * MINUTE for number in range(420)]
    await given(post, HTTP_REQUESTS, *moments)
    windows = [(ago(49 * HOUR), ago(HOUR)), (ago(30 * HOUR), ago(29 * HOUR)), (ago(60 * HOUR), now())]
    before = [await counted(post, *window) for window in windows]
    await post.station.watch()
    await post.rollups.roll()
    assert set(await post.store.rolled_up()) == {60, 3600, 86400}
    assert [await counted(post, *window) for window in windows] == before
    assert before[2] == 420


async def test_rolling_up_again_changes_nothing(post: Post) -> None:
    await given(post, HTTP_REQUESTS, *(ago(HOUR) + number * MINUTE for number in range(30)))
    await post.station.watch()
    await post.rollups.roll()
    await post.database.fetch("delete from rollups")  # As if the process had died before it wrote this.
    await post.rollups.roll()
    assert await counted(post, ago(2 * HOUR), now()) == 30


async def test_nothing_is_missing_once_the_shorter_periods_are_forgotten(post: Post) -> None:
    await given(post, HTTP_REQUESTS, *(ago(5 * DAY) + number * HOUR for number in range(100)))
    await post.station.watch()
    await post.rollups.roll()
    await post.rollups.keep_house()
    rows = await post.database.fetch("select resolution, count(*) from samples group by 1 order by 1")
    kept = dict(map(tuple, rows))
    assert kept.keys() == {3600, 86400}
    assert kept[3600] == 100
    assert await counted(post, ago(6 * DAY), now()) == 100
    assert {total.metric for total in await post.store.totals()} == {HTTP_REQUESTS.name}


async def test_gauges_keep_their_means(post: Post) -> None:
    begin = ago(3 * HOUR).replace(minute=0, second=0)
    await given(post, NODE_CPU, *(begin + number * MINUTE for number in range(30)), value=0.25)
    await given(post, NODE_CPU, *(begin + number * MINUTE for number in range(30, 60)), value=0.75)
    await post.station.watch()
    await post.rollups.roll()
    (line,) = await post.samples.series(NODE_CPU, projects=None, since=begin, until=begin + HOUR, step_s=3600)
    assert [point.value for point in line.points] == [pytest.approx(0.5)]


async def test_series_have_a_point_for_each_period(post: Post) -> None:
    begin = ago(2 * HOUR).replace(minute=0, second=0)
    await given(post, HTTP_REQUESTS, begin, begin + 20 * timedelta(seconds=1), begin + 2 * MINUTE)
    for _ in range(2):
        (line,) = await post.samples.series(
            HTTP_REQUESTS, projects=None, since=begin, until=begin + HOUR, step_s=60, by=("status",)
        )
        assert [(point.at - begin, point.value) for point in line.points] == [(0 * MINUTE, 2.0), (2 * MINUTE, 1.0)]
        assert line.labels == {"status": "x"}
        await post.station.watch()
        await post.rollups.roll()


def at(hours: float) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + hours * HOUR


def test_window_is_covered_by_days_hours_minutes_and_what_follows() -> None:
    kept = Kept({86400: at(48), 3600: at(50), 60: at(50.5)}, {})
    assert cover(at(22.5), at(51), kept) == [
        Part(60, at(22.5), at(23)),
        Part(3600, at(23), at(24)),
        Part(86400, at(24), at(48)),
        Part(3600, at(48), at(50)),
        Part(60, at(50), at(50.5)),
        Part(10, at(50.5), at(51)),
    ]


def test_window_grows_to_what_is_still_kept() -> None:
    kept = Kept({86400: at(48), 3600: at(50), 60: at(50)}, {60: at(40), 10: at(49), 3600: at(30)})
    assert cover(at(22.5), at(49), kept)[0] == Part(86400, at(0), at(48))
    assert cover(at(41.2), at(42), kept) == [Part(60, at(41.2), at(42))]
    assert cover(at(31.2), at(33), kept) == [Part(3600, at(31), at(33))]


def test_parts_leave_no_gap() -> None:
    kept = Kept({86400: at(48), 3600: at(50), 60: at(50.5)}, {})
    for begin in range(0, 60, 7):
        for length in (0.01, 0.3, 1, 5, 30, 70):
            parts = cover(at(begin + 0.111), at(begin + length + 0.333), kept)
            assert parts[0].since <= at(begin + 0.111)
            assert parts[-1].until == at(begin + length + 0.333)
            assert all(first.until == second.since for first, second in pairwise(parts))


def test_empty_window_has_no_parts() -> None:
    assert cover(at(1), at(1), Kept({}, {})) == []
