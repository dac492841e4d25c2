"""Instances of services, as the store keeps them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from eopiez_ray.store import Database, Projects
from eopiez_ray.store.services import FAILED_CHECKS, MOST_INSTANCES, NewService, Services, ServiceView


def new(project: str = "default", url: str = "http://127.0.0.1:9", **facts: Any) -> NewService:
    usual: dict[str, Any] = {
        "name": "shout", "version": "1", "health_path": None, "weight": 1, "metadata": {"ä": "b"},
        "registered_by": "anna/service", "lease": timedelta(seconds=30),
    }  # fmt: skip
    return NewService(project=project, url=url, **(usual | facts))


async def registered(services: Services, **facts: Any) -> ServiceView:
    view = await services.register(new(**facts))
    assert view is not None
    return view


async def age(database: Database, view: ServiceView, by: timedelta) -> None:
    """Let its last heartbeat be that old."""
    text = "update services set heartbeat_at = clock_timestamp() - $2::interval where id = $1"
    await database.fetch(text, view.id, by)


async def test_an_instance_is_there_as_long_as_its_lease(database: Database) -> None:
    services = Services(database)
    view = await registered(services)
    assert (await services.get(view.id), await services.page(["default"])) == (view, [view])
    assert await services.get(view.id, ["red"]) is None
    await age(database, view, timedelta(seconds=30))
    assert (await services.get(view.id), await services.page(None), await services.beat(view.id)) == (None, [], None)
    assert (await registered(services)).id == view.id


async def test_only_what_is_gone_for_long_is_forgotten(database: Database) -> None:
    services = Services(database)
    old, young = await registered(services), await registered(services, url="http://127.0.0.1:8")
    await age(database, old, timedelta(hours=2))
    await age(database, young, timedelta(minutes=2))
    await services.forget(timedelta(hours=1))
    assert [row["id"] for row in await database.fetch("select id from services")] == [young.id]


async def test_an_instance_that_fails_twice_is_not_healthy(database: Database) -> None:
    services = Services(database)
    view = await registered(services, health_path="/health")
    for failed in range(1, FAILED_CHECKS + 1):
        await services.note_check(view.id, False)
        (known,) = await services.page(["default"])
        assert known.is_healthy is (failed < FAILED_CHECKS)
    await services.note_check(view.id, True)
    assert (await services.page(["default"]))[0].is_healthy


async def test_who_has_no_health_path_is_not_asked(database: Database) -> None:
    services = Services(database)
    await registered(services)
    asked = await registered(services, url="http://127.0.0.1:8", health_path="/health")
    assert [each.id for each in await services.take_checks(timedelta(0), 10)] == [asked.id]
    assert await services.take_checks(timedelta(minutes=1), 10) == []


async def test_a_project_has_no_more_than_it_may(database: Database) -> None:
    services = Services(database)
    view = await registered(services)
    await database.fetch(
        "insert into services (id, project, name, version, url, weight, registered_by, lease) "
        "select gen_random_uuid(), project, name, version, 'http://a/' || number, weight, registered_by, lease "
        "from services, generate_series(2, $1::integer) as number",
        MOST_INSTANCES,
    )
    assert await services.register(new(url="http://127.0.0.1:8")) is None
    assert (await registered(services)).id == view.id
    await age(database, view, timedelta(minutes=1))
    assert await services.register(new(url="http://127.0.0.1:8")) is not None


async def test_projects_have_their_own_and_take_them_along(database: Database) -> None:
    services, projects = Services(database), Projects(database)
    assert await services.register(new("red")) is None
    for project in ("red", "blue"):
        await projects.create(project)
    red, blue = await registered(services, project="red"), await registered(services, project="blue")
    assert red.id != blue.id
    await projects.delete("red")
    assert await services.page(None) == [blue]


@pytest.mark.parametrize("count", [2, 10])
async def test_registering_at_once_makes_one_instance(database: Database, count: int) -> None:
    views = await asyncio.gather(*(registered(Services(database)) for _ in range(count)))
    assert len({view.id for view in views}) == 1
