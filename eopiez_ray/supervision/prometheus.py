"""Prometheus beside the system: what it needs, and what it is told to scrape and to reckon."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ParameterError
from ..gateway.identity.opaque import Purpose, new_secret
from ..home import make_file, make_folder
from ..monitoring.alerts.built_in import BUILT_IN
from ..monitoring.alerts.files import write_yaml
from ..monitoring.alerts.prometheus import exported
from ..tls import pair_of, valid

if TYPE_CHECKING:
    from ..settings import Settings
    from .places import Places

PROGRAM = "prometheus"
FOLDER = "prometheus"
"""Below the data home: what Prometheus reads, and what it keeps."""
RECORDING = Path(__file__).with_name("recording.yml")
RAYS_TARGETS = Path("/tmp/ray/prom_metrics_service_discovery.json")  # noqa: S108 - where Ray writes it
"""The metrics ports of each node of a cluster of others, on its head node."""
KEPT, LARGEST = "15d", "1GB"
"""For how long samples are kept, and how many bytes of them."""


def hindrance(settings: Settings) -> tuple[str, str] | None:
    """Why Prometheus cannot be started beside the system, and what to do; None if it can, or is not to be."""
    if not settings.prometheus:
        return None
    if shutil.which(PROGRAM) is None:
        advice = "install it (Debian and Ubuntu: apt install prometheus), or leave it out"
        return "there is no program `prometheus` on the PATH", advice
    if settings.ray_address is not None and settings.metrics_token is None:
        advice = "give the same EOPIEZ_METRICS_TOKEN there and here"
        return "the gateway reads its settings on the cluster's nodes, and has no token for Prometheus there", advice
    return None


def check_prometheus(settings: Settings) -> None:
    """Check that Prometheus can be started, if it is to be.

    Raises:
        ParameterError: it cannot.
    """
    found = hindrance(settings)
    if found is not None:
        raise ParameterError(f"Prometheus cannot be started: {found[0]}; {found[1]}")


def metrics_token(settings: Settings) -> str | None:
    """The token by which Prometheus reads all metrics: the one that was given, or one for this life of the system; None
    if none is needed."""
    if settings.metrics_token is None and settings.prometheus:
        return new_secret(Purpose.METRICS)
    return settings.metrics_token


def url_of(settings: Settings) -> str:
    """Where Prometheus answers: to this machine alone."""
    return f"http://127.0.0.1:{settings.prometheus_port}"


def command(settings: Settings) -> tuple[str, ...]:
    """What starts Prometheus on what ``furnish`` has written."""
    folder = folder_of(settings)
    return (
        shutil.which(PROGRAM) or PROGRAM, f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--storage.tsdb.retention.time={KEPT}",
        f"--storage.tsdb.retention.size={LARGEST}", f"--web.listen-address={urlsplit(url_of(settings)).netloc}",
        "--log.level=warn",
    )  # fmt: skip


def folder_of(settings: Settings) -> Path:
    """Where its files are."""
    return settings.home.expanduser().absolute() / FOLDER


def furnish(settings: Settings, places: Places) -> None:
    """Write what Prometheus reads, for its owner alone.

    Raises:
        CertificateError: the gateway's certificate cannot be used.
    """
    folder = make_folder(folder_of(settings))
    assert places.metrics_token is not None
    _write(folder / "gateway.token", places.metrics_token)
    _write(folder / "recording.yml", RECORDING.read_text("utf-8"))
    _write(folder / "alerts.yml", write_yaml(exported(BUILT_IN.values()).document))
    _write(folder / "prometheus.yml", write_yaml(_configuration(settings, places, folder)))


def _write(path: Path, text: str) -> None:
    make_file(path).write_text(text, encoding="utf-8")


def _configuration(settings: Settings, places: Places, folder: Path) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": ["recording.yml", "alerts.yml"],
        "scrape_configs": [_gateway(settings, folder), *_ray(places, folder)],
    }


def _gateway(settings: Settings, folder: Path) -> dict[str, Any]:
    where = urlsplit(settings.gateway_url)
    scraped = {
        "job_name": "eopiez", "metrics_path": "/v1/metrics", "scheme": where.scheme,
        "authorization": {"credentials_file": str(folder / "gateway.token")},
        "static_configs": [{"targets": [where.netloc]}],
    }  # fmt: skip
    return scraped | _trusting(settings, where.hostname or "")


def _trusting(settings: Settings, host: str) -> dict[str, Any]:
    """The gateway shows its certificate for the name by which others reach it, and is asked for under that name here:
    the token goes to nobody else."""
    pair = pair_of(settings.tls_certificate, settings.tls_key)
    if pair is None:
        return {}
    found = valid(pair, datetime.now(UTC))
    name = host if found.is_for(host) or not found.names else found.names[0].replace("*", "eopiez")
    return {"tls_config": {"ca_file": str(pair.certificate), "server_name": name}}


def _ray(places: Places, folder: Path) -> list[dict[str, Any]]:
    """Ray's nodes: by its dashboard, if the cluster is started here; else by its file, if this is its head node."""
    if places.ray_ports:
        asked = {"url": f"http://127.0.0.1:{places.ray_ports[1]}/api/prometheus/sd", "refresh_interval": "30s"}
        return [{"job_name": "ray", "http_sd_configs": [asked | _rays_token(folder)]}]
    if RAYS_TARGETS.exists():
        return [{"job_name": "ray", "file_sd_configs": [{"files": [str(RAYS_TARGETS)]}]}]
    return []


def _rays_token(folder: Path) -> dict[str, Any]:
    """What Ray's dashboard wants to see; the token is where ``authenticate`` has left it."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return {}
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    if "RAY_AUTH_TOKEN" in os.environ:
        path = folder / "ray.token"
        _write(path, os.environ["RAY_AUTH_TOKEN"])
    # Prometheus 2.42 leaves out the type in requests for targets, unless it is given.
    return {"authorization": {"type": "Bearer", "credentials_file": str(path)}}
