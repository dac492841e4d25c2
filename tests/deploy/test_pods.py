"""The chart's own commands, in pods as far as the kernel goes: orchestrators and the gateway beside Ray's nodes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import eopiez_ray as ez
from eopiez_ray.engine.local import Local
from eopiez_ray.settings import Settings
from eopiez_ray.store import EmbeddedServer
from tests.deploy.machines import Pods
from tests.deploy.manifests import of_chart, one
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("EOPIEZ_PODS") or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="it takes EOPIEZ_PODS, iproute2 and root",
    ),
]
HEAD, WORKER, ORCHESTRATOR, GATEWAY = "eopiez-work-head-svc", "worker", "orchestrator", "gateway"
SMALL = f"--object-store-memory={80 * 2**20}"
HEALTH = "http://{}:52365/api/local_raylet_healthz"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all pods reach: what is in /tmp, they do not."""
    made = Path(tempfile.mkdtemp(dir="/var/cache"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def database_url(folder: Path) -> Iterator[str]:
    """A server whose socket all pods reach, and the settings that name it."""
    server = EmbeddedServer(folder / "server")
    url = server.start()
    (folder / "settings").mkdir()
    (folder / "settings/EOPIEZ_DATABASE_URL").write_text(url)
    yield url
    server.leave()


@contextmanager
def made_pods(folder: Path, *names: str) -> Iterator[Pods]:
    """Pods that reach the folder, and each other by their names."""
    pods = Pods(folder, [*names])
    try:
        pods.open()
        yield pods
    finally:
        pods.close()


def environment(container: dict[str, Any], folder: Path) -> dict[str, str]:
    """A container's variables, with what the cluster would bring put in."""
    brought = {
        "RAY_AUTH_TOKEN": "a-token-of-tests-0123456789abcdef", "RAY_AUTH_MODE": "token", "POD_NAME": "eopiez-0",
        "EOPIEZ_SETTINGS_FOLDER": str(folder / "settings"), "EOPIEZ_ARTIFACT_URL": str(folder / "artifacts"),
        "EOPIEZ_AUTOSCALING": "false", "GRPC_DNS_RESOLVER": "native",
    }  # fmt: skip
    return {each["name"]: each.get("value", "") for each in container["env"]} | brought


def head_command(group: dict[str, Any]) -> list[str]:
    """How KubeRay begins a head."""
    options = [f"--{name}={value}" for name, value in group["rayStartParams"].items()]
    return ["ray", "start", "--block", "--head", "--port=6379", SMALL, *options]


def test_an_orchestrator_of_the_chart_drives_work_on_other_pods(
    folder: Path, database_url: str, tmp_path: Path
) -> None:
    made = of_chart({})
    cluster = one(made, "RayCluster", "eopiez-work")["spec"]
    spec = one(made, "Deployment", "eopiez-orchestrator")["spec"]["template"]["spec"]
    (node,), (orchestrator,) = spec["initContainers"], spec["containers"]
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    (worker,) = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"]
    with made_pods(folder, HEAD, WORKER, ORCHESTRATOR) as pods:
        pods.run(HEAD, head_command(cluster["headGroupSpec"]), environment(head, folder))
        join = ["ray", "start", "--block", f"--address={HEAD}:6379", "--num-cpus=2", SMALL]
        pods.run(WORKER, join, environment(worker, folder))
        pods.run(ORCHESTRATOR, [*node["command"], *node["args"]], environment(node, folder))
        wait_until(lambda: pods.asks(ORCHESTRATOR, HEALTH.format(pods.address(ORCHESTRATOR))))
        words = [*orchestrator["command"], *(each.replace("$(POD_NAME)", "eopiez-0") for each in orchestrator["args"])]
        driving = pods.run(ORCHESTRATOR, words, environment(orchestrator, folder))

        plan = ez.Plan("pods")
        plan.step("double", ez.phase(version="1")(lambda number: 2 * number), plan.values("numbers", range(100)))
        artifacts = str(folder / "artifacts")
        with Local(Settings(home=tmp_path, database_url=database_url, artifact_url=artifacts)) as local:
            workflow = local.submit(plan)
            wait_until(lambda: workflow.status.is_terminal)
            assert sorted(workflow.result("double")) == list(range(0, 200, 2))
        assert pods.asks(HEAD, f"http://{pods.address(HEAD)}:8265/api/gcs_healthz")
        assert pods.asks(WORKER, HEALTH.format(pods.address(WORKER)))
        assert pods.terminate(driving) == 0  # It hands over, while its node is still there.


def test_the_gateway_of_the_chart_serves_on_its_own_node(folder: Path, database_url: str) -> None:
    """The head knows neither the database nor any secret, so it can serve nothing."""
    service = one(of_chart({}), "RayService", "eopiez-gateway")["spec"]
    groups = service["rayClusterConfig"]
    (head,) = groups["headGroupSpec"]["template"]["spec"]["containers"]
    (worker,) = groups["workerGroupSpecs"]
    (gateway,) = worker["template"]["spec"]["containers"]
    (folder / "serve.yaml").write_text(service["serveConfigV2"])
    labels = ",".join(f"{key}={value}" for key, value in worker["labels"].items())
    known = environment(head, folder)
    del known["EOPIEZ_SETTINGS_FOLDER"]
    with made_pods(folder, HEAD, GATEWAY) as pods:
        pods.run(HEAD, head_command(groups["headGroupSpec"]), known)
        join = ["ray", "start", "--block", f"--address={HEAD}:6379", "--num-cpus=1", SMALL, f"--labels={labels}"]
        pods.run(GATEWAY, join, environment(gateway, folder))
        wait_until(lambda: pods.asks(GATEWAY, HEALTH.format(pods.address(GATEWAY))))
        pods.run(HEAD, ["serve", "deploy", str(folder / "serve.yaml"), "--address=http://127.0.0.1:8265"], known)
        path = gateway["readinessProbe"]["httpGet"]["path"]
        wait_until(lambda: pods.asks(GATEWAY, f"http://{pods.address(GATEWAY)}:8000{path}"))
        assert pods.asks(GATEWAY, f"http://{pods.address(GATEWAY)}:8000/")
