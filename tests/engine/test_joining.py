"""The token by which processes and clusters know each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eopiez_ray import Settings
from eopiez_ray.engine import joining
from eopiez_ray.errors import ClusterError

TWICE = """
import os, shutil, sys
from pathlib import Path
from eopiez_ray.engine.joining import authenticate

first, second = map(Path, sys.argv[1:])
authenticate(first)
token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
before, mode = token.read_text(), token.stat().st_mode & 0o777
authenticate(second)
assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(token)
shutil.rmtree(first)
authenticate(second)
after = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
print(mode == 0o600, after.is_relative_to(second), after.read_text() == before, len(before))
"""

LATE = """
import os, sys
from pathlib import Path
import ray
from eopiez_ray.engine.joining import authenticate

authenticate(Path(sys.argv[1]))
os.environ["RAY_AUTH_MODE"] = "token"  # As Ray does when it starts a cluster.
authenticate(Path(sys.argv[1]))
print("RAY_AUTH_TOKEN_PATH" in os.environ)
"""

STARTED = """
import subprocess, sys
import psutil
from eopiez_ray import Settings
from eopiez_ray.engine.joining import join

home, attached = sys.argv[1:]
folder = join(Settings(home=home, cpus=1, object_store_bytes=80 * 2**20))
import ray

@ray.remote
class Worker:
    def ready(self):
        return True

worker = Worker.remote()
assert ray.get(worker.ready.remote())
this = psutil.Process()
for process in (this, *this.children(recursive=True)):
    for each in process.net_connections("inet"):
        if each.status == psutil.CONN_LISTEN:
            print(each.laddr.ip.removeprefix("::ffff:"))
print(oct(folder.stat().st_mode & 0o777))
where = ray.get_runtime_context().gcs_address
told = subprocess.run([sys.executable, "-c", attached, home, where], capture_output=True, text=True)
print(told.stdout.strip() or told.stderr)
ray.shutdown()
"""

ATTACHED = """
import sys
from eopiez_ray import Settings
from eopiez_ray.engine.joining import join, living_nodes

join(Settings(home=sys.argv[1], ray_address=sys.argv[2]))
print(len(living_nodes().nodes))
"""


def test_a_process_keeps_its_token_though_the_home_in_which_it_lay_is_gone(tmp_path: Path) -> None:
    assert told(TWICE, tmp_path / "first", tmp_path / "second") == ["True", "True", "True", "64"]


def test_who_imports_ray_before_keeps_rays_own_token_for_every_cluster(tmp_path: Path) -> None:
    assert told(LATE, tmp_path) == ["False"]


def test_no_cluster_is_joined_before_the_last_one_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray knows one cluster a process: a farewell that comes late would end the next one."""
    is_leaving, may_end, order = threading.Event(), threading.Event(), []

    def slow_farewell() -> None:
        is_leaving.set()
        may_end.wait(60)
        order.append("left")

    def join_a_dead_one() -> None:
        with pytest.raises(ClusterError, match="cannot attach"):
            joining.join(Settings(home=tmp_path, ray_address="127.0.0.1:1"))
        order.append("joined")

    monkeypatch.setattr("ray.shutdown", slow_farewell)
    leaving = threading.Thread(target=joining.part)
    leaving.start()
    assert is_leaving.wait(60)
    with monkeypatch.context() as patched:
        patched.setattr(joining, "ATTACH_S", 0.1)
        with pytest.raises(ClusterError, match="start another process"):
            joining.join(Settings(home=tmp_path, ray_address="127.0.0.1:1"))
    following = threading.Thread(target=join_a_dead_one)
    following.start()
    may_end.set()
    for thread in (leaving, following):
        thread.join(60)
    assert order == ["left", "joined"]


def told(program: str, *arguments: str | Path) -> list[str]:
    """The words that a fresh process prints."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout.split()


def test_a_cluster_of_ours_listens_on_loopback_alone_and_others_here_can_share_it(tmp_path: Path) -> None:
    said = told(STARTED, tmp_path / "home", ATTACHED)
    assert said.pop() == "1", said  # Nodes, as one sees them who has attached.
    assert said.pop() == "0o700"  # Of the folder in which its logs are.
    assert len(said) >= 5  # GCS, raylet, agent, driver, worker.
    assert set(said) == {"127.0.0.1"}
