"""A head with Redis behind it, killed and started again under work; head and node are in network namespaces."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import eopiez_ray as ez
from eopiez_ray.engine.local import Local
from eopiez_ray.settings import Settings
from tests.documents import ROOT

from ..waiting import wait_until
from .phases_of_clusters import Marks, environment, slow_plan

KILLS = int(os.environ.get("EOPIEZ_HEAD_KILLS", "0"))
"""How often the head is killed; `make test-long` says so."""
COUNT = 150 * (KILLS + 1)
pytestmark = pytest.mark.timeout(280 + 30 * KILLS)
HEAD, NODE = "10.87.53.1", "10.87.53.2"


def has_namespaces() -> bool:
    """Whether this user may make network namespaces."""
    if not KILLS or os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("redis-server") is None:
        return False
    tried = subprocess.run(["ip", "netns", "add", f"ez-try-{os.getpid()}"], capture_output=True)
    subprocess.run(["ip", "netns", "del", f"ez-try-{os.getpid()}"], capture_output=True)
    return tried.returncode == 0


needs_namespaces = pytest.mark.skipif(
    not has_namespaces(), reason="it takes EOPIEZ_HEAD_KILLS, redis-server, iproute2 and root"
)


class Net:
    """Two machines, as far as their network goes."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder, self._names = folder, {HEAD: f"ez-head-{os.getpid()}", NODE: f"ez-node-{os.getpid()}"}
        (folder / ".ray").mkdir()
        (folder / ".ray" / "auth_token").write_text("a-token-of-tests-0123456789abcdef")
        own = {name: value for name, value in os.environ.items() if not name.startswith(("EOPIEZ_", "RAY_"))}
        self._environment = own | {
            "HOME": str(folder), "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_REDIS_ADDRESS": f"{NODE}:6379", "RAY_external_storage_namespace": "tests",
            "RAY_gcs_rpc_server_reconnect_timeout_s": "300", "EOPIEZ_HOME": str(folder / "home"),
            "EOPIEZ_DATABASE_URL": database_url, "EOPIEZ_RAY_ADDRESS": f"{HEAD}:6379",
        }  # fmt: skip
        self._running: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        """Lay a cable between two empty machines."""
        for name in self._names.values():
            self._ip("netns", "add", name)
        pair = [f"ez{end}{os.getpid()}" for end in "ab"]
        self._ip("link", "add", pair[0], "type", "veth", "peer", "name", pair[1])
        for cable, (address, name) in zip(pair, self._names.items(), strict=True):
            self._ip("link", "set", cable, "netns", name)
            self._ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
            self._ip("-n", name, "link", "set", cable, "up")
            self._ip("-n", name, "link", "set", "lo", "up")

    def close(self) -> None:
        for process in [*self._running]:
            self.kill(process)
        for name in self._names.values():
            self._ip("netns", "del", name)

    def run(self, machine: str, *command: str) -> subprocess.Popen[bytes]:
        """Keep a program running on one of the machines."""
        kept = ["sh", "-c", 'until "$@"; do sleep 0.2; done', "sh", *command]
        with (self._folder / f"{len(self._running)}.log").open("ab") as log:
            # A head that starts looks for another one among all processes, and finds the node's daemons.
            alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if machine == HEAD else []
            within = ["ip", "netns", "exec", self._names[machine], *alone, *kept]
            started = subprocess.Popen(within, stdout=log, stderr=log, env=self._environment)
        self._running.append(started)
        return started

    def kill(self, started: subprocess.Popen[bytes]) -> None:
        """As if the power had failed."""
        process = psutil.Process(started.pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # It has ended with its parent.
                each.kill()
        started.wait()
        self._running.remove(started)

    def ray(self, machine: str, *options: str) -> subprocess.Popen[bytes]:
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--node-ip-address={machine}"]
        return self.run(machine, *start, f"--object-store-memory={80 * 2**20}", *options)

    def head(self) -> subprocess.Popen[bytes]:
        return self.ray(HEAD, "--head", "--port=6379", "--num-cpus=0", "--include-dashboard=false")

    def has_head(self) -> bool:
        """Whether the node reaches a head."""
        knocking = ["ip", "netns", "exec", self._names[NODE], "bash", "-c", f"exec 3<>/dev/tcp/{HEAD}/6379"]
        return subprocess.run(knocking, capture_output=True).returncode == 0

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def net(database_url: str, tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path, database_url)
    made.open()
    yield made
    made.close()


@needs_namespaces
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
    assert workflow.wait(150).result("total") == sum(range(COUNT)), pauses
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() == 0
    local.close()
    print(f"until work went on: {max(pauses):.1f} s at most")
