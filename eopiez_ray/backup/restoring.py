"""Brings a system back from a backup, to its own moment or to a later one that the stream of WAL still has.

Files come first and the database last; until it is whole, a mark keeps the embedded server from starting, so that a
restore that was interrupted is repeated and never mistaken for a system.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BackupError, BackupNotFoundError, StorageFullError
from ..home import make_file, make_folder, open_home
from ..store import EmbeddedServer
from ..store.backups import BackupDesk, Inventory
from ..store.embedded import RESTORING
from ..store.migrating import SCHEMA_VERSION
from .erasures import remembered
from .manifest import DUMP, Manifest, StoredFile
from .recovering import recover, restore_dump, restore_files, wal_after
from .system import Tells, opened
from .trees import Entry, trees_of

if TYPE_CHECKING:
    from ..settings import Settings
    from .repository import Repository


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    backup: str
    recovered_to: datetime | None
    """When the last change was made that was brought back, as far as WAL went on after the backup."""
    inventory: Inventory
    files: int
    erased_again: int
    """Erasures since, which the restored system carries out once it is up."""


def chosen(manifests: Sequence[Manifest], backup: str | None, at: datetime | None, url: str) -> Manifest:
    """The backup to start from: the one that is named, or the latest that was finished by that moment.

    Raises:
        BackupNotFoundError: there is none.
    """
    if backup is not None:
        fitting = [each for each in manifests if each.id == backup]
        wanted = backup
    else:
        fitting = [each for each in manifests if at is None or each.finished_at <= at]
        wanted = "latest" if at is None else f"as early as {at.isoformat()}"
    if not fitting:
        raise BackupNotFoundError(wanted, url)
    return fitting[-1]


async def restore(
    settings: Settings,
    repository: Repository,
    tell: Tells,
    *,
    backup: str | None = None,
    at: datetime | None = None,
) -> Restored:
    """Bring a system back into an empty data home, or an empty database of another's server.

    Args:
        settings: the system to make; its data home and database hold nothing yet.
        repository: has the backups.
        tell: is told how it goes on.
        backup: its id; it is restored as it is.
        at: the moment to go to, by the stream of WAL; with neither, it is the latest one that there is.

    Raises:
        BackupNotFoundError: there is none of that id, or of that moment.
        BackupError: the home is in use, or the backup does not fit.
        DamagedBackupError: something in it is missing, or was changed.
        StorageFullError: no space is left.
    """
    manifest = chosen(await asyncio.to_thread(repository.manifests), backup, at, repository.place.url)
    _check_fits(manifest, settings, at)
    with _on_disk(settings.home):
        return await _restored(settings, repository, tell, manifest, at, goes_on=backup is None)


async def _restored(
    settings: Settings, repository: Repository, tell: Tells, manifest: Manifest, at: datetime | None, *, goes_on: bool
) -> Restored:
    """Bring it back, and with ``goes_on`` what its stream has besides."""
    goes_on = goes_on and manifest.database.stream is not None
    mark = open_home(settings.home) / "postgres" / RESTORING
    await asyncio.to_thread(_begin, settings, mark)
    tell("copying files back")
    files = await asyncio.to_thread(_bring_trees, settings, repository, manifest, goes_on=goes_on)
    tell("bringing back the database")
    recovered_to = await _bring_database(settings, repository, manifest, at, goes_on=goes_on)
    mark.unlink()
    async with opened(settings) as source:
        desk = BackupDesk(source.database)
        again = await desk.erase_again(await asyncio.to_thread(remembered, repository))
        return Restored(manifest.id, recovered_to, await desk.inventory(), files, again)


@contextmanager
def _on_disk(home: Path) -> Iterator[None]:
    """Say so if the disk is full, or may not be written."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(f"no space left to restore into {home}; free some, and say it again") from error
        raise BackupError(f"cannot restore into {home}: {error}") from error


async def _bring_database(
    settings: Settings, repository: Repository, manifest: Manifest, at: datetime | None, *, goes_on: bool
) -> datetime | None:
    """Make the database; when the last change was made that came by WAL."""
    server = EmbeddedServer(settings.home, is_restoring=True) if settings.database_url is None else None
    if manifest.database.kind == DUMP:
        await restore_dump(server, settings.database_url, repository, manifest)
        return None
    assert server is not None
    await asyncio.to_thread(restore_files, repository, repository.chain(manifest), server.data)
    return await recover(server, wal_after(repository, manifest) if goes_on else None, at)


def _check_fits(manifest: Manifest, settings: Settings, at: datetime | None) -> None:
    if manifest.schema > SCHEMA_VERSION:
        raise BackupError(
            f"the backup {manifest.id} was made by eopiez {manifest.program} with schema {manifest.schema}, and this "
            f"program knows only {SCHEMA_VERSION}; update eopiez"
        )
    if manifest.database.kind != DUMP and settings.database_url is not None:
        raise BackupError(
            f"the backup {manifest.id} holds the files of an embedded server; restore it without EOPIEZ_DATABASE_URL"
        )
    if at is not None and manifest.database.stream is None:
        raise BackupError(
            f"no changes were kept after the backup {manifest.id} ({manifest.finished_at.isoformat()}), so there is "
            "nothing between it and the next one; name the backup in place of the moment"
        )


def _begin(settings: Settings, mark: Path) -> None:
    """Mark the home, unless it is in use.

    Raises:
        BackupError: it is.
    """
    trees = {name: tree for name, tree in trees_of(settings).items() if name != "home"}
    if not mark.exists():
        used = [name for name, tree in trees.items() if next(tree.entries(), None) is not None]
        if (mark.parent / "data").exists() or used:
            raise BackupError(
                f"{mark.parent.parent} holds a system already; set EOPIEZ_HOME to an empty folder, or move it away"
            )
    make_folder(mark.parent)
    make_file(mark)
    for left in ("data", "data.restoring"):
        shutil.rmtree(mark.parent / left, ignore_errors=True)


def _bring_trees(settings: Settings, repository: Repository, manifest: Manifest, *, goes_on: bool) -> int:
    """Write all files, and those that are newer than the backup if its stream goes on; how many there are."""
    trees, count = trees_of(settings), 0
    for name, files in files_of(repository, manifest, goes_on=goes_on).items():
        for file in files.values():
            trees[name].write(Entry(file.path, file.size, file.mtime_ns), map(repository.get, file.objects))
        trees[name].settle()
        count += len(files)
    return count


def files_of(repository: Repository, manifest: Manifest, *, goes_on: bool) -> dict[str, dict[str, StoredFile]]:
    """The files of a backup by tree and path, and those of its stream over them."""
    found = {name: {file.path: file for file in files} for name, files in manifest.trees.items()}
    database = manifest.database
    if goes_on and database.stream is not None:
        for number in repository.notes(database.stream):
            if number >= database.first_note:
                for name, new in repository.files(database.stream, number).items():
                    found.setdefault(name, {}).update({file.path: file for file in new})
    return found
