"""The data keys as operators handle them: listed, rotated, wrapped again, destroyed."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..encryption.keys import KEY_BYTES
from ..encryption.masters import Wrapped
from ..encryption.texts import MARK
from ..errors import MasterKeyError, ProjectBusyError
from ..model.ids import uuid7
from .queries import sql

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ..encryption.masters import Encryption, MasterKeys
    from .database import Database


@dataclass(frozen=True, slots=True)
class DataKeyView:
    """A data key."""

    id: UUID
    project: str
    """Empty for what is the system's own."""
    master: str
    """The master key that has wrapped it."""
    created_at: datetime
    retired_at: datetime | None
    """Since when it encrypts nothing any more."""
    destroyed_at: datetime | None
    """Since when nobody can read what it has encrypted."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a kind of data is encrypted, in one project."""

    kind: str
    project: str
    sealed: int
    """Rows, as are plain ones."""
    plain: int


class DataKeys:
    """Handles the data keys. What it changes, other processes see within seconds."""

    def __init__(self, database: Database, encryption: Encryption) -> None:
        self._database, self._encryption = database, encryption

    async def all(self) -> list[DataKeyView]:
        """All keys that there are or were, by project, the newest first."""
        return [DataKeyView(**dict(row)) for row in await self._database.fetch(sql("data_keys"))]

    async def shares(self) -> list[Share]:
        """How much is encrypted, by kind and project. It reads all rows."""
        return [Share(**dict(row)) for row in await self._database.fetch(sql("encrypted_shares"), MARK)]

    async def rotate(self, project: str) -> UUID:
        """Give a project a new key for what is written from now on; gives its id. What older keys have encrypted stays
        readable.

        Raises:
            MasterKeyError: there is no master key to wrap it.
        """
        key = uuid7()
        wrapped = await asyncio.to_thread(self._masters().wrap, os.urandom(KEY_BYTES), str(key))
        async with self._database.transaction() as connection:
            await connection.execute(sql("retire_data_key"), project)
            await connection.execute(sql("add_data_key"), key, project, *wrapped)
        self._database.vault.look_again()
        return key

    async def rewrap(self) -> int:
        """Wrap all keys again that another master key than the current one has wrapped; gives how many. The old master
        key is not needed afterwards, except by backups.

        Raises:
            MasterKeyError: a master key is missing.
        """
        masters = self._masters()
        current = await asyncio.to_thread(masters.current)
        async with self._database.transaction() as connection:
            rows = await connection.fetch(sql("data_keys_under_others"), current)
            for row in rows:
                old, place = Wrapped(row["master"], row["wrapped"]), str(row["id"])
                secret = await asyncio.to_thread(masters.unwrap, old, place)
                new = await asyncio.to_thread(masters.wrap, secret, place)
                await connection.execute(sql("rewrap_data_key"), row["id"], *new)
        return len(rows)

    async def destroy(self, project: str) -> int:
        """Destroy all keys of a project, so that nobody can read what they have encrypted, ever; gives how many.

        Raises:
            ProjectBusyError: it has workflows that are under way or may go on.
        """
        async with self._database.transaction() as connection:
            # New workflows wait until this ends, and then encrypt with a new key.
            await connection.execute("lock table workflows in share row exclusive mode")
            if await connection.fetchval(sql("is_project_at_work"), project):
                raise ProjectBusyError(project)
            destroyed = await connection.fetch(sql("destroy_data_keys"), project)
            await connection.execute(sql("forget_sealed_code"), project)
        self._database.vault.look_again()
        return len(destroyed)

    def _masters(self) -> MasterKeys:
        if self._encryption.masters is None:
            raise MasterKeyError(
                "no master keys are given; set EOPIEZ_ENCRYPTION_KEY_FILE, EOPIEZ_ENCRYPTION_KEYS or "
                "EOPIEZ_ENCRYPTION_COMMAND"
            )
        return self._encryption.masters
