"""What backups are made of, and where they go: settings become a repository, trees and a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BackupError, BackupKeyError
from ..home import open_home
from ..store import EmbeddedServer, connect
from .key import BackupKey
from .repository import Repository

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

Tells = Callable[[str], object]
"""Is told what is being done, in a few words."""


@dataclass(frozen=True, slots=True)
class Source:
    """A system that is at work, or could be, and its database."""

    settings: Settings
    database: Database
    is_embedded: bool
    """Whether the database's server is ours."""

    @property
    def folder(self) -> Path:
        """Where this system keeps what backups need from one time to the next."""
        return self.settings.home.expanduser().absolute() / "backup"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Source]:
    """The system of these settings; its embedded server is started if need be.

    Raises:
        StoreError: the database cannot be started or reached.
    """
    open_home(settings.home)
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    url = settings.database_url if server is None else await asyncio.to_thread(server.start)
    assert url is not None
    is_embedded = url == EmbeddedServer(settings.home).url
    try:
        async with await connect(url) as database:
            yield Source(settings, database, is_embedded)
    finally:
        if server is not None:
            await asyncio.to_thread(server.leave)


def repository_of(settings: Settings, *, is_new: bool = False) -> Repository:
    """The repository that the settings name.

    Args:
        settings: its URL and its key.
        is_new: whether repository and key may be made now.

    Raises:
        BackupError: none is named, or there is none.
        BackupKeyError: there is no key, or another one than it was made with.
    """
    if settings.backup_url is None:
        raise BackupError(
            "it is not set where backups go; set EOPIEZ_BACKUP_URL to a folder on another disk, or to s3://BUCKET/FOLDER"
        )
    _check_apart(settings, settings.backup_url)
    return Repository.at(settings.backup_url, key_of(settings, is_new=is_new), is_new=is_new)


def _check_apart(settings: Settings, url: str) -> None:
    """Check that backups are not kept inside of what they are made of."""
    place = Path(url.removeprefix("file://")).expanduser().absolute()
    for folder in (settings.home.expanduser().absolute(), settings.shared_folder, Path(settings.artifacts)):
        if "://" not in url.removeprefix("file://") and place.is_relative_to(folder):
            raise BackupError(
                f"EOPIEZ_BACKUP_URL is {url}, inside of {folder}, which it would have to outlive; choose another disk"
            )


def key_of(settings: Settings, *, is_new: bool = False) -> BackupKey:
    """The key that the settings name. Errors as in ``repository_of``."""
    if settings.backup_key is not None:
        return BackupKey.read(settings.backup_key, "EOPIEZ_BACKUP_KEY")
    path = settings.backup_key_path
    try:
        return BackupKey.read(path.read_text(encoding="ascii"), str(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_new:
            return BackupKey.make(path)
        raise BackupKeyError(
            f"there is no key of backups at {path}; bring it back from where you keep it, or name it by "
            "EOPIEZ_BACKUP_KEY or EOPIEZ_BACKUP_KEY_FILE: without it, nobody can read the backups"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BackupKeyError(f"cannot read the key of backups at {path}: {error}") from error
