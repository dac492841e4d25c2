"""Calls to services through a gateway, both real; some instances are slow, broken, dead or hostile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.services.breaker import FAILURES, State
from eopiez_ray.gateway.system import System
from eopiez_ray.settings import Settings
from eopiez_ray.store import EmbeddedServer, Projects
from tests.conftest import database_of
from tests.gateway.conftest import listening, named, running
from tests.waiting import until

from .instances import Behaviour, Instance, answer, broken, closing, echo, endless, free_url, held, serving

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Site:
    """A gateway on a port of its own, and instances behind it."""

    def __init__(self, app: FastAPI, url: str, stack: AsyncExitStack) -> None:
        self.app, self.url, self._stack = app, url, stack

    @property
    def system(self) -> System:
        system: System = self.app.state.system
        return system

    def client(self, name: str) -> httpx.AsyncClient:
        """A client for a caller's name."""
        return httpx.AsyncClient(base_url=self.url, headers={"Caller": name}, timeout=60)

    async def register(self, url: str, name: str = "shout", by: str = "anna", **facts: Any) -> UUID:
        """The id of a new instance."""
        async with self.client(by) as client:
            said = await client.post("/services", json={"name": name, "url": url} | facts)
        assert said.status_code == HTTPStatus.CREATED, said.text
        return UUID(said.json()["id"])

    async def instance(self, behaviour: Behaviour, **facts: Any) -> tuple[UUID, Instance]:
        """An instance that runs and is registered."""
        made = await self._stack.enter_async_context(serving(behaviour))
        return await self.register(made.url, **facts), made

    async def closing(self) -> UUID:
        """An instance that takes calls and answers none."""
        return await self.register(await self._stack.enter_async_context(closing()))

    async def call(self, method: str = "GET", path: str = "a", by: str = "ben", **options: Any) -> httpx.Response:
        """A call of the service ``shout``."""
        async with self.client(by) as client:
            return await client.request(method, f"/services/shout/call/{path}", **options)

    def state(self, instance: UUID) -> State:
        """The state of an instance's breaker."""
        now = asyncio.get_running_loop().time()
        return self.system.relay.standings.of(instance).breaker.state(now)


