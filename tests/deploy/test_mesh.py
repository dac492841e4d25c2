"""The mesh: the schemas accept its policy, and two real Envoys with mutual TLS before two real gateways obey it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import yaml
from starlette.responses import PlainTextResponse

from eopiez_ray.gateway.routes import ROUTERS
from eopiez_ray.settings import Settings
from tests.conftest import database_of
from tests.deploy.envoys import (
    CONFIGURATIONS,
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
from tests.deploy.manifests import faults, objects, of_chart, one
from tests.documents import ROOT
from tests.gateway.conftest import created, gateway_at, listening, messages
from tests.waiting import until

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from eopiez_ray.store import EmbeddedServer

MESH = ROOT / "deploy/mesh"
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


def yaml_of(path: str) -> list[dict[str, Any]]:
    return objects((MESH / path).read_text("utf-8"))


@pytest.mark.parametrize("folder", ["istio", "linkerd"])
def test_schemas_accept_the_policy(folder: str) -> None:
    program = str(Path(sys.executable).with_name("kubectl"))
    built = subprocess.run([program, "kustomize", str(MESH / folder)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    extra = yaml_of("linkerd/service-profile.yaml") if folder == "linkerd" else []
    made = objects(built.stdout) + extra
    assert len(made) >= 5
    assert [fault for each in made for fault in faults(each)] == []
    for each in made:
        assert faults(each | {"spec": each["spec"] | {"unheard-of": 1}}), each["kind"]


@pytest.mark.parametrize("name", ["sidecar", "caller"])
def test_envoy_accepts_its_files(name: str, tmp_path: Path) -> None:
    """As they stand, but for the place of the certificates."""
    authority = Authority(tmp_path)
    identity = authority.identity(GATEWAY)
    text = (CONFIGURATIONS / f"{name}.yaml").read_text("utf-8")
    (tmp_path / "tls.crt").write_bytes(identity.certificate.read_bytes())
    (tmp_path / "tls.key").write_bytes(identity.key.read_bytes())
    (tmp_path / "envoy.yaml").write_text(text.replace("/etc/eopiez/mesh", str(tmp_path)))
    program = str(Path(sys.executable).with_name("envoy"))
    command = [program, "--mode", "validate", "-c", str(tmp_path / "envoy.yaml"), "--use-dynamic-base-id"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def calls() -> dict[str, Any]:
    """What ``envoy/caller.yaml`` says."""
    made: dict[str, Any] = yaml.safe_load((CONFIGURATIONS / "caller.yaml").read_text("utf-8"))["static_resources"]
    return made


def test_retries_and_weights_are_said_alike(calls: dict[str, Any]) -> None:
    (service,) = yaml_of("istio/virtual-service.yaml")
    manager = calls["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    routes = {each["name"]: each["route"] for each in manager["route_config"]["virtual_hosts"][0]["routes"]}
    linkerd = {each["metadata"]["name"].removeprefix("eopiez-"): each for each in yaml_of("linkerd/routes.yaml")}
    assert [each["name"] for each in service["spec"]["http"]] == list(routes) == list(linkerd)
    for said in service["spec"]["http"]:
        route, route_of_linkerd = routes[said["name"]], linkerd[said["name"]]
        retries = route.get("retry_policy", {"num_retries": 0})
        assert said["retries"]["attempts"] == retries["num_retries"]
        assert said["retries"].get("retryOn") == retries.get("retry_on")
        assert said["retries"].get("perTryTimeout") == retries.get("per_try_timeout")
        assert said["timeout"] == route["timeout"]
        annotations = route_of_linkerd["metadata"].get("annotations", {})
        assert int(annotations.get("retry.linkerd.io/limit", "0")) == retries["num_retries"]
        weights = {each["destination"]["host"]: each["weight"] for each in said["route"]}
        assert weights == {each["name"]: each["weight"] for each in route["weighted_clusters"]["clusters"]}
        assert weights == {each["name"]: each["weight"] for each in route_of_linkerd["spec"]["rules"][0]["backendRefs"]}


def test_ejection_and_breakers_are_said_alike(calls: dict[str, Any]) -> None:
    ejecting = {
        "consecutiveGatewayErrors": "consecutive_gateway_failure", "consecutive5xxErrors": "consecutive_5xx",
        "interval": "interval", "baseEjectionTime": "base_ejection_time", "maxEjectionPercent": "max_ejection_percent",
    }  # fmt: skip
    for rule, cluster in zip(yaml_of("istio/destination-rules.yaml"), calls["clusters"], strict=True):
        policy, (bounds,) = rule["spec"]["trafficPolicy"], cluster["circuit_breakers"]["thresholds"]
        assert rule["spec"]["host"] == cluster["name"]
        for istios, envoys in ejecting.items():
            assert policy["outlierDetection"][istios] == cluster["outlier_detection"][envoys]
        tcp, http = policy["connectionPool"]["tcp"], policy["connectionPool"]["http"]
        assert tcp == {"maxConnections": bounds["max_connections"], "connectTimeout": cluster["connect_timeout"]}
        assert http == {
            "http1MaxPendingRequests": bounds["max_pending_requests"], "http2MaxRequests": bounds["max_requests"],
            "maxRetries": bounds["max_retries"],
        }  # fmt: skip


def test_identities_are_said_alike() -> None:
    sidecar = (CONFIGURATIONS / "sidecar.yaml").read_text("utf-8")
    (allowed,) = yaml_of("istio/authorization-policy.yaml")
    principals = [name for rule in allowed["spec"]["rules"] for name in rule["from"][0]["source"]["principals"]]
    assert [f"spiffe://{name}" for name in principals] == [INGRESS, PROMETHEUS]
    assert all(f"exact: {name}}}" in sidecar for name in (INGRESS, PROMETHEUS))
    for each in yaml_of("linkerd/authorization.yaml"):
        for identity in each["spec"].get("identities", ()):
            account, namespace, *rest = identity.split(".")
            assert f"cluster.local/ns/{namespace}/sa/{account}" in principals
            assert rest == ["serviceaccount", "identity", "linkerd", "cluster", "local"]


def test_the_mesh_speaks_of_what_the_chart_makes() -> None:
    made = of_chart({"gateway": {"kind": "uvicorn", "canary": {"tag": "0.2.0"}}})
    port = Settings.model_fields["gateway_port"].default
    for name in ("eopiez-gateway", "eopiez-gateway-canary"):
        labels = one(made, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert one(made, "Service", name)["spec"]["ports"][0]["port"] == port
        for each in (*yaml_of("istio/peer-authentication.yaml"), *yaml_of("istio/authorization-policy.yaml")):
            assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        (server,) = yaml_of("linkerd/server.yaml")
        assert server["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert server["spec"]["port"] == "serve"
    backends = [
        ref["port"] for route in yaml_of("linkerd/routes.yaml") for ref in route["spec"]["rules"][0]["backendRefs"]
    ]
    assert {*backends} == {port}
    paths = {route.path for router in ROUTERS for route in router.routes}
    assert {"/metrics", "/health/live"} <= paths
