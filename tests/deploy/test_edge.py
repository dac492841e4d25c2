"""The edge: a real Caddy with ``deploy/edge/Caddyfile`` in front of a real gateway."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from eopiez_ray.gateway.routes import dashboard
from tests.conftest import database_of
from tests.deploy.envoys import GATEWAY, Authority
from tests.documents import ROOT
from tests.gateway.conftest import created, gateway_at, listening, messages
from tests.waiting import until

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from eopiez_ray.store import EmbeddedServer

CADDYFILE = ROOT / "deploy/edge/Caddyfile"
PROGRAM = str(Path(sys.executable).with_name("caddy"))
HERE = "127.0.0.1"
ASSET = "plots-0123abcd.js"


class Noting:
    """A gateway that notes what reaches it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.paths: list[str] = []
        self.received = 0
        """Bytes of bodies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])

        async def noted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            return message

        await self._app(scope, noted, send)


@dataclass(frozen=True)
class Edge:
    """Where a Caddy answers, and the gateway behind it."""

    port: int
    gateway: Noting
    authority: Authority

    def caller(self, name: str, address: str = HERE) -> httpx.AsyncClient:
        """A client for a caller's name, who calls from an address of this machine."""
        trusted = ssl.create_default_context(cafile=str(self.authority.certificate))
        transport = httpx.AsyncHTTPTransport(verify=trusted, local_address=address)
        url = f"https://localhost:{self.port}"
        return httpx.AsyncClient(transport=transport, base_url=url, headers={"Caller": name}, timeout=60)


@contextmanager
def running_caddy(folder: Path, gateways: str, authority: Authority) -> Iterator[int]:
    """A Caddy in front of gateways; gives its port."""
    known = authority.identity(GATEWAY)
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    settings = {
        "EOPIEZ_EDGE_SITE": f"https://localhost:{port}",
        "EOPIEZ_EDGE_TLS": f"{known.certificate} {known.key}",
        "EOPIEZ_EDGE_GATEWAY": gateways,
        "EOPIEZ_EDGE_ASSETS": str(folder / "srv"),
    }
    own = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "data")}
    command = [PROGRAM, "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | settings | own, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HERE, port)
    except OSError:
        return False
    writer.close()
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    folder = tmp_path_factory.mktemp("edge")
    assets = folder / "srv/assets"
    await asyncio.to_thread(_fill, assets)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database_of(server, template))
        known = gateway_at(url, folder / "home", trusted_proxies=(f"{HERE}/32",), rate_address=20.0)
        app = Noting(await stack.enter_async_context(known))
        place = httpx.URL(await stack.enter_async_context(listening(app))).netloc.decode()
        authority = Authority(folder)
        port = stack.enter_context(running_caddy(folder, place, authority))
        await until(lambda: _answers(port))
        yield Edge(port, app, authority)


def _fill(assets: Path) -> None:
    """A folder with an asset as the dashboard has it, and packed."""
    assets.mkdir(parents=True)
    (assets / ASSET).write_text("export const plots = 1\n")
    (assets / f"{ASSET}.br").write_bytes(b"packed")


