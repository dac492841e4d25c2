"""How many requests a second, over all replicas, and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.peers import true_address
from eopiez_ray.model.access import Role
from eopiez_ray.store import Database

from .browsing import Site, problem
from .given import settings_of

SLOW = 0.01
"""Requests a second: one at once, and the next one when the test is long over."""
PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "2001:db8::/32")))


@pytest.mark.parametrize(
    ("address", "forwarded", "found"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.1"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.1, 10.0.0.2"], "203.0.113.1"),
        ("10.0.0.1", ["10.0.0.9"], "10.0.0.9"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.1, nonsense"], "10.0.0.1"),
        ("2001:db8::1", ["203.0.113.1"], "203.0.113.1"),
        ("", ["203.0.113.1"], ""),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(address: str, forwarded: list[str], found: str) -> None:
    assert true_address(address, forwarded, PROXIES) == found


@asynccontextmanager
async def sites(database_url: str, home: Path, **settings: Any) -> AsyncIterator[tuple[Site, Site]]:
    """Two replicas with those settings."""
    apps = [create_app(settings_of(database_url, home).model_copy(update=settings)) for _ in range(2)]
    async with apps[0].router.lifespan_context(apps[0]), apps[1].router.lifespan_context(apps[1]):
        yield Site(apps[0]), Site(apps[1])


async def test_an_address_is_bounded_on_all_replicas_before_anything_else(database_url: str, home: Path) -> None:
    async with sites(database_url, home, rate_address=SLOW) as (site, twin):
        problem(await site.visitor("198.51.100.9").get("/workflows"), 401, "unauthenticated")
        refused = await twin.visitor("198.51.100.9").get("/workflows", headers={"X-Forwarded-For": "203.0.113.1"})
        problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) > 1
        problem(await twin.visitor("198.51.100.10").get("/workflows"), 401, "unauthenticated")


async def test_addresses_behind_a_trusted_proxy_are_bounded_each(database_url: str, home: Path) -> None:
    async with sites(database_url, home, rate_address=SLOW, trusted_proxies=PROXIES) as (site, _):
        statuses = [
            (await site.visitor("10.0.0.1").get("/workflows", headers={"X-Forwarded-For": address})).status_code
            for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
        ]
    assert statuses == [401, 401, 429]


async def allowed(client: httpx.AsyncClient, other: httpx.AsyncClient, path: str) -> list[int]:
    return [(await each.get(path)).status_code for each in (client, other, client)]


async def test_a_user_and_each_key_are_bounded_apart(database: Database, database_url: str, home: Path) -> None:
    async with sites(database_url, home) as (site, _):
        _, client = await site.member("anna", Role.DEVELOPER)
        keys = [
            (await client.post("/keys", json={"name": name, "role": "viewer"})).json()["key"] for name in ("a", "b")
        ]
    await database.fetch("delete from rates")
    async with sites(database_url, home, rate_caller=SLOW) as (site, twin):
        for given in (client.headers["authorization"], *(f"Bearer {key}" for key in keys)):
            clients = [each.visitor(authorization=given) for each in (site, twin)]
            assert await allowed(clients[0], clients[1], "/workflows") == [200, 429, 429]


async def test_a_project_is_bounded_for_all_who_work_for_it(database_url: str, home: Path) -> None:
    async with sites(database_url, home) as (site, _):
        clients = [(await site.member(login, Role.VIEWER))[1] for login in ("anna", "ben")]
    async with sites(database_url, home, rate_project=SLOW) as replicas:
        both = [
            replica.visitor(authorization=client.headers["authorization"])
            for replica, client in zip(replicas, clients, strict=True)
        ]
        assert await allowed(both[0], both[1], "/workflows?project=default") == [200, 429, 429]
        stranger = await both[0].get("/workflows?project=other")
        assert stranger.status_code == HTTPStatus.NOT_FOUND
