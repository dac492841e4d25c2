"""The gateway as it is deployed: on Ray Serve, with replicas that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

import eopiez_ray as ez
from eopiez_ray.supervision.parts import free_ports
from tests.documents import ROOT
from tests.gateway.conftest import sent
from tests.gateway.test_supervision import System, system_at
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A whole system, brought up as a user does."""
    with system_at(tmp_path_factory.mktemp("home"), free_ports(3)[2]) as up:
        yield up


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    """A client of the administrator."""
    with system.signed_in() as opened:
        yield opened


@ez.phase(version="1")
def doubled(number: int) -> int:
    return 2 * number


def doubling(*numbers: int) -> dict[str, Any]:
    plan = ez.Plan("doubling")
    plan.step("doubled", doubled, plan.values("numbers", list(numbers)))
    return sent(plan)


def test_the_configuration_for_clusters_is_valid() -> None:
    """In a process of its own: whoever imports Ray first decides how a process signs in to clusters."""
    program = [sys.executable, "-m", "tests.gateway.checked_configuration", str(ROOT / "serve_config.yaml")]
    ended = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ended.returncode, ended.stdout.split()) == (0, ["/", "/follow"]), ended.stderr


def test_a_workflow_from_its_creation_to_its_result(client: httpx.Client) -> None:
    made = client.post("/workflows", json=doubling(1, 2, 3))
    assert made.status_code == 202, made.text
    path = f"/workflows/{made.json()['id']}"
    with client.stream("GET", f"{path}/events", headers={"Accept": "text/event-stream"}) as followed:
        assert "/follow/" in str(followed.url)
        assert "event: succeeded" in list(followed.iter_lines())
    assert client.get(f"{path}/results/doubled").json()["values"] == [2, 4, 6]


def test_headers_by_which_serve_is_told_what_to_do_lift_no_bound(client: httpx.Client) -> None:
    told = {"x-request-timeout-seconds": "0.000001", "x-request-disconnect-disabled": "?1", "x-request-id": "a\tb"}
    for name, value in told.items():
        answer = client.get("/workflows", headers={name: value})
        assert answer.status_code in {200, 408, 503}, (name, answer.text)
    large = client.post("/workflows", content=b"x" * (17 * 2**20), headers={"content-type": "application/json"})
    assert (large.status_code, large.json()["type"]) == (413, "urn:eopiez:problem:too-large")


@pytest.mark.parametrize("part", ["gateway", "orchestrator"])
def test_a_part_that_is_killed_comes_back_and_no_workflow_is_lost(
    system: System, client: httpx.Client, part: str
) -> None:
    before = system.part(part)
    made = client.post("/workflows", json=doubling(*range(20))).json()["id"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: system.part(part) != before and system.is_ready())
    wait_until(lambda: _status(client, made) == "succeeded")


def test_a_replica_that_is_killed_costs_at_most_the_requests_in_flight(system: System, client: httpx.Client) -> None:
    (replica, *_) = system.processes("ServeReplica:eopiez:Gateway")
    os.kill(replica, signal.SIGKILL)
    answers: set[int] = set()

    def answered() -> bool:
        try:
            answers.add(client.get("/workflows").status_code)
        except httpx.TransportError:
            return False
        return 200 in answers and replica not in system.processes("ServeReplica:eopiez:Gateway")

    wait_until(answered)
    assert answers <= {200, 500, 503}


def _status(client: httpx.Client, workflow: str) -> str:
    try:
        answer = client.get(f"/workflows/{workflow}")
    except httpx.TransportError:
        return "unknown"
    return str(answer.json().get("status"))


def test_its_home_is_closed_to_others(system: System) -> None:
    for path in (system.home, *system.home.rglob("*")):
        assert path.is_symlink() or path.stat().st_mode & 0o077 == 0, path


def test_passwords_are_not_in_the_list_of_processes(system: System) -> None:
    password = (system.home / "first-password").read_text().strip()
    assert not any(password in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
