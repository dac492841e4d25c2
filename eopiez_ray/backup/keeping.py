"""Keeps backups while a system is at work: one after another, changes between them as they come, and old ones pruned.

One process at a time does so, by an advisory lock of the database; others wait in case it dies.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..engine.moments import set_within
from ..errors import (
    BackupError,
    BackupKeyError,
    DatabaseUnavailableError,
    RepositoryBusyError,
    StorageFullError,
    StoreError,
)
from ..logs import get_logger
from ..store.backups import BackupDesk
from .creating import create
from .erasures import remember
from .manifest import started
from .packer import Packer
from .presence import present
from .pruning import prune
from .restoring import files_of
from .retention import Retention
from .shipping import Receiver, Shipper
from .stream import begin_stream, read_stream
from .system import opened

if TYPE_CHECKING:
    import asyncpg

    from ..settings import Settings
    from .manifest import Manifest
    from .repository import Repository
    from .system import Source, Tells

SHIP_S = 2.0
"""Seconds from one round of changes to the next."""
REST = 4
"""How many times as long as a round took the next one is away, so that looking at very many files stays cheap."""
LOOK_S = 60.0
"""Seconds between looks whether a backup is due."""
STANDBY_S = 5.0
AGAIN_S = 10.0
"""Seconds after the database or the repository was away."""
RETRY_S = 300.0
"""Seconds after a backup that failed."""

log = get_logger(__name__)


def retention_of(settings: Settings) -> Retention:
    """What the settings keep."""
    return Retention(
        settings.backup_keep_last, settings.backup_keep_days, settings.backup_keep_weeks, settings.backup_keep_months
    )


async def keep(settings: Settings, repository: Repository, tell: Tells, stopping: asyncio.Event) -> None:
    """Keep backups until it is over; if the database or the repository is away, wait for it.

    Args:
        settings: of the system.
        repository: where to.
        tell: is told what happens.
        stopping: set when it is over.

    Raises:
        BackupKeyError: the repository was made anew with another key.
    """
    while not stopping.is_set():
        try:
            async with opened(settings) as source:
                await _keep_in_turn(source, repository, tell, stopping)
        except BackupKeyError:
            raise
        except (BackupError, StoreError, StorageFullError) as error:
            log.warning("keeping backups was interrupted", error=str(error))
            tell(f"interrupted, and trying again soon: {error}")
            await set_within(stopping, AGAIN_S)


async def _keep_in_turn(source: Source, repository: Repository, tell: Tells, stopping: asyncio.Event) -> None:
    """Keep backups as soon as nobody else does. Errors as of the database and the repository."""
    desk = BackupDesk(source.database)
    while not stopping.is_set():
        async with desk.kept() as session:
            if session is not None:
                tell(f"keeping backups at {repository.place.url}")
                with present(repository) as name:
                    await _Keeper(source, repository, desk, tell, name, session).run(stopping)
                return
        await set_within(stopping, STANDBY_S)


@dataclass(frozen=True, slots=True)
class _Keeper:
    source: Source
    repository: Repository
    desk: BackupDesk
    tell: Tells
    name: str
    """By which this process is known at the repository."""
    session: asyncpg.Connection[asyncpg.Record]
    """Holds the lock by which nobody else keeps them."""

    async def run(self, stopping: asyncio.Event) -> None:
        if not self.source.is_embedded:
            while not stopping.is_set():
                await self._make_next(stopping)
                await self._prune(None)
            return
        stream = await self._stream()
        receiver = Receiver(self.source.database.url, self.source.folder / "wal")
        receiver.keep_up()
        try:
            while not stopping.is_set():
                last = await asyncio.to_thread(self._last_of, stream)
                if last is None:
                    await self._make(stopping)
                else:
                    await self._follow(stopping, stream, receiver, last)
                await self._prune(stream)
        finally:
            await asyncio.to_thread(receiver.stop)

    async def _follow(self, stopping: asyncio.Event, stream: str, receiver: Receiver, last: Manifest) -> None:
        """Ship changes until the next backup is made."""
        making = asyncio.create_task(self._make_next(stopping))
        try:
            held = await asyncio.to_thread(files_of, self.repository, last, goes_on=True)
            known = {name for files in held.values() for file in files.values() for name in file.objects}
            with Packer(self.repository, known, is_urgent=True) as packer:
                shipper = await asyncio.to_thread(Shipper, self.source, self.repository, stream, packer, last, held)
                erased = 0
                while not stopping.is_set() and not making.done():
                    self._check_turn()
                    began = time.monotonic()
                    receiver.keep_up()
                    erased = await self._remember(erased)
                    await asyncio.to_thread(shipper.ship)
                    await set_within(stopping, max(SHIP_S, REST * (time.monotonic() - began)))
            await making
        finally:
            making.cancel()

    async def _remember(self, before: int) -> int:
        """Let the repository know what was erased, if it is more than before."""
        count = await self.desk.erasure_count()
        if count > before:
            await asyncio.to_thread(remember, self.repository, await self.desk.erasures())
        return count

    def _check_turn(self) -> None:
        """Check that this is still the only process that keeps backups.

        Raises:
            DatabaseUnavailableError: the session that says so was lost.
        """
        if self.session.is_closed():
            raise DatabaseUnavailableError("the session with the database was lost")

    async def _make_next(self, stopping: asyncio.Event) -> None:
        """Make a backup once one is due."""
        while not stopping.is_set():
            self._check_turn()
            due_s = await self._due_s()
            if due_s <= 0:
                await self._make(stopping)
                return
            await set_within(stopping, min(due_s, LOOK_S))

    async def _due_s(self) -> float:
        """Seconds until the next backup is due."""
        backups = await asyncio.to_thread(self.repository.backups)
        if not backups:
            return 0.0
        every = timedelta(hours=self.source.settings.backup_every_hours)
        return (started(backups[-1]) + every - datetime.now(UTC)).total_seconds()

    async def _make(self, stopping: asyncio.Event) -> None:
        try:
            manifest = await create(self.source, self.repository, log.debug)
        except (BackupError, StorageFullError) as error:
            log.exception("a backup failed")
            self.tell(f"a backup failed: {error}")
            await set_within(stopping, RETRY_S)
        else:
            self.tell(f"made backup {manifest.id}: {manifest.new_bytes / 1e6:,.1f} MB new in {manifest.took_s:.1f} s")

    async def _prune(self, stream: str | None) -> None:
        """Delete old backups, while nothing else is stored: what is swept must not be counted on."""
        manifests = await asyncio.to_thread(self.repository.manifests)
        retention = retention_of(self.source.settings)
        if len(retention.kept(manifests)) == len(manifests):
            return
        try:
            pruned = await asyncio.to_thread(prune, self.repository, retention, mine=self.name, stream=stream)
        except RepositoryBusyError as error:  # The next backup is another occasion.
            self.tell(f"old backups stay for now: {error}")
        else:
            self.tell(f"pruned {len(pruned.backups)} old backups: {pruned.bytes / 1e6:,.1f} MB")

    def _last_of(self, stream: str) -> Manifest | None:
        """The latest backup that the stream goes on from."""
        for backup in reversed(self.repository.backups()):
            manifest = self.repository.manifest(backup)
            if manifest.database.stream == stream:
                return manifest
        return None

    async def _stream(self) -> str:
        """The stream to go on with: a new one if the server has not kept all WAL since."""
        is_new = await self.desk.prepare_slot()
        held = read_stream(self.source.folder)
        return begin_stream(self.source.folder) if is_new or held is None else held
