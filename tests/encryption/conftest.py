from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eopiez_ray.encryption.masters import Encryption, GivenKeys
from eopiez_ray.store import Database, Projects, connect
from tests.engine.conftest import Stage


def master(name: str) -> str:
    """A master key as a line."""
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


class KeyFile:
    """A file with master keys, which changes while processes use it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        """What it holds."""
        return self.path.read_text()

    def write(self, text: str) -> None:
        """Let it hold something else."""
        self.path.write_text(text)


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    """A file with one master key."""
    file = KeyFile(tmp_path / "master-keys")
    file.write(master("first"))
    return file


@pytest.fixture
def encryption(key_file: KeyFile) -> Encryption:
    return Encryption(GivenKeys(key_file.path), True)


@pytest_asyncio.fixture(loop_scope="session")
async def sealed(database_url: str, encryption: Encryption) -> AsyncIterator[Database]:
    """A database whose data is encrypted, with the projects blue and red."""
    async with await connect(database_url, encryption=encryption) as opened:
        await Projects(opened).create("blue")
        await Projects(opened).create("red")
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def sealed_stage(sealed: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    made = Stage(sealed, folder)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """As ``sealed_stage``, without keys."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    made = Stage(database, folder)
    yield made
    await made.close()
