"""A head with Redis behind it, killed and started again under work; head and node are in network namespaces."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray.engine.local import Local
from eopiez_ray.settings import Settings

from ..waiting import wait_until
from .net import HEAD, NODE, Net, has_namespaces
from .phases_of_clusters import Marks, environment, slow_plan

KILLS = int(os.environ.get("EOPIEZ_HEAD_KILLS", "0"))
"""How often the head is killed; `make test-long` says so."""
COUNT = 150 * (KILLS + 1)
pytestmark = [
    pytest.mark.timeout(400 + COUNT),
    pytest.mark.skipif(
        not KILLS or not has_namespaces() or shutil.which("redis-server") is None,
        reason="it takes EOPIEZ_HEAD_KILLS, redis-server, iproute2 and root",
    ),
]
OF_THE_HEAD = {
    "RAY_REDIS_ADDRESS": f"{NODE}:6379",
    "RAY_external_storage_namespace": "tests",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "300",
}


@pytest.fixture
def net(database_url: str, tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path, database_url, **OF_THE_HEAD)
    made.open()
    yield made
    made.close()


def test_a_head_that_is_killed_again_and_again_costs_nothing(net: Net, database_url: str, tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    net.run(NODE, "redis-server", "--bind", NODE, "--save", "", "--protected-mode", "no")
    head = net.head()
    net.ray(NODE, f"--address={HEAD}:6379", "--num-cpus=2")
    net.run(NODE, sys.executable, "-m", "eopiez_ray.cli", "orchestrate", "--name", "node")
    local = Local(Settings(home=tmp_path / "own", database_url=database_url))
    workflow = local.submit(slow_plan(str(marks.folder), COUNT, 0.1))
    pauses = []
    for _ in range(KILLS):
        marks.wait_for(30)
        net.kill(head)
        killed_at = time.monotonic()
        wait_until(lambda: not net.has_head())
        head = net.head()
        wait_until(net.has_head)
        marks.wait_for(10)
        pauses.append(time.monotonic() - killed_at)
    other = ez.Plan("other")
    other.step("one", ez.phase(kind="map", resources=ez.Resources(cpu=0.5))(environment.function))
    assert local.submit(other).wait(150).result("one")[0]["pid"], "the cluster starts no workers any more"
    assert workflow.wait(150 + COUNT / 2).result("total") == sum(range(COUNT)), pauses
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() == 0
    local.close()
    print(f"until work went on: {max(pauses):.1f} s at most")
