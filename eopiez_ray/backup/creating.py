"""Makes a backup: the database as it is at one moment, then the files, all that the database refers to among them.

Artifacts never change and are written before the rows that refer to them, and while a backup is made none is deleted.
So files that are read after the database hold at least what it needs.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import EopiezError
from ..store.backups import BackupDesk, ServerState
from .capture import can_build_on, copy_files, dump
from .erasures import remember
from .manifest import DUMP, DatabaseCopy, Manifest, StoredFile, new_id
from .packer import Packer
from .presence import present
from .stream import read_stream
from .trees import trees_of
from .yielding import in_background

if TYPE_CHECKING:
    from .repository import Repository
    from .system import Source, Tells


@dataclass(frozen=True, slots=True)
class _Start:
    """What is known when a backup begins."""

    id: str
    at: datetime
    began: float
    state: ServerState
    last: Manifest | None
    """The latest backup."""
    stream: str | None
    first_note: int


async def create(source: Source, repository: Repository, tell: Tells, *, is_full: bool = False) -> Manifest:
    """Make a backup, and remember in the database what became of it.

    Args:
        source: the system.
        repository: where to.
        tell: is told how it goes on.
        is_full: whether the whole database is copied, though an increment would do.

    Raises:
        BackupError: it cannot be made; what was stored until then makes the next one shorter.
        StoreError: the database was lost.
        StorageFullError: no space is left.
    """
    desk = BackupDesk(source.database)
    async with desk.alone():
        start = await _start(source, repository, desk)
        try:
            with present(repository):
                made = await _created(source, repository, desk, start, tell, is_full=is_full)
        except EopiezError as error:
            await desk.note(start.id, repository.place.url, start.at, DUMP, 0, 0, str(error))
            raise
    await desk.note(start.id, repository.place.url, start.at, made.database.kind, made.size, made.new_bytes, "")
    return made


async def _start(source: Source, repository: Repository, desk: BackupDesk) -> _Start:
    backups = await asyncio.to_thread(repository.backups)
    last = await asyncio.to_thread(repository.manifest, backups[-1]) if backups else None
    stream = read_stream(source.folder) if source.is_embedded else None
    first_note = 0 if stream is None else await asyncio.to_thread(repository.next_note, stream, last)
    return _Start(new_id({*backups}), datetime.now(UTC), time.monotonic(), await desk.state(), last, stream, first_note)


async def _created(
    source: Source, repository: Repository, desk: BackupDesk, start: _Start, tell: Tells, *, is_full: bool
) -> Manifest:
    tell("looking at what is stored already")
    known = await asyncio.to_thread(repository.names)
    with Packer(repository, known) as packer:
        async with desk.held(wal=source.is_embedded):
            try:
                tell("copying the database")
                database = await asyncio.to_thread(_database, source, repository, packer, start, is_full=is_full)
                finished_at = datetime.now(UTC)
                tell("copying files")
                trees = await asyncio.to_thread(_trees, source, packer, start.last)
            except asyncio.CancelledError:
                packer.give_up()
                raise
        manifest = Manifest(
            start.id, start.at, finished_at, __version__, start.state.schema, database, trees,
            packer.new_bytes, time.monotonic() - start.began,
        )  # fmt: skip
    await asyncio.to_thread(remember, repository, await desk.erasures())
    await asyncio.to_thread(repository.publish, manifest)
    return manifest


def _database(source: Source, repository: Repository, packer: Packer, start: _Start, *, is_full: bool) -> DatabaseCopy:
    with in_background():
        return _copied(source, repository, packer, start, is_full=is_full)


def _copied(source: Source, repository: Repository, packer: Packer, start: _Start, *, is_full: bool) -> DatabaseCopy:
    url, server = source.database.url, start.state.server
    if not source.is_embedded:
        return dump(url, start.state, packer)
    last = None if is_full else start.last
    if last is not None and not can_build_on(last, len(repository.chain(last)), server):
        last = None
    copy = copy_files(url, server, last, packer, repository)
    return replace(copy, stream=start.stream, first_note=start.first_note)


def _trees(source: Source, packer: Packer, last: Manifest | None) -> dict[str, tuple[StoredFile, ...]]:
    held = {} if last is None else last.trees
    with in_background():
        return {
            name: tuple(packer.files(tree, {file.path: file for file in held.get(name, ())}))
            for name, tree in trees_of(source.settings).items()
        }
