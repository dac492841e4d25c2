"""From what processes measure to what can be read: nothing is lost or counted twice, and strangers invent no series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eopiez_ray.errors import StoreError
from eopiez_ray.monitoring import labels as bounds
from eopiez_ray.monitoring.catalogue import HTTP_REQUESTS, HTTP_SECONDS, NODE_CPU, PROCESS_MEMORY, PROJECT_REQUESTS
from eopiez_ray.monitoring.labels import LONGEST, OTHER

from .conftest import Post

ROUTE = ("GET", "/v1/workflows", "200")


async def requests(post: Post) -> dict[tuple[str, ...], float]:
    return await post.totals(HTTP_REQUESTS, by=("status",))


async def test_counts_of_all_processes_add_up(post: Post, another: Callable[[], Post]) -> None:
    for each in (post, another(), another()):
        each.meter.add(HTTP_REQUESTS, 2, ROUTE)
        each.meter.add(HTTP_REQUESTS, 1, ("GET", "/v1/plans", "404"))
        await each.report()
    await post.fold()
    await post.fold()
    assert await requests(post) == {("200",): 6.0, ("404",): 3.0}


async def test_who_dies_loses_its_last_interval_alone(post: Post, another: Callable[[], Post]) -> None:
    dying = another()
    dying.meter.add(HTTP_REQUESTS, 5, ROUTE)
    await dying.report()
    dying.meter.add(HTTP_REQUESTS, 3, ROUTE)  # Never reported.
    del dying
    await post.fold()
    assert await requests(post) == {("200",): 5.0}


async def test_fold_that_breaks_off_counts_nothing_and_loses_nothing(post: Post, another: Callable[[], Post]) -> None:
    post.meter.add(HTTP_REQUESTS, 4, ROUTE)
    await post.report()

    async def breaks(*_: object) -> list[object]:
        raise StoreError("the process dies here")

    post.folder._measures = breaks  # type: ignore[assignment]
    with pytest.raises(StoreError):
        await post.fold()
    assert await requests(post) == {}
    await post.station.stop()
    heir = another()
    await heir.fold()
    assert await requests(heir) == {("200",): 4.0}


async def test_only_who_keeps_the_watch_folds(post: Post, another: Callable[[], Post]) -> None:
    await post.station.watch()
    other = another()
    other.meter.add(HTTP_REQUESTS, 1, ROUTE)
    await other.report()
    await other.fold()
    assert await requests(post) == {}
    await post.fold()
    assert await requests(post) == {("200",): 1.0}


@pytest.mark.parametrize("has_arrived", [False, True])
@pytest.mark.parametrize("is_folded", [False, True])
async def test_report_whose_fate_is_unknown_counts_once(
    post: Post, monkeypatch: pytest.MonkeyPatch, has_arrived: bool, is_folded: bool
) -> None:
    post.meter.add(HTTP_REQUESTS, 1, ROUTE)
    save = post.store.report

    async def breaks_off(*given: Any) -> None:
        if has_arrived:
            await save(*given)
        raise StoreError("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(post.store, "report", breaks_off)
        with pytest.raises(StoreError):
            await post.report()
    if is_folded:
        await post.fold()
    post.meter.add(HTTP_REQUESTS, 1, ROUTE)
    await post.report()
    await post.fold()
    assert await requests(post) == {("200",): 2.0}


async def test_gauges_of_processes_are_added_or_compared(post: Post, another: Callable[[], Post]) -> None:
    other = another()
    for each, bytes_, cpu in ((post, 100, 0.25), (other, 50, 0.5)):
        each.meter.note(PROCESS_MEMORY, bytes_, ("a", "gateway"))
        each.meter.note(NODE_CPU, cpu, ("a",))
        await each.report()
    await post.fold()
    assert await post.samples.latest(PROCESS_MEMORY, projects=None) == {("a", "gateway"): 150.0}
    assert await post.samples.latest(NODE_CPU, projects=None) == {("a",): 0.5}
    post.meter.note(PROCESS_MEMORY, 70, ("a", "gateway"))
    await post.report()
    await post.fold()  # The other one has not reported again yet, and still counts.
    assert await post.samples.latest(PROCESS_MEMORY, projects=None) == {("a", "gateway"): 120.0}


async def test_quantiles_of_any_group(post: Post) -> None:
    for value in range(1, 101):
        post.meter.observe(HTTP_SECONDS, value / 100, ("/v1/plans", "GET" if value % 2 else "PUT"))
    await post.report()
    await post.fold()
    (whole,) = (await post.distributions(HTTP_SECONDS, by=())).values()
    assert whole.count == 100
    assert whole.sum == pytest.approx(50.5)
    assert whole.quantile(0.95) == pytest.approx(0.95, rel=0.01)
    by_method = await post.distributions(HTTP_SECONDS, by=("method",))
    assert {labels: each.count for labels, each in by_method.items()} == {("GET",): 50, ("PUT",): 50}


async def test_projects_see_their_own_series_alone(post: Post) -> None:
    post.meter.add(PROJECT_REQUESTS, 1, ("blue",))
    post.meter.add(PROJECT_REQUESTS, 2, ("red",))
    post.meter.add(HTTP_REQUESTS, 3, ROUTE)
    await post.report()
    await post.fold()
    assert await post.totals(PROJECT_REQUESTS, projects=["blue"]) == {("blue",): 1.0}
    assert await post.totals(PROJECT_REQUESTS, {"project": "red"}, projects=["blue"]) == {}
    assert await post.totals(PROJECT_REQUESTS, projects=["blue"], by=()) == {(): 1.0}
    assert await post.totals(HTTP_REQUESTS, projects=["blue"]) == {}
    assert await post.totals(PROJECT_REQUESTS, by=()) == {(): 3.0}


async def test_strangers_invent_no_more_series_than_are_allowed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_VALUES", 50)
    for number in range(10_000):
        post.meter.add(PROJECT_REQUESTS, 1, (f"project {number}",))
    await post.report()
    await post.fold()
    counts = await post.totals(PROJECT_REQUESTS)
    assert len(counts) == 51
    assert counts[OTHER,] == 9_950
    assert await post.totals(PROJECT_REQUESTS, projects=["project 9999"]) == {}


async def test_names_that_are_not_used_any_more_take_no_places(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_VALUES", 2)
    for day in range(3):
        for name in ("a", "b", "c"):
            post.meter.add(PROJECT_REQUESTS, 1, (f"{name}{day}",))
        await post.report()
        await post.fold()
        await post.database.fetch("update series set seen_at = seen_at - interval '2 days'")
        await post.rollups.keep_house()
    assert set(await post.totals(PROJECT_REQUESTS)) == {(each,) for each in ("a0", "b0", "a1", "b1", "a2", "b2", OTHER)}


@pytest.mark.parametrize("name", ["a\0b", "\udcff", "x" * 5000, "\x1b[31m", '"} 1\n# HELP', ""])
async def test_hostile_labels_are_kept_safely(post: Post, name: str) -> None:
    post.meter.add(PROJECT_REQUESTS, 1, (name,))
    await post.report()
    await post.fold()
    await post.fold()
    ((label,),) = await post.totals(PROJECT_REQUESTS)
    assert "\0" not in label
    assert len(label) <= LONGEST


async def test_reports_of_other_versions_are_passed_over(post: Post) -> None:
    strange = [["eopiez_of_tomorrow", ["x"], [[0, 1]]], [HTTP_REQUESTS.name, ["too", "few"], [[0, 1]]]]
    await post.store.report(post.station.id, 1, [*strange, [HTTP_REQUESTS.name, [*ROUTE], [[0, 1], [0, "NaN"]]]])
    await post.fold()
    assert await requests(post) == {("200",): 1.0}
