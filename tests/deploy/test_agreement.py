"""Manifests and code say the same: ports, variables, probes, commands, versions. A renamed setting fails here."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from eopiez_ray.cli.app import app as command_line
from eopiez_ray.gateway.routes import DASHBOARD, ROUTERS
from eopiez_ray.settings import FOLDER, Settings, secrets, variable
from tests.deploy.manifests import CHART, OVERLAYS, VARIANTS, containers, of_chart, of_overlay, one, pods
from tests.documents import ROOT

ALL = pytest.mark.parametrize("name", [*VARIANTS, *sorted(path.name for path in OVERLAYS.iterdir())])
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def objects_of(name: str) -> list[dict[str, Any]]:
    """All objects of a variant of the chart, or of an overlay."""
    return of_chart(VARIANTS[name]) if name in VARIANTS else of_overlay(name)


def environment(container: dict[str, Any]) -> dict[str, Any]:
    """Variables by name; those that come from elsewhere are None."""
    return {each["name"]: each.get("value") for each in container.get("env", ())}


@ALL
def test_every_variable_is_a_setting_and_its_value_is_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {variable(field) for field in Settings.model_fields} | {FOLDER}
    hidden = {variable(field) for field in secrets()}
    found = 0
    for container in containers(objects_of(name)):
        ours = {key: value for key, value in environment(container).items() if key.startswith("EOPIEZ_")}
        assert ours.keys() <= known
        assert not {key for key in ours if key in hidden and ours[key] is not None}
        with monkeypatch.context() as patched:
            for key, value in ours.items():
                if key != FOLDER:
                    patched.setenv(key, value)
            Settings()
        found += len(ours)
    assert found > 20


def test_values_arrive_as_they_were_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = one(of_chart(VARIANTS["uvicorn"]), "Deployment", "eopiez-gateway")
    (container,) = containers(deployment)
    for key, value in environment(container).items():
        if key.startswith("EOPIEZ_") and key != FOLDER:
            monkeypatch.setenv(key, value)
    settings = Settings()
    assert settings.gateway_body_bytes == 33554432
    assert [str(each) for each in settings.trusted_proxies] == ["10.0.0.0/8"]
    assert (settings.alerts, settings.gateway_timeout_s, settings.price_cpu_hour) == (False, 90.5, 0.04)
    assert settings.public_url == "https://eopiez.example.com"
    assert settings.home == Path("/var/lib/eopiez/home")


@ALL
def test_secrets_are_named_as_settings(name: str) -> None:
    known = {variable(field) for field in secrets()}
    for each in objects_of(name):
        if each["kind"] == "Secret" and each["metadata"]["name"].endswith("-settings"):
            assert (each.get("stringData") or each["data"]).keys() <= known
    for _, pod in pods(objects_of(name)):
        for volume in pod.get("volumes", ()):
            items = [item for source in volume.get("projected", {}).get("sources", ()) for item in
                     source.get("secret", {}).get("items", ())]  # fmt: skip
            assert {item["path"] for item in items} <= known


def routes() -> set[str]:
    """Paths of the gateway that answer a GET."""
    return {
        "/v1" * (router is not DASHBOARD) + route.path
        for router in (*ROUTERS, DASHBOARD)
        for route in router.routes
        if "GET" in route.methods
    }


def rays(*parts: str) -> str:
    """The text of a file of the installed Ray, which is not imported."""
    found = find_spec("ray")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0], *parts).read_text("utf-8")


def probes(container: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where a container is asked how it is: paths and ports."""
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container.get(kind, {})
        for way in ("httpGet", "tcpSocket"):
            if way in asked:
                yield asked[way].get("path", ""), asked[way]["port"]


@ALL
def test_every_probe_asks_for_what_exists(name: str) -> None:
    agents = "".join(
        rays("dashboard", "modules", "reporter", f"{each}.py") for each in ("healthz_agent", "reporter_head")
    )
    asked = set()
    for container in containers(objects_of(name)):
        ports = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
        for path, port in probes(container):
            assert port in ports, f"{container['name']} has no port {port}"
            if path:
                assert path in routes() if port == "serve" else f'"{path}"' in agents, path
            asked.add(path)
    assert {"/v1/health/live", "/api/local_raylet_healthz", "/api/gcs_healthz"} <= asked


