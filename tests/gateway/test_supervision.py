"""``eopiez up``, as a user meets it; what it brings up is tried in test_serve.py."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from cryptography.x509 import load_pem_x509_certificate

from eopiez_ray.supervision.parts import free_ports
from tests.certificates import certified
from tests.waiting import wait_until

PARTS = ("ray", "gateway", "orchestrator", "backup")
PASSWORD = "four unlikely words together"


def eopiez(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "eopiez_ray.cli", *arguments],
        env=os.environ | {"EOPIEZ_HOME": str(home), "COLUMNS": "160"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@dataclass(frozen=True)
class System:
    """A system that is up."""

    home: Path
    url: str

    @cached_property
    def token(self) -> str:
        """An access token of the administrator."""
        password = (self.home / "first-password").read_text().strip()
        first = httpx.post(f"{self.url}/v1/auth/login", json={"login": "admin", "password": password}, timeout=60)
        bearer = {"Authorization": f"Bearer {first.json()['access_token']}"}
        change = {"password": password, "new_password": PASSWORD}
        answer = httpx.post(f"{self.url}/v1/users/profile/password", json=change, headers=bearer, timeout=60)
        return str(answer.json()["access_token"])

    def signed_in(self) -> httpx.Client:
        """A client of the administrator."""
        bearer = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/v1", headers=bearer, timeout=60, follow_redirects=True)

    def part(self, name: str) -> int:
        """The process id of a part."""
        return int(self._state["parts"][name]["pid"])

    @property
    def dashboard(self) -> str:
        """Where Ray's dashboard answers."""
        return str(self._state["dashboard"])

    @property
    def supervisor(self) -> int:
        """The process id of what watches the parts."""
        return int(self._state["supervisor"]["pid"])

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.home / "up" / "state.json").read_text())
        return state

    def processes(self, title: str) -> list[int]:
        """Processes that are called so, below those of the system."""
        children = psutil.Process(self.part("ray")).children(recursive=True)
        return [child.pid for child in children if title in " ".join(_command(child))]

    def is_ready(self) -> bool:
        """Whether all of it works."""
        try:
            return httpx.get(f"{self.url}/v1/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def system_at(home: Path, port: int, scheme: str = "http") -> Iterator[System]:
    """A system, brought up by the command line and taken down at the end."""
    up = eopiez(home, "up", "--detach", "--port", str(port), "--cpus", "2")
    assert up.returncode == 0, up.stderr
    try:
        yield System(home, f"{scheme}://127.0.0.1:{port}")
    finally:
        down = eopiez(home, "down")
        assert down.returncode == 0, down.stderr


def said_by(system: System) -> set[str]:
    """The parts of the system that have said something in its log."""
    with system.signed_in() as client:
        return {line["part"] for line in client.get("/logs", params={"limit": 1000}).json()["items"]}


def days_left(port: int) -> float:
    """How long the certificate holds that is shown there; 0 while nothing answers."""
    try:
        shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    except OSError:
        return 0.0
    return (load_pem_x509_certificate(shown.encode()).not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1)


def test_nothing_is_up_at_first(tmp_path: Path) -> None:
    status = eopiez(tmp_path, "status")
    assert (status.returncode, "Nothing is up here" in status.stderr) == (3, True)
    assert json.loads(eopiez(tmp_path, "status", "--json").stdout) == {"is_up": False}
    down = eopiez(tmp_path, "down")
    assert (down.returncode, down.stderr) == (0, "Nothing is up here.\n")


def test_a_port_that_is_taken_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = eopiez(tmp_path, "up", "--detach", "--port", str(port))
        assert up.returncode != 0
        assert f"port {port} is taken" in up.stderr
        monkeypatch.setenv("EOPIEZ_GATEWAY_PORT", str(free_ports(1)[0]))
        doctor = eopiez(tmp_path, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout
    findings = {each["subject"]: each for each in map(json.loads, doctor.stdout.splitlines())}
    assert findings["database"]["verdict"] == "good"
    assert findings["orchestrators"]["verdict"] == "warning"


@pytest.mark.timeout(600)  # The gateway is deployed three times.
def test_a_life_from_up_to_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("EOPIEZ_BACKUP_URL", str(tmp_path / "repository"))
    monkeypatch.setenv("EOPIEZ_BACKUP_KEY_FILE", str(tmp_path / "backup.key"))
    made = certified(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    port = free_ports(4)[3]
    with system_at(home, port, "https") as system:
        assert system.is_ready()
        assert "max-age" in httpx.get(f"{system.url}/v1/health/live").headers["Strict-Transport-Security"]
        again = eopiez(home, "up", "--detach")
        assert (again.returncode, "already up" in again.stderr) == (0, True)
        status = eopiez(home, "status")
        assert status.returncode == 0
        assert f"https://127.0.0.1:{port}" in status.stdout
        assert str(home / "first-password") in status.stdout
        wait_until(lambda: said_by(system) >= {"gateway", "orchestrator", "supervisor"})
        wait_until(lambda: eopiez(home, "backup", "list", "--json").stdout)
        with system.signed_in() as client:
            wait_until(lambda: "eopiez_certificate_left_seconds" in client.get("/metrics").text)
        made.renew(days=90)
        wait_until(lambda: days_left(port) > 80 and system.is_ready(), 120)
        parts = {name: system.part(name) for name in PARTS}
        os.kill(system.supervisor, signal.SIGKILL)
        alone = eopiez(home, "status")
        assert (alone.returncode, "its supervisor was killed" in alone.stderr) == (3, True)
        assert system.is_ready()
        replaced = eopiez(home, "up", "--detach", "--port", str(port), "--cpus", "2")
        assert replaced.returncode == 0, replaced.stderr
        assert not {*parts.values()} & {system.part(name) for name in PARTS}
        assert system.is_ready()
        parts = {name: system.part(name) for name in PARTS}
    assert not [name for name, pid in parts.items() if psutil.pid_exists(pid)]
    assert eopiez(home, "status").returncode == 3
