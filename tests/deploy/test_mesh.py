"""The mesh: two real Envoys with mutual TLS before two real gateways do what the policy says."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from starlette.responses import PlainTextResponse

from tests.conftest import database_of
from tests.deploy.envoys import (
    GATEWAY,
    INGRESS,
    PROMETHEUS,
    STRANGER,
    Authority,
    Envoy,
    configuration,
    running_envoy,
    send_to,
)
from tests.gateway.conftest import created, gateway_at, listening, messages
from tests.waiting import until

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from eopiez_ray.store import EmbeddedServer

BROKEN = (httpx.TransportError, ssl.SSLError)
"""What a client sees of a connection that is refused: when it is told so, is not for us to say."""


@dataclass
class Watched:
    """A gateway that counts what reaches it, and can be told to fail."""

    app: ASGIApp
    seen: Counter[str] = field(default_factory=Counter)
    """Requests by method."""
    is_ill: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen[scope["method"]] += 1
        answer = PlainTextResponse("ill", 503) if self.is_ill else self.app
        await answer(scope, receive, send)


@dataclass(frozen=True)
class Mesh:
    """Two gateways, each behind an Envoy, and whoever may call them."""

    authority: Authority
    folder: Path
    stable: Watched
    canary: Watched
    sidecars: tuple[Envoy, Envoy]

    def caller(self, identity: str | None, at: int = 0) -> httpx.AsyncClient:
        """A client of a sidecar, with a certificate or without."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if identity is not None:
            known = self.authority.identity(identity)
            context.load_cert_chain(known.certificate, known.key)
        url = f"https://localhost:{self.sidecars[at].port}/v1"
        return httpx.AsyncClient(verify=context, base_url=url, headers={"Caller": "anna"}, timeout=60)

    def forget(self) -> None:
        """Begin to count anew, with gateways that are well."""
        for each in (self.stable, self.canary):
            each.seen.clear()
            each.is_ill = False


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    folder = tmp_path_factory.mktemp("mesh")
    authority = Authority(folder)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database_of(server, template))
        gateways, sidecars = [], []
        for name in ("stable", "canary"):
            app = await stack.enter_async_context(gateway_at(url, folder / name, is_new=name == "stable"))
            watched = Watched(app)
            port = httpx.URL(await stack.enter_async_context(listening(watched))).port
            assert port is not None
            made = configuration("sidecar", authority, authority.identity(GATEWAY))
            send_to(made, gateway=[port])
            sidecars.append(await stack.enter_async_context(running_envoy(made, folder / f"envoy-{name}")))
            gateways.append(watched)
        yield Mesh(authority, folder, gateways[0], gateways[1], (sidecars[0], sidecars[1]))


