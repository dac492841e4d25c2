from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eopiez_ray.backup.key import BackupKey
from eopiez_ray.backup.manifest import BASE, DatabaseCopy, Manifest, StoredFile
from eopiez_ray.backup.repository import Repository

START = datetime(2026, 1, 1, 2, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A new repository in a folder."""
    return Repository.at(str(tmp_path / "repository"), BackupKey(bytes(range(32))), is_new=True)


def stored(repository: Repository, *contents: bytes) -> tuple[str, ...]:
    """The names of contents, which are durable now."""
    names = tuple(map(repository.key.name, contents))
    for name, content in zip(names, contents, strict=True):
        repository.put(name, content)
    repository.place.settle()
    return names


def manifest(
    backup: str = "20260101T020000Z",
    *,
    days: float = 0,
    parent: str | None = None,
    database: tuple[str, ...] = (),
    files: tuple[StoredFile, ...] = (),
    stream: str | None = None,
    segment: str = "0" * 24,
    first_note: int = 0,
) -> Manifest:
    """A backup of so many days after the first."""
    at = START + timedelta(days=days)
    copy = DatabaseCopy(
        BASE if parent is None else "increment", database, 0, 18, parent, (), segment, stream, first_note
    )
    return Manifest(backup, at, at, "1", 1, copy, {"artifacts": files})
