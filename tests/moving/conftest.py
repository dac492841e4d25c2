from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest_asyncio

from eopiez_ray.encryption.masters import PLAIN, Encryption
from eopiez_ray.store import EmbeddedServer, Projects, connect
from tests.conftest import database_of
from tests.encryption.conftest import KeyFile, encryption, key_file
from tests.engine.conftest import Stage

__all__ = ["KeyFile", "encryption", "key_file"]


@asynccontextmanager
async def stage_of(server: EmbeddedServer, template: str, folder: Path, keys: Encryption) -> AsyncIterator[Stage]:
    """A system with a database and a folder for artifacts of its own, and a project blue."""
    async with database_of(server, template) as url, await connect(url, encryption=keys) as database:
        await Projects(database).create("blue")
        made = Stage(database, folder)
        yield made
        await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def here(server: EmbeddedServer, template: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Where workflows come from."""
    async with stage_of(server, template, tmp_path / "here", PLAIN) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def there(server: EmbeddedServer, template: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Where they go."""
    async with stage_of(server, template, tmp_path / "there", PLAIN) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def sealed(server: EmbeddedServer, template: str, tmp_path: Path, encryption: Encryption) -> AsyncIterator[Stage]:
    """A system that encrypts what it keeps."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(stage_of(server, template, tmp_path / "sealed", encryption))
