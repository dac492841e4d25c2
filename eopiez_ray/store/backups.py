"""What backups ask of the database, and what it remembers of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import asyncpg

from ..model.tasks import Output
from .queries import sql
from .translating import translated

if TYPE_CHECKING:
    from .database import Database

ARTIFACTS_LOCK, KEEPER_LOCK, MAKER_LOCK = 0x656F6261_01, 0x656F6261_02, 0x656F6261_03
"""Keys of advisory locks: artifacts stay as they are; somebody keeps backups; somebody makes one."""
POLL_S = 0.2
SLOT = "eopiez_backup"
"""The replication slot that holds WAL for the stream."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """How the server is."""

    server: int
    """Its major version."""
    schema: int
    has_trigrams: bool
    """Whether it has the extension pg_trgm."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a system holds."""

    workflows: int
    unfinished: int
    tasks: int
    events: int
    users: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure, as a restored backup has to know it: what came before it may have to go again."""

    id: UUID
    kind: str
    target: str
    project: str
    requested_by: str
    requested_at: datetime
    workflows: tuple[UUID, ...]
    uploads: tuple[UUID, ...]


class BackupTimes(NamedTuple):
    """When backups were made, if they were."""

    succeeded_at: datetime | None
    failed_at: datetime | None
    verified_at: datetime | None


class BackupDesk:
    """What a backup needs of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nobody else makes a backup of this system while the block lasts; whoever does is waited for."""
        async with self._database.session() as connection:
            await connection.fetchval(sql("lock_alone"), MAKER_LOCK)
            yield

    @asynccontextmanager
    async def held(self, *, wal: bool) -> AsyncIterator[None]:
        """No artifact is deleted while the block lasts; with ``wal``, the server forgets no WAL either."""
        async with self._database.session() as connection:
            await connection.fetchval(sql("hold_artifacts"), ARTIFACTS_LOCK)
            if wal:
                pid = await connection.fetchval("select pg_backend_pid()")
                await connection.fetch(sql("hold_wal"), f"{SLOT}_{pid}")
            yield

    @asynccontextmanager
    async def none_at_work(self) -> AsyncIterator[None]:
        """No backup is being made while the block lasts; those under way are waited for."""
        async with self._database.session() as connection:
            await connection.fetchval(sql("lock_alone"), ARTIFACTS_LOCK)
            yield

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record] | None]:
        """A session that is the only one to keep backups while the block lasts; None if another one does."""
        async with self._database.session() as connection:
            yield connection if await connection.fetchval(sql("keep_backups"), KEEPER_LOCK) else None

    async def prepare_slot(self) -> bool:
        """Let the server keep WAL for the stream; whether that begins only now."""
        row = await self._database.fetchrow(sql("wal_slot"), SLOT)
        if row is not None and row["wal_status"] != "lost":
            return False
        await self.drop_slot()
        await self._database.fetch(sql("make_wal_slot"), SLOT)
        return True

    async def drop_slot(self) -> None:
        """Keep no WAL for a stream any more."""
        await self._database.fetch(sql("drop_wal_slot"), SLOT)

    async def state(self) -> ServerState:
        """How the server is."""
        (row,) = await self._database.fetch(sql("server_state"))
        return ServerState(**dict(row))

    async def inventory(self) -> Inventory:
        """What the system holds."""
        (row,) = await self._database.fetch(sql("inventory"))
        return Inventory(**dict(row))

    async def outputs(self) -> list[Output]:
        """All artifacts that something refers to."""
        rows = await self._database.fetch(sql("stored_outputs"))
        return [Output(row["digest"], row["size"], row["form"], None) for row in rows]

    async def rows(self) -> dict[str, int]:
        """How many rows each table has; all of them are read."""
        return {row["table"]: row["rows"] for row in await self._database.fetch(sql("all_rows"))}

    async def erasures(self) -> list[Erased]:
        """All that was erased, the oldest first."""
        rows = await self._database.fetch(sql("known_erasures"))
        lists = ("workflows", "uploads")
        return [Erased(**{**dict(row), **{name: tuple(row[name]) for name in lists}}) for row in rows]

    async def erasure_count(self) -> int:
        """How many erasures there were."""
        (row,) = await self._database.fetch(sql("erasure_count"))
        return int(row["erasures"])

    async def erase_again(self, erased: Sequence[Erased]) -> int:
        """Begin the erasures that a restored system does not know; how many those are."""
        count = 0
        async with self._database.transaction() as connection:
            for each in erased:
                facts = each.id, each.kind, each.target, each.project, each.requested_by, each.requested_at
                if await connection.fetch(sql("renew_erasure"), *facts, list(each.workflows), list(each.uploads)):
                    await connection.execute(sql("cancel_erased"), list(each.workflows))
                    count += 1
        return count

    async def note(self, *facts: Any) -> None:
        """Remember what became of a backup: id, URL, start, kind, bytes, new bytes, error."""
        await self._database.fetch(sql("note_backup"), *facts)

    async def note_verification(self, url: str, backup: str) -> None:
        """Remember that a backup was restored for trial."""
        await self._database.fetch(sql("note_verification"), url, backup)

    async def times(self) -> BackupTimes:
        """When backups were made."""
        (row,) = await self._database.fetch(sql("last_backups"))
        return BackupTimes(*row)


async def ended_recovery(url: str) -> datetime | None:
    """Wait until a server has recovered; when the last transaction was committed that it has brought back by WAL.

    Raises:
        DatabaseUnavailableError: it has ended instead.
    """
    with translated(url):
        while True:
            connection = await asyncpg.connect(url, timeout=10)
            try:
                (row,) = await connection.fetch(sql("recovery"))
            finally:
                await connection.close()
            if not row["is_recovering"]:
                recovered_to: datetime | None = row["recovered_to"]
                return recovered_to
            await asyncio.sleep(POLL_S)


async def has_system(url: str) -> bool:
    """Whether a database holds a system already."""
    with translated(url):
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return bool(await connection.fetchval(sql("has_system")))
        finally:
            await connection.close()
