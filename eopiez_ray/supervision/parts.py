"""The parts of a system, each a process: how it is started, what it needs, and how it shows that it works."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import PortTakenError
from ..gateway.probing import ANSWER_S, answers
from ..tls import CERTIFICATE, KEY, pair_of, valid
from . import prometheus
from .places import Places

if TYPE_CHECKING:
    from ..settings import Settings

RAY, GATEWAY, ORCHESTRATOR, BACKUP, PROMETHEUS = "ray", "gateway", "orchestrator", "backup", "prometheus"
PORTS = range(20_000, 32_000)
"""Where ports are looked for: below Linux's own, and outside those of Ray's workers."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the system."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    needs: tuple[str, ...] = ()
    """Parts without which it cannot go on: if one is started again, so is this one."""
    patience_s: float = 120.0
    """Seconds that it gets to become ready."""


def parts_of(settings: Settings, places: Places) -> list[Part]:
    """All parts, each after those that it needs."""
    shared = _environment(settings, places)
    gateway = Part(
        GATEWAY,
        (sys.executable, "-m", "eopiez_ray.gateway.keeper"),
        shared,
        lambda: answers(f"{places.url}/v1/health/live"),
        (RAY,) if places.ray_ports else (),
    )
    orchestrator = Part(
        ORCHESTRATOR,
        (sys.executable, "-m", "eopiez_ray.cli", "orchestrate", "--name", "up"),
        shared,
        lambda: answers(f"{places.url}/v1/health/ready"),
        (RAY,) if places.ray_ports else (),
    )
    backup = Part(BACKUP, (sys.executable, "-m", "eopiez_ray.cli", "backup", "keep"), shared, lambda: True)
    return [
        *([_ray(settings, places, shared)] if places.ray_ports else []),
        gateway,
        orchestrator,
        *([backup] if settings.backup_url is not None else []),
        *([_prometheus(settings)] if settings.prometheus else []),
    ]


def _prometheus(settings: Settings) -> Part:
    is_ready = f"{prometheus.url_of(settings)}/-/ready"
    return Part(PROMETHEUS, prometheus.command(settings), os.environ, lambda: answers(is_ready))


def _ray(settings: Settings, places: Places, shared: Mapping[str, str]) -> Part:
    port, dashboard = places.ray_ports
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
        "--node-ip-address=127.0.0.1", f"--port={port}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
        f"--object-store-memory={settings.object_store_bytes}", "--log-style=record",
    ]  # fmt: skip
    if settings.cpus is not None:
        command.append(f"--num-cpus={settings.cpus}")
    environment = {
        # Serve replaces a proxy that has failed three looks in a row; by its own period, that takes half a minute.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        **shared,
        # Only so does Ray bind all its ports to the loopback address, as it always does on macOS and Windows.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    return Part(RAY, tuple(command), environment, lambda: is_open(port) and is_open(dashboard))


def _environment(settings: Settings, places: Places) -> dict[str, str]:
    own = {
        "EOPIEZ_HOME": str(settings.home.expanduser().absolute()),
        "EOPIEZ_DATABASE_URL": places.database_url,
        "EOPIEZ_RAY_ADDRESS": places.ray_address,
        "EOPIEZ_GATEWAY_HOST": settings.gateway_host,
        "EOPIEZ_GATEWAY_PORT": places.url.rpartition(":")[2],
        "PYTHONUNBUFFERED": "1",
    }
    if settings.artifact_url is not None:
        own["EOPIEZ_ARTIFACT_URL"] = settings.artifact_url
    if settings.backup_url is not None:
        own["EOPIEZ_BACKUP_URL"] = settings.backup_url
    if places.metrics_token is not None:
        own["EOPIEZ_METRICS_TOKEN"] = places.metrics_token
    pair = pair_of(settings.tls_certificate, settings.tls_key)
    if pair is not None:
        own |= {CERTIFICATE: str(pair.certificate), KEY: str(pair.key)}
    return {**os.environ, **own}


def is_open(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(ANSWER_S)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def check_port(settings: Settings) -> None:
    """Check that nothing else listens where the gateway should, or Prometheus.

    Raises:
        PortTakenError: something does.
    """
    _check_free(settings.gateway_host, settings.gateway_port, "give --port")
    if settings.prometheus:
        _check_free("127.0.0.1", settings.prometheus_port, "set EOPIEZ_PROMETHEUS_PORT")


def _check_free(host: str, port: int, remedy: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(host, port, str(error.strerror), remedy) from error


def check_certificate(settings: Settings) -> None:
    """Check that the gateway can show its certificate, if it has one, and that it holds now.

    Raises:
        CertificateError: it cannot, or it does not.
    """
    pair = pair_of(settings.tls_certificate, settings.tls_key)
    if pair is not None:
        valid(pair, datetime.now(UTC))


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens now: others than those of a system that looks for some at the same moment."""
    found: list[int] = []
    first = random.choice(PORTS)
    for port in (*range(first, PORTS.stop), *range(PORTS.start, first)):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports between 20000 and 32000")
