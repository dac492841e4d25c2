"""``eopiez up --with-prometheus``: a real Prometheus beside a real system, and what it is told."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import yaml

from eopiez_ray.errors import PortTakenError
from eopiez_ray.settings import Settings
from eopiez_ray.supervision.parts import check_port, free_ports
from eopiez_ray.supervision.places import Places
from eopiez_ray.supervision.prometheus import FOLDER, folder_of, furnish, hindrance, metrics_token
from tests.certificates import Certified, certified
from tests.gateway.test_supervision import System, days_left, eopiez, system_at
from tests.waiting import wait_until

needs_prometheus = pytest.mark.skipif(
    "EOPIEZ_WATCHED" not in os.environ or shutil.which("prometheus") is None,
    reason="it takes EOPIEZ_WATCHED, prometheus, and a machine without other Ray clusters",
)
"""Some ports of Ray's metrics are the same for all clusters on a machine."""
NO_PROGRAM = "there is no program `prometheus` on the PATH"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, prometheus=True)


def configured(settings: Settings, *, ray_ports: tuple[int, ...] = (20_001, 20_002)) -> dict[str, Any]:
    """What Prometheus is told, once promtool has accepted it, where that is installed."""
    furnish(settings, Places("postgresql://db", "", ray_ports, settings.gateway_url, metrics_token(settings)))
    file = folder_of(settings) / "prometheus.yml"
    if shutil.which("promtool") is not None:
        checked = subprocess.run(
            ["promtool", "check", "config", str(file)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    read: dict[str, Any] = yaml.safe_load(file.read_text())
    return read


def test_without_the_program_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    up = eopiez(tmp_path / "home", "up", "--with-prometheus")
    assert up.returncode != 0
    assert NO_PROGRAM in up.stderr
    assert "apt install prometheus" in up.stderr
    monkeypatch.setenv("EOPIEZ_PROMETHEUS", "true")
    check = eopiez(tmp_path / "home", "config", "check")
    assert (check.returncode, NO_PROGRAM in check.stdout) == (1, True), check.stdout


def test_a_cluster_of_others_needs_a_token_that_its_nodes_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prometheus").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    without = Settings(prometheus=True, ray_address="head:6379")
    assert "EOPIEZ_METRICS_TOKEN" in str(hindrance(without))
    given = without.model_copy(update={"metrics_token": "t" * 32})
    assert hindrance(given) is None
    assert metrics_token(given) == "t" * 32


def test_a_port_that_is_taken_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = settings.model_copy(update={"gateway_port": free_ports(1)[0], "prometheus_port": port})
        with pytest.raises(PortTakenError, match=f"port {port} is taken .* set EOPIEZ_PROMETHEUS_PORT"):
            check_port(wanted)
        check_port(wanted.model_copy(update={"prometheus": False}))


def test_each_life_has_a_token_of_its_own_which_its_owner_alone_reads(settings: Settings) -> None:
    tokens = set()
    for _ in range(2):
        configured(settings)
        tokens.add((folder_of(settings) / "gateway.token").read_text())
    assert len(tokens) == 2
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder_of(settings).iterdir()}
    assert {*modes} >= {"gateway.token", "prometheus.yml", "recording.yml", "alerts.yml"}
    assert {*modes.values()} == {0o600}
    assert stat.S_IMODE(folder_of(settings).stat().st_mode) == 0o700
    assert metrics_token(settings.model_copy(update={"prometheus": False})) is None


def test_rays_dashboard_is_asked_with_rays_token(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a token of Ray's")
    _, ray = configured(settings)["scrape_configs"]
    (asked,) = ray["http_sd_configs"]
    assert asked["url"] == "http://127.0.0.1:20002/api/prometheus/sd"
    assert Path(asked["authorization"]["credentials_file"]).read_text() == "a token of Ray's"


def test_a_gateway_with_a_certificate_is_asked_for_under_its_name(settings: Settings, tmp_path: Path) -> None:
    made = certified(tmp_path)
    for host, asked in (("127.0.0.1", "127.0.0.1"), ("eopiez.example.com", "eopiez.example.com")):
        made.renew(host=host)
        secured = settings.model_copy(update={"tls_certificate": made.certificate, "tls_key": made.key})
        gateway = configured(secured)["scrape_configs"][0]
        assert gateway["scheme"] == "https"
        assert gateway["tls_config"] == {"ca_file": str(made.certificate), "server_name": asked}


@pytest.fixture
def made(tmp_path: Path) -> Certified:
    return certified(tmp_path)


@pytest.fixture
def watched(tmp_path: Path, made: Certified, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """A system with a certificate, and Prometheus."""
    gateway, port = free_ports(2)
    monkeypatch.setenv("EOPIEZ_PROMETHEUS", "true")
    monkeypatch.setenv("EOPIEZ_PROMETHEUS_PORT", str(port))
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    with system_at(tmp_path / "home", gateway, "https") as system:
        yield system


def result(url: str, query: str) -> dict[str, float]:
    """The values that a query has, by job, or else by an empty name; none while Prometheus only starts."""
    try:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=10)
    except httpx.TransportError:
        return {}
    found = answer.json()["data"]["result"] if answer.is_success else []
    return {each["metric"].get("job", ""): float(each["value"][1]) for each in found}


@needs_prometheus
@pytest.mark.timeout(600)
def test_it_scrapes_gateway_and_ray_and_is_started_again(watched: System, made: Certified) -> None:
    url = f"http://127.0.0.1:{os.environ['EOPIEZ_PROMETHEUS_PORT']}"
    status = eopiez(watched.home, "status")
    assert status.returncode == 0, status.stderr
    assert url in status.stdout
    wait_until(lambda: result(url, "min by (job) (up)") == {"eopiez": 1.0, "ray": 1.0})
    wait_until(lambda: result(url, "eopiez_orchestrators").get("eopiez") == 1.0)
    wait_until(lambda: result(url, "count(eopiez_node_disk_bytes)"))
    loaded = httpx.get(f"{url}/api/v1/rules").json()["data"]["groups"]
    assert {Path(group["file"]).name for group in loaded} == {"recording.yml", "alerts.yml"}
    before = watched.part("prometheus")
    assert {each.laddr.ip for each in psutil.Process(before).net_connections("tcp") if each.status == "LISTEN"} == {
        "127.0.0.1"
    }
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: watched.part("prometheus") != before)
    wait_until(lambda: result(url, "min by (job) (up)") == {"eopiez": 1.0, "ray": 1.0})
    assert (watched.home / FOLDER / "data").is_dir()
    made.renew(days=90)
    wait_until(lambda: days_left(urlsplit(watched.url).port or 0) > 80)
    renewed_at = time.time()
    wait_until(lambda: result(url, f"timestamp(up) > {renewed_at} and up == 1").get("eopiez"))
    after = watched.part("prometheus")
    down = eopiez(watched.home, "down")
    assert down.returncode == 0, down.stderr
    assert not psutil.pid_exists(after)