@asynccontextmanager
async def opened(database_url: str, home: Path, **settings: Any) -> AsyncIterator[Site]:
    usual: dict[str, Any] = {"gateway_services": ("127.0.0.1",), "gateway_service_bytes": 2**20}
    chosen = Settings(home=home, database_url=database_url, **(usual | settings))
    async with running(create_app(chosen, named)) as app, listening(app) as url, AsyncExitStack() as stack:
        for project in ("blue", "red"):
            await Projects(app.state.system.database).create(project)
        yield Site(app, url, stack)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A gateway for all tests here, each of which finds it without services."""
    async with database_of(server, template) as url, opened(url, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def site(shared: Site) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(shared.app, shared.url, stack)
        await shared.system.database.fetch("delete from services")


async def test_a_call_arrives_as_it_was_made_and_its_answer_comes_back(site: Site) -> None:
    _, instance = await site.instance(
        answer(418, {"short": "stout"}, etag='"a"', set_cookie="a=b", x_request_id="forged")
    )
    said = await site.call(
        "POST", "a%2Fb//c?x=%20&project=blue&y=1&x=2", content=b"hello",
        headers={"Authorization": "Bearer secret", "Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "X-Kept": "yes",
                 "traceparent": TRACE, "X-Request-Id": "mine"},
    )  # fmt: skip
    (seen,) = instance.arrived
    assert (seen.method, seen.target, seen.body) == ("POST", "/a%2Fb//c?x=%20&y=1&x=2", b"hello")
    assert not {"authorization", "cookie"} & seen.headers.keys()
    assert (seen.headers["x-forwarded-for"], seen.headers["x-request-id"]) == ("127.0.0.1", "mine")
    assert (seen.headers["x-kept"], seen.headers["traceparent"]) == ("yes", TRACE)
    assert seen.headers["host"] == instance.url.removeprefix("http://")
    assert (said.status_code, said.json(), said.headers["etag"]) == (418, {"short": "stout"}, '"a"')
    assert "set-cookie" not in said.headers
    assert said.headers["x-request-id"] == "mine"


async def test_every_method_goes_through(site: Site) -> None:
    _, instance = await site.instance(answer(200, "fine"))
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    for method in methods:
        said = await site.call(method, "")
        assert (said.status_code, said.text) == (HTTPStatus.OK, "" if method == "HEAD" else '"fine"')
    assert [(each.method, each.target, each.body) for each in instance.arrived] == [
        (each, "/", b"") for each in methods
    ]


async def test_a_body_is_passed_on_as_it_comes(site: Site) -> None:
    _, instance = await site.instance(echo)
    sent = [b"a" * 100_000, b"b" * 300_000, b"c"]

    async def parts() -> AsyncIterator[bytes]:
        for each in sent:
            yield each

    said = await site.call("POST", content=parts())
    assert said.content == instance.arrived[0].body == b"".join(sent)


async def test_calls_spread_over_instances(site: Site) -> None:
    instances = [(await site.instance(answer(200, number)))[1] for number in range(3)]
    counts = Counter([(await site.call()).json() for _ in range(60)])
    assert set(counts) == {0, 1, 2}
    assert sum(len(each.arrived) for each in instances) == 60


async def test_the_busy_instance_of_two_is_left_alone(site: Site) -> None:
    opened = asyncio.Event()
    _, busy = await site.instance(held(opened))
    waiting = asyncio.create_task(site.call())
    await until(lambda: busy.arrived)
    await site.instance(answer(200, "idle"))
    said = [await site.call() for _ in range(10)]
    assert [each.json() for each in said] == ["idle"] * 10
    opened.set()
    assert (await waiting).status_code == HTTPStatus.OK
    assert len(busy.arrived) == 1


async def test_a_dead_instance_is_passed_over_and_its_breaker_opens(site: Site) -> None:
    dead = await site.register(free_url())
    await site.instance(echo)

    async def is_open() -> bool:
        said = await site.call("POST", content=b"once")
        assert (said.status_code, said.content) == (HTTPStatus.OK, b"once")
        return site.state(dead) is State.OPEN

    await until(is_open)


async def test_what_may_have_arrived_is_sent_again_only_if_it_may_arrive_twice(site: Site) -> None:
    await site.closing()
    assert (await site.call("POST")).json()["type"] == "urn:eopiez:problem:service-failed"
    _, instance = await site.instance(echo)
    for headers in ({"Idempotency-Key": "a"}, {}):
        said = [await site.call("POST", content=b"x", headers=headers) for _ in range(4)]
        assert {each.status_code for each in said} <= ({200} if headers else {200, 502})
        failed = sum(each.status_code == HTTPStatus.BAD_GATEWAY for each in said)
        assert len(instance.arrived) == 4 - failed
        instance.arrived.clear()


async def test_a_long_body_is_not_sent_twice(site: Site) -> None:
    """It would have to be kept, and many callers have many of them."""
    _, overloaded = await site.instance(answer(503, "not now"))
    said = await site.call("PUT", content=b"x" * 1_000_000)
    assert (said.status_code, said.json(), len(overloaded.arrived)) == (503, "not now", 1)


async def test_an_overloaded_instance_is_passed_over_and_then_left_alone(site: Site) -> None:
    overloaded, instance = await site.instance(answer(503, "not now"))
    assert (await site.call()).json() == "not now"
    await site.instance(answer(200, "fine"))

    async def is_open() -> bool:
        assert (await site.call()).json() == "fine"
        return site.state(overloaded) is State.OPEN

    await until(is_open)
    assert len(instance.arrived) == FAILURES
    assert (await site.call()).json() == "fine"
    assert len(instance.arrived) == FAILURES


async def test_a_breaker_closes_once_a_call_succeeds(site: Site) -> None:
    key, instance = await site.instance(answer(503))
    for _ in range(FAILURES):
        await site.call()
    assert site.state(key) is State.OPEN
    refused = await site.call()
    assert (refused.json()["type"], refused.headers["retry-after"]) == ("urn:eopiez:problem:no-instance", "2")
    instance.behaviour = answer(200, "well again")
    _pass_time(site, key)
    assert site.state(key) is State.HALF_OPEN
    assert (await site.call()).json() == "well again"
    assert site.state(key) is State.CLOSED
    assert site.system.relay.standings.of(key).in_flight == 0


def _pass_time(site: Site, instance: UUID) -> None:
    """Let its breaker's pause be over."""
    standing = site.system.relay.standings.of(instance)
    standing.breaker = replace(standing.breaker, open_until=0.0)


async def test_a_slow_instance_costs_its_time_and_no_more(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_service_timeout_s=0.3) as site:
        gate = asyncio.Event()
        key, slow = await site.instance(held(gate))
        said = await site.call()
        assert (said.status_code, said.json()["type"]) == (504, "urn:eopiez:problem:service-timeout")
        assert len(slow.arrived) == 1
        assert site.system.relay.standings.of(key).in_flight == 0
        gate.set()


async def test_slow_services_of_one_project_leave_room_for_others(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_service_calls=4) as site:
        gate = asyncio.Event()
        _, slow = await site.instance(held(gate))
        _, quick = await site.instance(answer(200, "quick"), by="dora")
        waiting = [asyncio.create_task(site.call()) for _ in range(2)]
        await until(lambda: len(slow.arrived) == 2)
        said = await site.call()
        assert (said.status_code, said.json()["type"]) == (429, "urn:eopiez:problem:busy")
        assert said.headers["retry-after"] == "1"
        assert (await site.call(by="dora")).json() == "quick"
        gate.set()
        assert [(await each).status_code for each in waiting] == [200, 200]
        assert (await site.call()).status_code == HTTPStatus.OK
        assert len(quick.arrived) == 1


async def test_an_answer_has_an_end(site: Site) -> None:
    key, instance = await site.instance(endless)
    with pytest.raises(httpx.RemoteProtocolError):
        await site.call()
    instance.behaviour = answer(200, "x" * 2**20)
    assert (await site.call()).json()["type"] == "urn:eopiez:problem:answer-too-large"
    await until(lambda: site.system.relay.standings.of(key).in_flight == 0)