@pytest_asyncio.fixture(loop_scope="session")
async def caller(mesh: Mesh, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Who calls by an Envoy of its own, which knows the weights."""
    async with calling(mesh, tmp_path, [0], [1]) as (client, _):
        yield client


class calling:  # noqa: N801 - read as a function
    """A client, and the Envoy beside it, which finds sidecars by their numbers."""

    def __init__(self, mesh: Mesh, folder: Path, stable: list[int], canary: list[int]) -> None:
        self._mesh, self._folder, self._stack = mesh, folder, AsyncExitStack()
        self._ports = {
            "eopiez_gateway": [mesh.sidecars[at].port for at in stable],
            "eopiez_gateway_canary": [mesh.sidecars[at].port for at in canary],
        }

    async def __aenter__(self) -> tuple[httpx.AsyncClient, Envoy]:
        self._mesh.forget()
        made = configuration("caller", self._mesh.authority, self._mesh.authority.identity(INGRESS))
        send_to(made, **self._ports)
        envoy = await self._stack.enter_async_context(running_envoy(made, self._folder / "caller"))
        url = f"http://127.0.0.1:{envoy.port}/v1"
        client = httpx.AsyncClient(base_url=url, headers={"Caller": "anna"}, timeout=60)
        return await self._stack.enter_async_context(client), envoy

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def test_without_a_certificate_nothing_is_read(mesh: Mesh) -> None:
    mesh.forget()
    async with mesh.caller(None) as client:
        with pytest.raises(BROKEN):
            await client.get("/health/live")
    async with httpx.AsyncClient() as plain:
        with pytest.raises(httpx.HTTPError):
            await plain.get(f"http://127.0.0.1:{mesh.sidecars[0].port}/v1/health/live")
    assert not mesh.stable.seen


async def test_a_certificate_of_another_mesh_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    mesh.forget()
    foreign = Authority(tmp_path).identity(INGRESS)
    context = ssl.create_default_context(cafile=str(mesh.authority.certificate))
    context.load_cert_chain(foreign.certificate, foreign.key)
    async with httpx.AsyncClient(verify=context) as client:
        with pytest.raises(BROKEN):
            await client.get(f"https://localhost:{mesh.sidecars[0].port}/v1/health/live")
    assert not mesh.stable.seen


async def test_who_may_do_what_is_said_by_identity(mesh: Mesh) -> None:
    mesh.forget()
    async with mesh.caller(STRANGER) as stranger:
        assert (await stranger.get("/health/live")).status_code == 403
    async with mesh.caller(PROMETHEUS) as prometheus:
        assert (await prometheus.get("/workflows")).status_code == 403
        assert (await prometheus.post("/metrics")).status_code == 403
        assert not mesh.stable.seen
        assert (await prometheus.get("/metrics")).status_code == 200
    async with mesh.caller(INGRESS) as ingress:
        assert (await ingress.get("/workflows")).json()["items"] == []
    assert mesh.stable.seen == {"GET": 2}


async def test_streams_pass_as_they_come(mesh: Mesh, caller: httpx.AsyncClient) -> None:
    workflow: UUID = await created(caller, "a", "bcd")
    follow = {"Accept": "text/event-stream"}
    async with caller.stream("GET", f"/workflows/{workflow}/events", headers=follow) as answer:
        seen = messages(answer)
        assert (await anext(seen)).kind == "created"
        # Only now, while the stream is open, something happens.
        assert (await caller.delete(f"/workflows/{workflow}")).is_success
        kinds = [message.kind async for message in seen]
    assert "cancel_requested" in kinds


async def test_changes_are_sent_once_and_reads_again(mesh: Mesh, tmp_path: Path) -> None:
    async with calling(mesh, tmp_path, [0, 1], [0, 1]) as (client, _):
        mesh.stable.is_ill = mesh.canary.is_ill = True
        answer = await client.post("/workflows", json={})
        assert answer.status_code == 503
        assert mesh.stable.seen + mesh.canary.seen == {"POST": 1}
        assert (await client.get("/workflows")).status_code == 503
        assert mesh.stable.seen["GET"] + mesh.canary.seen["GET"] == 3


async def test_an_instance_that_fails_gets_nothing(mesh: Mesh, tmp_path: Path) -> None:
    async with calling(mesh, tmp_path, [0, 1], [1]) as (client, envoy):
        mesh.stable.is_ill = True

        async def is_ejected() -> bool:
            assert (await client.get("/health/live")).status_code == 200  # Sent again, elsewhere: nobody notices.
            found = [host for cluster in await envoy.clusters() for host in cluster.get("host_statuses", ())]
            return any(host["health_status"].get("failed_outlier_check") for host in found)

        await until(is_ejected)
        before = mesh.stable.seen.total()
        assert before >= 3
        for _ in range(50):
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.post("/workflows", json={})).status_code == 422
        assert mesh.stable.seen.total() == before


async def test_a_canary_gets_its_share(mesh: Mesh, caller: httpx.AsyncClient) -> None:
    for _ in range(300):
        answer = await caller.get("/health/live")
        assert answer.status_code == 200, answer.text
    assert mesh.stable.seen.total() + mesh.canary.seen.total() == 300
    assert 5 <= mesh.canary.seen.total() <= 80  # 30 on average; beyond these once in a million runs.
