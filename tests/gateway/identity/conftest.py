from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity import passwords
from eopiez_ray.gateway.identity.services import IdentityServices, open_identity
from eopiez_ray.store import Database, connect

from .browsing import Site
from .given import QUICK, settings_of


@pytest.fixture(autouse=True)
def _quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords take little effort, but where they are what is tested."""
    if request.path.name != "test_passwords.py":
        monkeypatch.setattr(passwords, "_WORK", QUICK)
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest_asyncio.fixture(loop_scope="session")
async def services(database: Database, database_url: str, home: Path) -> AsyncIterator[IdentityServices]:
    """The services of a replica."""
    async with open_identity(database, settings_of(database_url, home)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def others(database_url: str, home: Path) -> AsyncIterator[IdentityServices]:
    """The services of another replica, with connections of its own."""
    async with (
        await connect(database_url) as database,
        open_identity(database, settings_of(database_url, home)) as opened,
    ):
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def site(database_url: str, home: Path) -> AsyncIterator[Site]:
    """A gateway on an empty database."""
    app = create_app(settings_of(database_url, home))
    async with app.router.lifespan_context(app):
        yield Site(app)


@pytest_asyncio.fixture(loop_scope="session")
async def twin(site: Site, database_url: str, home: Path) -> AsyncIterator[Site]:
    """Another replica of the same gateway."""
    app = create_app(settings_of(database_url, home))
    async with app.router.lifespan_context(app):
        yield Site(app)
