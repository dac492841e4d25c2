"""The gateway by HTTPS without Ray, and whoever calls it; ``eopiez up`` is in test_supervision.py."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

import eopiez_ray as ez
from eopiez_ray.cli import app
from eopiez_ray.client.contexts import Context, Contexts
from eopiez_ray.errors import CertificateError, NotSignedInError, UntrustedGatewayError
from eopiez_ray.gateway.keeper import Renewal
from eopiez_ray.gateway.probing import answers
from eopiez_ray.store import EmbeddedServer
from eopiez_ray.supervision.parts import free_ports
from eopiez_ray.tls import Pair
from tests.certificates import Certified, certified
from tests.conftest import database_of
from tests.waiting import until


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("certificates"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port(
    made: Certified, server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[int]:
    """Where a gateway speaks HTTPS, as whoever runs it without Ray starts it."""
    (chosen,) = free_ports(1)
    async with database_of(server, template) as url:
        own = {
            "EOPIEZ_HOME": str(tmp_path_factory.mktemp("home")), "EOPIEZ_GATEWAY_PORT": str(chosen),
            "EOPIEZ_DATABASE_URL": url,
        }  # fmt: skip
        command = [sys.executable, "-m", "eopiez_ray.gateway.asgi"]
        environment = {**os.environ, **made.variables, **own}
        with subprocess.Popen(command, env=environment) as process:  # noqa: ASYNC220 - nothing else waits.
            await until(lambda: answers(f"https://127.0.0.1:{chosen}/v1/health/live") or process.poll() is not None)
            yield chosen
            process.terminate()


def test_the_client_trusts_an_authority_that_it_is_told_of_v5_0_0_12_3_2(port: int, made: Certified) -> None:
    """A key that is none shows that the request has arrived."""
    url = f"https://127.0.0.1:{port}"
    with ez.connect(url, "none", ca_file=made.authority) as system, pytest.raises(NotSignedInError):
        system.workflows()
    with (
        ez.connect(url, "none") as system,
        pytest.raises(UntrustedGatewayError, match="name that one's file in EOPIEZ_CA"),
    ):
        system.workflows()
    with pytest.raises(CertificateError, match="holds no certificate"):
        ez.connect(url, "none", ca_file=made.key)


def test_the_certificate_is_for_one_address(port: int, made: Certified) -> None:
    with (
        ez.connect(f"https://localhost:{port}", "none", ca_file=made.authority) as system,
        pytest.raises(UntrustedGatewayError, match="Hostname mismatch"),
    ):
        system.workflows()


def test_a_context_has_its_authority(
    port: int, made: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    login = ["login", f"https://127.0.0.1:{port}", "--token-stdin"]
    untrusted = CliRunner().invoke(app, login, input="none\n")
    assert "is not trusted" in untrusted.output.replace("\n", " ")
    trusted = CliRunner().invoke(app, [*login, "--ca-file", str(made.authority)], input="none\n")
    assert "these credentials do not hold" in trusted.output
    Contexts().put(Context("ours", f"https://127.0.0.1:{port}", key="none", ca_file=str(made.authority)))
    with ez.connect(context="ours") as system, pytest.raises(NotSignedInError):
        system.workflows()
    monkeypatch.setenv("EOPIEZ_CA_FILE", str(made.authority))
    with ez.connect(f"https://127.0.0.1:{port}", "none") as system, pytest.raises(NotSignedInError):
        system.workflows()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(("version", "is_spoken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_old_versions_are_not_spoken_v5_0_0_12_1_1(port: int, made: Certified, version: str, is_spoken: bool) -> None:
    context = ssl.create_default_context(cafile=str(made.authority))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # Else the caller itself would refuse.
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion[version]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
                assert secured.version() == version.replace("_", ".")
        except (ssl.SSLError, ConnectionError):
            assert not is_spoken
        else:
            assert is_spoken


def test_a_certificate_that_cannot_be_used_is_said_at_once(made: Certified, tmp_path: Path) -> None:
    own = {"EOPIEZ_HOME": str(tmp_path / "home"), "EOPIEZ_TLS_KEY": str(tmp_path / "none.key")}
    for command in ("eopiez_ray.gateway.asgi", "eopiez_ray.cli up"):
        run = subprocess.run(
            [sys.executable, "-m", *command.split()], env={**os.environ, **made.variables, **own}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert run.returncode == 64, run.stderr
        assert "EOPIEZ_TLS_KEY: " in run.stderr
        assert "cannot be read: no such file" in " ".join(run.stderr.split())


def test_a_renewed_certificate_is_due_once_both_files_are_there(tmp_path: Path) -> None:
    made = certified(tmp_path)
    renewal = Renewal(Pair(made.certificate, made.key))
    assert not renewal.is_due()
    kept = made.key.read_bytes()
    made.renew()
    renewed = made.key.read_bytes()
    made.key.write_bytes(kept)
    assert not renewal.is_due()
    made.key.write_bytes(renewed)
    assert renewal.is_due()
    assert not Renewal(None).is_due()
