"""The policy of the mesh: the schemas accept it, Envoy accepts its files, and each kind says the same as the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from eopiez_ray.gateway.routes import ROUTERS
from eopiez_ray.settings import Settings
from tests.deploy.envoys import CONFIGURATIONS, GATEWAY, INGRESS, PROMETHEUS, Authority
from tests.deploy.manifests import faults, objects, of_chart, one
from tests.documents import ROOT

MESH = ROOT / "deploy/mesh"


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
