from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

import eopiez_ray as ez
from eopiez_ray.gateway.app import create_app
from eopiez_ray.settings import Settings
from tests.engine.conftest import Stage
from tests.gateway.conftest import listening
from tests.gateway.identity.given import member

from .breaking import Moody
from .serving import Gateway, key_of, new_key
from .site import Site


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


@pytest_asyncio.fixture(loop_scope="session")
async def site(database_url: str, home: Path) -> AsyncIterator[Site]:
    app = create_app(Settings(home=home, database_url=database_url))
    moody = Moody(app)
    async with app.router.lifespan_context(app), listening(moody) as url:
        stage = Stage(app.state.system.database, home / "artifacts")
        address = url.removesuffix("/v1")
        key = await new_key(app.state.system.identity, address, "anna")
        moody.seen.clear()
        yield Site(address, key, app, moody, stage)
        await stage.close()
