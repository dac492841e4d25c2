"""The gateway as it is deployed: on Ray Serve, with replicas that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

import eopiez_ray as ez
from eopiez_ray.chaos.siege import Besieged, SiegeOrders, besiege
from eopiez_ray.chaos.tally import Strike, Victim
from eopiez_ray.chaos.visitors import Visitors
from eopiez_ray.supervision.parts import free_ports
from tests.documents import ROOT
from tests.gateway.conftest import sent
from tests.gateway.test_supervision import System, system_at
from tests.waiting import until


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


SMUGGLED = "GET /v1/users/profile HTTP/1.1\r\nHost: gateway\r\n\r\n"
FORMS = {
    "two lengths": f"Content-Length: 0\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    "a length and chunks": f"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "chunks by another name": f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "a space before the colon": f"Content-Length : {len(SMUGGLED)}\r\nContent-Length: 0\r\n\r\n{SMUGGLED}",
    "a length with a sign": f"Content-Length: +{len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    "a folded header": f"X-A: b\r\n Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    "bare line feeds": f"Transfer-Encoding: chunked\n\n0\n\n{SMUGGLED}",
    "a NUL in a header": f"X-A: b\0c\r\nContent-Length: 0\r\n\r\n{SMUGGLED}",
}
"""How proxies and servers were made to disagree about where a request ends."""


@pytest.mark.parametrize("form", FORMS)
def test_no_request_hides_in_another(system: System, form: str) -> None:
    """What a proxy before the gateway might take for one request's body is refused, or it is a request that is answered
    by itself and as anybody's: the credentials of the first do not reach it."""
    head = f"POST /v1/auth/logout HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {'x' * 40}\r\n"
    answer = exchanged(system.url, (head + FORMS[form]).encode())
    statuses = [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses
    assert set(statuses) <= {400, 401, 411, 422}, answer
    assert b"login" not in answer


def exchanged(url: str, sent_bytes: bytes) -> bytes:
    """All that is answered to these bytes until the server is silent."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent_bytes)
        connection.settimeout(2)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/jobs/"),  # CVE-2025-62593: code by way of a browser whose name for the page was rebound.
        ("DELETE", "/api/serve/applications/"),  # CVE-2026-27482: no look at who asks for a deletion.
        ("DELETE", "/api/jobs/raysubmit_1"),
        ("GET", "/api/cluster_status"),
        ("GET", "/logs/view?path=/etc/passwd"),
    ],
)
@pytest.mark.parametrize("agent", ["Mozilla/5.0", "curl/8", ""])
def test_ray_s_dashboard_does_nothing_for_strangers(system: System, method: str, path: str, agent: str) -> None:
    headers = {"User-Agent": agent, "Host": "rebound.example", "Origin": "http://rebound.example"}
    body = {"entrypoint": "touch /tmp/eopiez-was-here"} if method == "POST" else None
    answer = httpx.request(method, system.dashboard + path, headers=headers, json=body, timeout=60)
    assert answer.status_code in {401, 403}, answer.text
    assert system.is_ready()


async def test_whatever_part_is_killed_nothing_that_was_accepted_is_lost(system: System) -> None:
    """A short round of ``eopiez chaos --faults gateway``, and the process that keeps the gateway deployed."""
    before = system.part("gateway")
    os.kill(before, signal.SIGKILL)
    await until(lambda: system.part("gateway") != before and system.is_ready())
    besieged, strikes = Besieged(system.home, int(system.url.rpartition(":")[2])), list[Strike]()
    visitors = Visitors(system.url, system.token, seed=0)
    orders = SiegeOrders(rounds=1, seed=0, home=system.home, calm_s=(0.5, 1.0))
    outcome = await besiege(orders, besieged, visitors, strikes.append)
    assert outcome.is_kept, (outcome.account, strikes)
    assert [strike.victim for strike in strikes] == list(Victim)
    assert outcome.account.accepted > 0


def test_its_home_is_closed_to_others(system: System) -> None:
    for path in (system.home, *system.home.rglob("*")):
        assert path.is_symlink() or path.stat().st_mode & 0o077 == 0, path


def test_passwords_are_not_in_the_list_of_processes(system: System) -> None:
    password = (system.home / "first-password").read_text().strip()
    assert not any(password in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