def test_caddy_accepts_the_file_as_it_stands() -> None:
    command = [PROGRAM, "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    formatted = subprocess.run([PROGRAM, "fmt", str(CADDYFILE)], capture_output=True, text=True)
    assert formatted.stdout == CADDYFILE.read_text("utf-8")


async def test_http_2_is_spoken_and_browsers_stay_with_tls(edge: Edge) -> None:
    offered = ssl.create_default_context(cafile=str(edge.authority.certificate))
    offered.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("localhost", edge.port, ssl=offered)
    chosen = writer.get_extra_info("ssl_object")
    assert (chosen.selected_alpn_protocol(), chosen.version()) == ("h2", "TLSv1.3")
    writer.close()
    async with edge.caller("anna") as client:
        answer = await client.get("/v1/health/live")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert not {"server", "via"} & set(answer.headers)


async def test_assets_are_for_ever_and_the_gateway_is_not_asked(edge: Edge) -> None:
    async with edge.caller("anna") as client:
        edge.gateway.paths.clear()
        plain = await client.get(f"/assets/{ASSET}", headers={"Accept-Encoding": "identity"})
        packed = await client.send(
            client.build_request("GET", f"/assets/{ASSET}", headers={"Accept-Encoding": "br"}), stream=True
        )
        part = await client.get(f"/assets/{ASSET}", headers={"Range": "bytes=0-5", "Accept-Encoding": "identity"})
        tag = plain.headers["etag"]
        again = await client.get(f"/assets/{ASSET}", headers={"If-None-Match": tag, "Accept-Encoding": "identity"})
        assert edge.gateway.paths == []
        assert plain.text == "export const plots = 1\n"
        assert plain.headers["cache-control"] == dashboard.FOR_EVER
        assert plain.headers["content-type"] == dashboard.TYPES["js"]
        assert plain.headers["vary"] == "Accept-Encoding"
        assert plain.headers["x-content-type-options"] == "nosniff"
        assert packed.headers["content-encoding"] == "br"
        assert b"".join([raw async for raw in packed.aiter_raw()]) == b"packed"
        assert (part.status_code, part.text) == (206, "export")
        assert again.status_code == 304


async def test_assets_that_the_edge_does_not_have_come_from_the_gateway(edge: Edge) -> None:
    async with edge.caller("anna") as client:
        edge.gateway.paths.clear()
        missing = await client.get("/assets/other-0123abcd.js")
        outside = await client.get("/assets/..%2f..%2fdata")
    assert missing.status_code == 404
    assert missing.headers["cache-control"] == "no-store"
    assert edge.gateway.paths[0] == "/assets/other-0123abcd.js"
    assert outside.status_code == 404


async def test_nothing_of_anybody_is_kept(edge: Edge) -> None:
    async with edge.caller("anna") as anna, edge.caller("dora") as dora:
        workflow = await created(anna, "a", "bcd")
        for _ in range(2):
            hers = await anna.get(f"/v1/workflows/{workflow}")
            assert (hers.status_code, hers.headers["cache-control"]) == (200, "no-store")
            assert (await dora.get(f"/v1/workflows/{workflow}")).status_code == 404
            assert (await dora.get("/v1/workflows")).json()["items"] == []
        assert (await anna.get("/")).headers["cache-control"] in {"no-cache", "no-store"}


async def test_streams_pass_as_they_come(edge: Edge) -> None:
    async with edge.caller("anna") as client:
        workflow = await created(client, "a", "bcd")
        follow = {"Accept": "text/event-stream"}
        async with client.stream("GET", f"/v1/workflows/{workflow}/events", headers=follow) as answer:
            seen = messages(answer)
            assert (await anext(seen)).kind == "created"
            assert (await client.delete(f"/v1/workflows/{workflow}")).is_success
            assert "cancel_requested" in [message.kind async for message in seen]


async def test_uploads_pass_as_they_come(edge: Edge) -> None:
    size = 4 * 2**20
    async with edge.caller("anna") as client:
        made = (await client.post("/v1/uploads?project=blue", json={"name": "a.txt", "size": size})).json()
        edge.gateway.received = 0

        async def halves() -> AsyncIterator[bytes]:
            yield b"a" * (size // 2)
            # The second half is not sent before the gateway has the first.
            await until(lambda: edge.gateway.received >= size // 2)
            yield b"b" * (size // 2)

        headers = {"Upload-Offset": "0", "Content-Length": str(size)}
        answer = await client.patch(f"/v1/uploads/{made['id']}", content=halves(), headers=headers)
        assert answer.is_success, answer.text
        assert (await client.get(f"/v1/uploads/{made['id']}")).json()["offset"] == size


async def test_limits_see_where_callers_are(edge: Edge) -> None:
    """Whatever they say of themselves; and nobody pays for somebody else."""
    async with edge.caller("anna", "127.0.0.2") as greedy, edge.caller("anna", "127.0.0.3") as modest:

        async def is_refused() -> bool:
            claims = {"X-Forwarded-For": f"203.0.113.{len(edge.gateway.paths) % 250}"}
            answers = await asyncio.gather(*(greedy.get("/v1/workflows", headers=claims) for _ in range(60)))
            return 429 in {each.status_code for each in answers}

        await until(is_refused)
        assert (await modest.get("/v1/workflows")).status_code == 200


async def test_without_a_gateway_the_answer_is_a_problem(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with socket.socket() as closed:
        closed.bind((HERE, 0))
        place = f"{HERE}:{closed.getsockname()[1]}"
    with running_caddy(tmp_path, place, authority) as port:
        await until(lambda: _answers(port))
        async with Edge(port, Noting(_nobody), authority).caller("anna") as client:
            answer = await client.post("/v1/workflows", json={})
    assert answer.status_code in {502, 503}
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["cache-control"], answer.headers["retry-after"]) == ("no-store", "5")
    assert answer.json()["status"] == answer.status_code


async def _nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError
