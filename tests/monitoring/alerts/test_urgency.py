"""What a rule that fires at once looks at comes before its time: measured, reported, folded, judged and told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import eopiez_ray as ez
from eopiez_ray.model.requests import Request, Selection, Verb
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.alerts.urgency import MOST_CONDITIONS, watched
from eopiez_ray.monitoring.meter import Key, Meter
from eopiez_ray.monitoring.opening import stationed
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.intake import Intake, NewWorkflow
from eopiez_ray.store.requests import ask
from tests.waiting import until

from .conftest import KEY, House
from .given import rule
from .receiving import Hook, hooked

ENDED = "eopiez_workflows_ended_total"
FAILED = {"metric": ENDED, "where": {"status": ["failed", "quarantined"]}}
NEVER_S = 600.0
"""An interval in which no beat comes while a test lasts."""


@ez.phase(version="1")
def read(name: str) -> str:
    return name


PLAN = ez.Plan("letters")
PLAN.step("read", read, PLAN.values("names", ["a"]))


def ended(status: str) -> Key:
    return Key(c.ENDED, ("default", status, "plan"))


@pytest.mark.parametrize(
    "when",
    [
        {"kind": "threshold", **FAILED},
        {"kind": "rate", **FAILED},
        {"kind": "ratio", "part": FAILED, "whole": {"metric": ENDED}},
        {"kind": "burn_rate", "bad": FAILED, "all": {"metric": ENDED}},
    ],
)
def test_series_that_can_break_a_rule_are_watched_and_no_others(when: dict[str, Any]) -> None:
    found = watched([when])
    assert found.covers(ended("failed"))
    assert not found.covers(ended("succeeded"))
    assert not found.covers(Key(c.CLAIMS, ("default",)))
    assert found.has([c.CLAIMS, c.ENDED])
    assert not found.has([c.CLAIMS])


@pytest.mark.parametrize(
    "when",
    [
        {"kind": "events", "source": "audit", "where": {}},
        {"kind": "absence", "metric": ENDED},
        {"kind": "threshold", "metric": "of a later version"},
        {"kind": "ratio"},
        {"kind": "of a later version"},
        {},
    ],
)
def test_what_cannot_come_early_is_not_watched(when: dict[str, Any]) -> None:
    assert not watched([when]).choices


def test_only_what_somebody_has_written_is_worth_more_looks() -> None:
    found = watched([{"kind": "threshold", "metric": c.QUEUE_AGE.name}], [{"kind": "threshold", **FAILED}])
    assert found.hurries([c.QUEUE_AGE])
    assert not found.hurries([c.ENDED])
    assert found.covers(ended("failed"))


def test_very_many_conditions_become_one() -> None:
    many = [
        {"kind": "threshold", "metric": ENDED, "where": {"project": f"project-{each}"}}
        for each in range(MOST_CONDITIONS + 1)
    ]
    assert watched(many).choices[ENDED] == ({},)
    assert len(watched(many[1:]).choices[ENDED]) == MOST_CONDITIONS


def test_gauge_has_news_when_it_has_moved_since_it_was_reported() -> None:
    meter = Meter()
    for value, has_news in ((0.0, True), (0.0, False), (100.0, True), (100.5, False), (98.0, True)):
        meter.note(c.QUEUE_AGE, value, ("default",))
        assert meter.has_news(lambda key: key.metric is c.QUEUE_AGE) is has_news, value
        if has_news:
            meter.take()
    assert not meter.has_news(lambda key: key.metric is c.DB_BYTES)


def test_meter_gives_what_is_wanted_and_keeps_the_rest() -> None:
    meter = Meter()
    meter.add(c.CLAIMS, 0, ("default",))
    assert not meter.has_news(lambda _: True)  # That nothing has happened is no news.
    meter.add(c.CLAIMS, 2, ("default",))
    meter.note(c.DB_BYTES, 5.0)
    assert meter.has_news(lambda _: True)
    assert [*meter.take(lambda metric: metric is c.CLAIMS).added] == [Key(c.CLAIMS, ("default",))]
    rest = meter.take()
    assert (rest.added, [*rest.gauges]) == ({}, [Key(c.DB_BYTES, ())])


@asynccontextmanager
async def two_stations(database: Database, url: str, home: Path) -> AsyncIterator[Meter]:
    """Two processes whose next beat does not come; gives the meter of the one that does not fold."""
    given = Settings(home=home, database_url=url, alert_targets=("127.0.0.1",), secret_key=KEY)
    settings, others = given.model_copy(update={"metrics_interval_s": NEVER_S}), Meter()

    async def has_folded() -> bool:
        (row,) = await database.fetch("select fold from metering")
        return bool(row["fold"])

    async with stationed(database, settings, "gateway", Meter()):
        await until(has_folded)
        async with stationed(database, settings, "gateway", others):
            yield others


async def told(
    house: House, home: Path, url: str, when: dict[str, Any], cause: Callable[[Meter], Awaitable[Any]]
) -> Hook:
    """Let a cause happen until the receiver is told of it."""
    await house.have(rule(when=when))
    async with hooked() as hook:
        await house.tell(hook.url)
        async with two_stations(house.database, url, home) as meter:

            async def is_told() -> bool:
                await cause(meter)
                return bool(hook.titles)

            await until(is_told)
    return hook


async def test_end_of_a_workflow_is_told_before_the_next_beat(house: House, home: Path, database_url: str) -> None:
    intake = Intake(house.database)

    async def cancel_one(_: Meter) -> None:
        await intake.create(NewWorkflow(PLAN.spec(), PLAN.code()))
        await ask(house.database, Verb.CANCEL, Selection(everything=True), Request())

    when = {"kind": "threshold", "metric": ENDED, "read": "count", "where": {"status": "cancelled"}, "above": 0}
    hook = await told(house, home, database_url, when, cancel_one)
    assert hook.titles[0] == "FIRING: loud"


async def test_what_another_process_counts_is_told_before_the_next_beat(
    house: House, home: Path, database_url: str
) -> None:
    async def count(meter: Meter) -> None:
        meter.add(c.HTTP_REQUESTS, labels=("GET", "/workflows", "503"))

    when = {
        "kind": "threshold",
        "metric": c.HTTP_REQUESTS.name,
        "read": "count",
        "where": {"status": "503"},
        "above": 0,
    }
    hook = await told(house, home, database_url, when, count)
    assert hook.titles[0] == "FIRING: loud"


async def test_what_is_seen_only_by_looking_is_looked_at_more_often(
    house: House, home: Path, database_url: str
) -> None:
    await Intake(house.database).create(NewWorkflow(PLAN.spec(), PLAN.code()))

    async def nothing(_: Meter) -> None:
        return

    hook = await told(house, home, database_url, {"kind": "threshold", "metric": c.QUEUE_AGE.name, "above": 5}, nothing)
    assert hook.titles[0] == "FIRING: loud"
