"""The chart's own commands, in pods as far as the kernel goes: an orchestrator drives work on another pod's node."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
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
    pytest.mark.timeout(280),
    pytest.mark.skipif(
        not os.environ.get("EOPIEZ_PODS") or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="it takes EOPIEZ_PODS, iproute2 and root",
    ),
]
HEAD, WORKER, ORCHESTRATOR = "eopiez-work-head-svc", "worker", "orchestrator"
HEALTH = "http://{}:52365/api/local_raylet_healthz"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all pods reach: what is in /tmp, they do not."""
    made = Path(tempfile.mkdtemp(dir="/var/cache"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def database_url(folder: Path) -> Iterator[str]:
    """A server whose socket all pods reach."""
    server = EmbeddedServer(folder / "server")
    yield server.start()
    server.leave()


@pytest.fixture
def pods(folder: Path) -> Iterator[Pods]:
    made = Pods(folder, [HEAD, WORKER, ORCHESTRATOR])
    made.open()
    yield made
    made.close()


def environment(container: dict[str, Any], folder: Path) -> dict[str, str]:
    """A container's variables, with what the cluster would bring put in."""
    brought = {
        "RAY_AUTH_TOKEN": "a-token-of-tests-0123456789abcdef", "RAY_AUTH_MODE": "token", "POD_NAME": "eopiez-0",
        "EOPIEZ_SETTINGS_FOLDER": str(folder / "settings"), "EOPIEZ_ARTIFACT_URL": str(folder / "artifacts"),
        "EOPIEZ_AUTOSCALING": "false", "GRPC_DNS_RESOLVER": "native",
    }  # fmt: skip
    return {each["name"]: each.get("value", "") for each in container["env"]} | brought


def test_an_orchestrator_of_the_chart_drives_work_on_other_pods(
    pods: Pods, folder: Path, database_url: str, tmp_path: Path
) -> None:
    (folder / "settings").mkdir()
    (folder / "settings/EOPIEZ_DATABASE_URL").write_text(database_url)
    made = of_chart({})
    cluster = one(made, "RayCluster", "eopiez-work")["spec"]
    spec = one(made, "Deployment", "eopiez-orchestrator")["spec"]["template"]["spec"]
    (node,), (orchestrator,) = spec["initContainers"], spec["containers"]
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    (worker,) = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"]
    options = [f"--{name}={value}" for name, value in cluster["headGroupSpec"]["rayStartParams"].items()]
    small = f"--object-store-memory={80 * 2**20}"
    # As KubeRay begins them.
    pods.run(HEAD, ["ray", "start", "--block", "--head", "--port=6379", small, *options], environment(head, folder))
    join = ["ray", "start", "--block", f"--address={HEAD}:6379", "--num-cpus=2", small]
    pods.run(WORKER, join, environment(worker, folder))
    pods.run(ORCHESTRATOR, [*node["command"], *node["args"]], environment(node, folder))
    wait_until(lambda: pods.asks(ORCHESTRATOR, HEALTH.format(pods.address(ORCHESTRATOR))))
    words = [*orchestrator["command"], *(each.replace("$(POD_NAME)", "eopiez-0") for each in orchestrator["args"])]
    driving = pods.run(ORCHESTRATOR, words, environment(orchestrator, folder))

    plan = ez.Plan("pods")
    plan.step("double", ez.phase(version="1")(lambda number: 2 * number), plan.values("numbers", range(100)))
    with Local(Settings(home=tmp_path, database_url=database_url, artifact_url=str(folder / "artifacts"))) as local:
        workflow = local.submit(plan)
        wait_until(lambda: workflow.status.is_terminal)
        assert sorted(workflow.result("double")) == list(range(0, 200, 2))
    assert pods.asks(HEAD, f"http://{pods.address(HEAD)}:8265/api/gcs_healthz")
    assert pods.asks(WORKER, HEALTH.format(pods.address(WORKER)))
    assert pods.terminate(driving) == 0  # It hands over, while its node is still there.
