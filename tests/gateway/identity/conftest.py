from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from eopiez_ray.gateway.identity.services import IdentityServices, open_identity
from eopiez_ray.store import Database, connect

from .given import settings_of


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