@ALL
def test_every_port_is_where_something_listens(name: str) -> None:
    constants = rays("_private", "ray_constants.py") + rays("_private", "parameter.py")
    made = objects_of(name)
    for container in containers(made):
        for port in container.get("ports", ()):
            number = port["containerPort"]
            if port["name"] in {"agent", "dashboard", "gcs-server"}:
                assert re.search(rf"\b{number}\b", constants), port
            if port["name"] == "serve" and name != "another port":
                assert number == Settings.model_fields["gateway_port"].default
    for ingress in (each for each in made if each["kind"] == "Ingress"):
        backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        assert backend["port"]["name"] in {port["name"] for port in service(made, backend["name"])["spec"]["ports"]}
    for each in (each for each in made if each["kind"] == "Service"):
        behind = [pod for labels, pod in pods(made) if each["spec"]["selector"].items() <= labels.items()]
        assert behind, each["metadata"]["name"]
        names = {port["name"] for pod in behind for container in pod["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= names


def service(made: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The service of that name, made here or by KubeRay."""
    given = [each for each in made if each["kind"] == "Service"]
    given += [each["spec"]["serveService"] for each in made if each["kind"] == "RayService"]
    (found,) = (each for each in given if each["metadata"]["name"] == name)
    return found


@ALL
def test_every_command_exists(name: str) -> None:
    seen = set()
    made = objects_of(name)
    for container in containers(made):
        words = [*container.get("command", ()), *container.get("args", ())]
        if words[:1] == ["eopiez"]:
            check_command(words[1:])
            seen.add(words[1])
        elif words[:1] == ["uvicorn"]:
            check_uvicorn(words[1:])
    for job in (each for each in made if each["kind"] == "RayJob"):
        check_command(job["spec"]["entrypoint"].split()[1:])
    assert {"orchestrate", "upgrade"} <= seen


def check_command(words: list[str]) -> None:
    """The command line has such a command, with such options."""
    command: Any = typer.main.get_command(command_line)
    while words and words[0] in getattr(command, "commands", ()):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), words
    known = {name for param in command.params for name in param.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


def check_uvicorn(words: list[str]) -> None:
    """There is such an application, and uvicorn has such options."""
    import uvicorn

    (target,) = (word for word in words if ":" in word and not word.startswith("--"))
    module, _, factory = target.partition(":")
    assert callable(getattr(import_module(module), factory))
    known = {name for param in uvicorn.main.params for name in (*param.opts, *param.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


def test_ray_knows_the_options_of_nodes() -> None:
    program = "from ray.scripts.scripts import start; print(*(name for param in start.params for name in param.opts))"
    known = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    made = of_chart({})
    given = {word.partition("=")[0] for each in containers(made) if each.get("command", [""])[0] == "ray"
             for word in (*each["command"][2:], *each["args"])}  # fmt: skip
    for kind, key in (("RayCluster", ""), ("RayService", "rayClusterConfig")):
        for each in (each for each in made if each["kind"] == kind):
            groups = each["spec"][key] if key else each["spec"]
            for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
                given |= {f"--{name}" for name in group["rayStartParams"]}
    assert {"--address", "--num-cpus", "--dashboard-host"} <= given <= set(known)


def test_ray_serve_accepts_the_gateway(tmp_path: Path) -> None:
    """The same applications as in ``serve_config.yaml``, accepted by Ray's own schema."""
    given = one(of_chart({}), "RayService", "eopiez-gateway")["spec"]["serveConfigV2"]
    (tmp_path / "serve.yaml").write_text(given)
    program = [sys.executable, "-m", "tests.gateway.checked_configuration", str(tmp_path / "serve.yaml")]
    ended = subprocess.run(program, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    plain = yaml.safe_load((ROOT / "serve_config.yaml").read_text("utf-8"))["applications"]
    rendered = yaml.safe_load(given)["applications"]
    facts = ("name", "route_prefix", "import_path")
    assert [[each[key] for key in facts] for each in rendered] == [[each[key] for key in facts] for each in plain]
    assert [each["args"].keys() for each in rendered] == [each["args"].keys() for each in plain]


def test_versions_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == VERSION
    assert chart["annotations"]["ray"] == version("ray")
    ours = {each["image"] for each in containers(of_chart({})) if each["name"] != "redis"}
    assert ours == {f"eopiez:{VERSION}"}
    for name in ("staging", "production"):
        images = {each["image"] for each in containers(of_overlay(name)) if each["name"] != "redis"}
        assert images == {f"registry.example.com/eopiez:{VERSION}"}
    assert f"ARG VERSION={VERSION}\n" in (ROOT / "Containerfile").read_text("utf-8")


def test_what_is_made_from_the_code_is_fresh() -> None:
    made: dict[Path, str] = runpy.run_path(str(ROOT / "deploy/make.py"))["files"]()
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if path.read_text("utf-8") != text]
    assert stale == [], "run `make manifests`"
    base = ROOT / "deploy/kustomize/base"
    assert set(base.glob("*.yaml")) == {path for path in made if path.parent == base}


def test_the_ingress_lets_parts_of_uploads_and_streams_through() -> None:
    annotations = one(of_chart(VARIANTS["everything"]), "Ingress", "eopiez")["metadata"]["annotations"]
    said = {key.rpartition("/")[2]: value for key, value in annotations.items()}
    assert int(said["proxy-body-size"].removesuffix("m")) * 2**20 >= Settings.model_fields["gateway_part_bytes"].default
    assert int(said["proxy-read-timeout"]) >= 3600
    assert said["proxy-buffering"] == said["proxy-request-buffering"] == "off"


def test_workers_wait_for_a_head_that_restarts() -> None:
    spec = one(of_chart({}), "RayCluster", "eopiez-work")["spec"]
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec["gcsFaultToleranceOptions"]["redisAddress"] == "eopiez-redis:6379"
    assert {group["groupName"]: group["labels"] for group in spec["workerGroupSpecs"]} == {
        "cpu": {"group": "cpu"}, "gpu": {"group": "gpu"},
    }  # fmt: skip
    limits = spec["workerGroupSpecs"][1]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "1"
    orchestrator = one(of_chart({}), "Deployment", "eopiez-orchestrator")
    assert orchestrator["spec"]["replicas"] >= 2
    assert '"EOPIEZ_AUTOSCALING", "value": "true"' in json.dumps(orchestrator)
