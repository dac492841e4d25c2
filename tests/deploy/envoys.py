"""Real Envoys with the configuration of ``deploy/mesh/envoy``, and the certificates of a mesh."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.documents import ROOT
from tests.waiting import until

CONFIGURATIONS = ROOT / "deploy/mesh/envoy"
TRUST = "spiffe://cluster.local/ns"
GATEWAY = f"{TRUST}/eopiez/sa/eopiez"
INGRESS = f"{TRUST}/ingress-nginx/sa/ingress-nginx"
PROMETHEUS = f"{TRUST}/monitoring/sa/prometheus"
STRANGER = f"{TRUST}/eopiez/sa/default"


@dataclass(frozen=True)
class Identity:
    """A certificate of the mesh, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs who is who in the mesh."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mesh")])
        self.certificate = folder / "ca.crt"
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        made = self._build(self._name, self._key.public_key()).add_extension(constraints, critical=True)
        self.certificate.write_bytes(self._signed(made))

    def identity(self, name: str) -> Identity:
        """A certificate for a SPIFFE id."""
        key = ec.generate_private_key(ec.SECP256R1())
        stem = name.removeprefix(f"{TRUST}/").replace("/", "-")
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name), x509.DNSName("localhost")])
        made = self._build(x509.Name([]), key.public_key()).add_extension(names, critical=True)
        identity = Identity(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        identity.certificate.write_bytes(self._signed(made))
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        identity.key.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
        return identity

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        begun = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        return begun.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def configuration(name: str, authority: Authority, identity: Identity) -> dict[str, Any]:
    """A file of ``deploy/mesh/envoy`` with the certificates of a test, at ports that are free."""
    text = (CONFIGURATIONS / f"{name}.yaml").read_text("utf-8")
    for given, ours in (
        ("ca.crt", authority.certificate),
        ("tls.crt", identity.certificate),
        ("tls.key", identity.key),
    ):
        text = text.replace(f"/etc/eopiez/mesh/{given}", str(ours))
    made: dict[str, Any] = yaml.safe_load(text)
    for listener in made["static_resources"]["listeners"]:
        listener["address"]["socket_address"] |= {"address": "127.0.0.1", "port_value": 0}
    return made | {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}


def send_to(made: dict[str, Any], **ports: list[int]) -> None:
    """Let clusters lead to ports of this machine; hyphens of their names are underscores."""
    for cluster in made["static_resources"]["clusters"]:
        places = ports[cluster["name"].replace("-", "_")]
        cluster["type"] = "STATIC"
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
            for port in places
        ]


@dataclass(frozen=True)
class Envoy:
    """One that runs."""

    port: int
    """Where it listens."""
    admin: str
    """The URL of its administration."""

    async def clusters(self) -> list[Any]:
        """What it thinks of those to whom it sends."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.admin}/clusters?format=json")
        found: list[Any] = answer.json()["cluster_statuses"]
        return found


@asynccontextmanager
async def running_envoy(made: dict[str, Any], folder: Path) -> AsyncIterator[Envoy]:
    """An Envoy with a configuration, until the block ends."""
    process = await asyncio.to_thread(_started, made, folder)
    try:
        url = await until(lambda: _address(process, folder))
        yield Envoy(await until(lambda: _port(url)), url)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)


def _started(made: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir()
    (folder / "envoy.json").write_text(json.dumps(made))
    program = str(Path(sys.executable).with_name("envoy"))
    command = [program, "-c", str(folder / "envoy.json"), "--admin-address-path", str(folder / "admin"),
               "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]  # fmt: skip
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def _address(process: subprocess.Popen[bytes], folder: Path) -> str | None:
    assert process.poll() is None, (folder / "log").read_text()
    admin = folder / "admin"
    text = admin.read_text() if admin.exists() else ""
    return f"http://{text}" if text else None


async def _port(admin: str) -> int | None:
    async with httpx.AsyncClient() as client:
        found = (await client.get(f"{admin}/listeners?format=json")).json().get("listener_statuses", [])
    ports = [each["local_address"]["socket_address"]["port_value"] for each in found]
    return ports[0] if ports else None
