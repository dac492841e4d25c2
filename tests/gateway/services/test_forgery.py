"""Server-side request forgery: the gateway is asked to call what only it can reach (OWASP API7:2023)."""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from pathlib import Path
from typing import Any

from eopiez_ray.outbound.places import Places

from .instances import echo, serving
from .test_relay import Site, opened

INSIDE = (
    "http://127.0.0.1:{port}", "http://localhost:{port}", "http://2130706433:{port}", "http://0x7f000001:{port}",
    "http://0177.0.0.1:{port}", "http://127.1:{port}", "http://0:{port}", "http://0.0.0.0:{port}",
    "http://[::1]:{port}", "http://[::ffff:127.0.0.1]:{port}", "http://[::ffff:7f00:1]:{port}", "http://[::]:{port}",
    "http://169.254.169.254", "http://10.0.0.1", "http://[fd00:ec2::254]", "http://[fe80::1]",
    "http://inside.example.com:{port}",
)  # fmt: skip
"""Ways to write an address inside."""


def lead_inside(site: Site, *addresses: str) -> list[str]:
    """Let the name ``inside.example.com`` have these addresses, one after the other; gives the names that are asked."""
    asked, left = list[str](), list(addresses)

    def look_up(host: str, *rest: Any) -> Any:
        asked.append(host)
        if host != "inside.example.com":
            return socket.getaddrinfo(host, *rest)
        return socket.getaddrinfo(left.pop(0) if len(left) > 1 else left[0], *rest)

    site.system.relay.resolver.look_up = look_up
    return asked


async def refused(site: Site, url: str) -> None:
    async with site.client("anna") as client:
        said = await client.post("/services", json={"name": "shout", "url": url})
    assert said.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (url, said.text)
    assert said.json()["type"].rpartition(":")[2] in {"place-forbidden", "invalid-parameter"}


async def test_no_url_leads_inside(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_services=("*", "192.0.2.0/24")) as site, serving(echo) as secret:
        lead_inside(site, "127.0.0.1")
        for url in INSIDE:
            await refused(site, url.format(port=secret.url.rpartition(":")[2]))
        assert secret.arrived == []


async def test_a_name_that_leads_elsewhere_later_is_not_followed(database_url: str, home: Path) -> None:
    """DNS rebinding: public while it is registered, inside when it is called."""
    async with opened(database_url, home, gateway_services=("*",)) as site, serving(echo) as secret:
        asked = lead_inside(site, "93.184.216.34", "127.0.0.1")
        await site.register(f"http://inside.example.com:{secret.url.rpartition(':')[2]}")
        said = await site.call()
        assert said.json()["type"] == "urn:eopiez:problem:service-failed"
        assert asked.count("inside.example.com") == 2
        assert secret.arrived == []


async def test_a_connection_goes_to_the_address_that_was_looked_at(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as site, serving(echo) as instance:
        asked = lead_inside(site, "127.0.0.1")
        await site.register(f"http://inside.example.com:{instance.url.rpartition(':')[2]}")
        assert (await site.call()).status_code == HTTPStatus.OK
        assert asked.count("inside.example.com") == 2
        assert instance.arrived[0].headers["host"].startswith("inside.example.com:")


async def test_what_the_setting_no_longer_allows_is_not_called(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as site, serving(echo) as instance:
        await site.register(instance.url, health_path="/health")
        site.system.relay.resolver.places = Places.of(["*"])
        assert (await site.call()).json()["type"] == "urn:eopiez:problem:no-instance"
        assert await site.system.checker.check() == 1
        assert instance.arrived == []


async def test_by_default_nobody_is_called(database_url: str, home: Path) -> None:
    async with opened(database_url, home, gateway_services=()) as site, site.client("anna") as client:
        said = await client.post("/services", json={"name": "shout", "url": "http://93.184.216.34"})
        assert (said.status_code, said.json()["type"]) == (409, "urn:eopiez:problem:services-off")


async def test_no_path_leads_above_the_services_url(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as site, serving(echo) as instance:
        await site.register(instance.url + "/base")
        for path in ("../../admin", "%2e%2e/admin", "a/..%2f", ".", "a/%2E.", "a/b"):
            said = await _raw(site, f"/v1/services/shout/call/{path}")
            assert (b" 422 " in said) is not (path == "a/b"), said
        assert [each.target for each in instance.arrived] == ["/base/a/b"]


async def _raw(site: Site, target: str) -> bytes:
    """The answer to a request whose path no client has tidied up."""
    host, _, port = site.url.removeprefix("http://").removesuffix("/v1").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\nCaller: ben\r\nConnection: close\r\n\r\n".encode())
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said