async def test_an_answer_that_breaks_off_breaks_off(site: Site) -> None:
    key, _ = await site.instance(broken)
    with pytest.raises(httpx.RemoteProtocolError):
        await site.call()
    await until(lambda: site.system.relay.standings.of(key).in_flight == 0)


async def test_whoever_hangs_up_holds_nothing(site: Site) -> None:
    gate = asyncio.Event()
    key, instance = await site.instance(endless)
    async with site.client("ben") as client, client.stream("GET", "/services/shout/call/a") as said:
        assert await anext(said.aiter_bytes())
    await until(lambda: site.system.relay.standings.of(key).in_flight == 0)
    instance.behaviour = held(gate)
    gate.set()
    assert (await site.call()).status_code == HTTPStatus.OK


async def test_a_redirect_is_not_followed(site: Site) -> None:
    _, secret = await site.instance(answer(200, "secret"), name="secret")
    await site.instance(answer(302, location=secret.url))
    said = await site.call()
    assert said.json()["type"] == "urn:eopiez:problem:service-redirects"
    assert "location" not in said.headers
    assert secret.arrived == []


async def test_another_projects_service_is_not_there(site: Site) -> None:
    key, instance = await site.instance(echo)
    for stranger in ("dora", "fritz"):
        async with site.client(stranger) as client:
            assert (await client.get("/services/shout/call/a", params={"project": "blue"})).status_code == 404
            assert (await client.put(f"/services/{key}/heartbeat")).status_code == 404
            assert (await client.delete(f"/services/{key}")).status_code == 404
    async with site.client("dora") as client:
        assert (await client.get("/services/shout/call/a")).json()["type"] == "urn:eopiez:problem:no-instance"
        assert (await client.get("/services/shout/instances")).json()["items"] == []
    assert instance.arrived == []


async def test_a_service_calls_come_to_its_own_projects_instances(site: Site) -> None:
    _, blue = await site.instance(answer(200, "blue"))
    await site.register(free_url(), by="dora")
    assert {(await site.call()).json() for _ in range(10)} == {"blue"}
    assert len(blue.arrived) == 10


async def test_an_instance_is_gone_when_its_heartbeats_stop(site: Site) -> None:
    key, _ = await site.instance(echo)
    await _age(site, key, timedelta(seconds=29))
    async with site.client("anna") as client:
        assert (await client.put(f"/services/{key}/heartbeat")).status_code == HTTPStatus.OK
        await _age(site, key, timedelta(seconds=31))
        assert (await client.get("/services")).json()["items"] == []
        assert (await client.put(f"/services/{key}/heartbeat")).status_code == 404
    assert (await site.call()).json()["type"] == "urn:eopiez:problem:no-instance"


async def _age(site: Site, instance: UUID, by: timedelta) -> None:
    """Let its last heartbeat be that old."""
    text = "update services set heartbeat_at = clock_timestamp() - $2::interval where id = $1"
    await site.system.database.fetch(text, instance, by)


async def test_who_registers_again_keeps_its_id(site: Site) -> None:
    url = free_url()
    first = await site.register(url, weight=2)
    await _age(site, first, timedelta(minutes=1))
    assert await site.register(url + "/", version="2") == first
    async with site.client("cleo") as client:
        (known,) = (await client.get("/services", params={"version": "2"})).json()["items"]
        assert (known["weight"], known["version"], known["is_healthy"]) == (1, "2", True)
        assert (await client.get("/services", params={"version": "1"})).json()["items"] == []


async def test_an_unregistered_instance_is_called_no_more(site: Site) -> None:
    key, _ = await site.instance(echo)
    async with site.client("anna") as client:
        assert (await client.delete(f"/services/{key}")).status_code == 204
        assert (await client.delete(f"/services/{key}")).status_code == 404
    assert (await site.call()).status_code == 503


async def test_an_ill_instance_is_not_called_until_it_is_well(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_service_check_s=0.05) as site:
        _, ill = await site.instance(answer(200, "ill"), health_path="/health")
        ill.is_healthy = False

        async def is_healthy() -> bool:
            async with site.client("cleo") as client:
                (known,) = (await client.get("/services/shout/instances")).json()["items"]
            healthy: bool = known["is_healthy"]
            return healthy

        await until(lambda: _is_not(is_healthy))
        assert (await site.call()).status_code == 503
        ill.is_healthy = True
        await until(is_healthy)
        assert (await site.call()).json() == "ill"


async def _is_not(claim: Any) -> bool:
    return not await claim()


async def test_each_check_is_made_by_one_replica(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_service_check_s=60) as site:
        for _ in range(20):
            await site.register(free_url(), health_path="/health")
        taken = await asyncio.gather(*(site.system.services.take_checks(timedelta(minutes=1), 8) for _ in range(5)))
        ids = [each.id for some in taken for each in some]
        assert len(ids) == len(set(ids))
        rest = await site.system.services.take_checks(timedelta(minutes=1), 100)
        assert len(ids) + len(rest) == 20
