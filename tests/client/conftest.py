from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import eopiez_ray as ez
from eopiez_ray.settings import Settings
from tests.gateway.identity.given import member

from .serving import Gateway, key_of


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    """A system of its own, with a real cluster, that drives whatever is asked for."""
    home = tmp_path_factory.mktemp("home")
    with ez.local(home=home, cpus=2, object_store_bytes=80 * 2**20) as made:
        made.drive_all("tests")
        yield made


@pytest.fixture(scope="module")
def gateway(local: ez.Local) -> Iterator[Gateway]:
    """The gateway of that system."""
    made = Gateway(Settings(home=local.settings.home))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    """An API key of a developer."""
    gateway.run(member(gateway.services, "anna"))
    return asyncio.run(key_of(gateway.url, "anna"))


@pytest.fixture(scope="module")
def remote(gateway: Gateway, key: str) -> Iterator[ez.Remote]:
    """That system, reached over HTTP."""
    with ez.connect(gateway.url, key) as made:
        yield made


@pytest.fixture(scope="module", params=["local", "gateway"])
def system(request: pytest.FixtureRequest) -> ez.Local | ez.Remote:
    """The same system, used in the same process and over HTTP."""
    found: ez.Local | ez.Remote = request.getfixturevalue("local" if request.param == "local" else "remote")
    return found
