from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from eopiez_ray.store import Database

from .given import Drivers


@pytest_asyncio.fixture(loop_scope="session")
async def drivers(database: Database) -> AsyncIterator[Drivers]:
    """Orchestrators that live as long as the test."""
    started = Drivers(database)
    yield started
    await started.close()
