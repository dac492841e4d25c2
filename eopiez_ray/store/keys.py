"""API keys, and the keys that sign tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import AccountExistsError, NoSuchAccountError
from ..model.access import Caller, Role
from ..model.accounts import Identity, KeyView
from ..model.ids import uuid7
from .gathered import Gathered
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from .database import Database


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key to be created."""

    user_id: UUID
    project: str
    name: str
    role: Role
    secret: bytes
    """Its hash."""
    prefix: str
    expires_at: datetime | None


class Keys:
    """Makes, finds and revokes API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewKey) -> UUID:
        """Create a key.

        Raises:
            AccountExistsError: the user has a key of that name in the project.
        """
        key = uuid7()
        facts = (new.user_id, new.project, new.name, new.role, new.secret, new.prefix, new.expires_at)
        if not await self._database.fetch(sql("create_key"), key, *facts):
            raise AccountExistsError(f"you have a key {new.name!r} in project {new.project!r} already")
        return key

    def identities(self) -> Gathered[bytes, Identity]:
        """Looks up who keys, given by their hashes, belong to; nobody if one does not hold.

        A key may do what its own role may, and never more than its owner may at this moment.
        """

        async def read(secrets: Collection[bytes]) -> dict[bytes, Identity]:
            rows = await self._database.fetch(sql("identities_of_keys"), list(secrets))
            found = {bytes(row["secret"]): _identity(dict(row)) for row in rows}
            return {secret: identity for secret, identity in found.items() if identity is not None}

        return Gathered(read)

    async def page(
        self, user_id: UUID, projects: Collection[str] = (), after: UUID | None = None, limit: int = 100
    ) -> list[KeyView]:
        """Keys of a user, and all those of some projects, oldest first, after one."""
        rows = await self._database.fetch(sql("keys"), user_id, list(projects), after, limit)
        return [KeyView(**dict(row) | {"role": Role(row["role"])}) for row in rows]

    async def revoke(self, key: UUID, user_id: UUID, projects: Collection[str] = ()) -> tuple[str, str]:
        """Let a key of the user, or of some projects, hold no longer; gives its project and name.

        Raises:
            NoSuchAccountError: there is no such key.
        """
        row = await self._database.fetchrow(sql("revoke_key"), key, user_id, list(projects))
        if row is None:
            raise NoSuchAccountError("there is no such key here")
        return row["project"], row["name"]


class SigningKeys:
    """Keys that sign tokens, rotated by time. A pair is given and kept as (kid, private, public)."""

    def __init__(self, database: Database, life: timedelta, token_life: timedelta) -> None:
        self._database, self._life, self._token_life = database, life, token_life

    async def current(self, make: Callable[[], tuple[str, bytes, bytes]]) -> tuple[str, bytes, bytes]:
        """The key that signs now; if that is too old, another is made, once for all replicas."""
        row = await self._database.fetchrow(sql("current_signing_key"), self._life)
        return await self._rotated(make) if row is None else tuple(row)

    async def rotate(self, make: Callable[[], tuple[str, bytes, bytes]]) -> tuple[str, bytes, bytes]:
        """Sign with another key from now on. Tokens that were signed before hold until they expire."""
        async with self._database.transaction() as connection:
            pair = make()
            await connection.execute(sql("retire_signing_keys"))
            await connection.execute(sql("add_signing_key"), *pair)
            return pair

    async def public(self, kid: str) -> bytes | None:
        """The public part of a key that verifies."""
        row = await self._database.fetchrow(sql("public_key"), kid, self._token_life)
        return None if row is None else bytes(row["public_key"])

    async def all_public(self) -> list[tuple[str, bytes]]:
        """All keys that verify, each by its ``kid``."""
        rows = await self._database.fetch(sql("public_keys"), self._token_life)
        return [(row["kid"], bytes(row["public_key"])) for row in rows]

    async def _rotated(self, make: Callable[[], tuple[str, bytes, bytes]]) -> tuple[str, bytes, bytes]:
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_signing_keys"))
            row = await connection.fetchrow(sql("current_signing_key"), self._life)
            if row is not None:
                return tuple(row)
            pair = make()
            await connection.execute(sql("retire_signing_keys"))
            await connection.execute(sql("add_signing_key"), *pair)
            return pair


def _identity(row: Mapping[str, Any]) -> Identity | None:
    held = Role.ADMINISTRATOR if row["is_system_administrator"] else row["held"] and Role(row["held"])
    if not held:
        return None
    role = min(Role(row["role"]), held, key=lambda each: each.rank)
    name = f"{row['login']}/{row['key_name']}"
    return Identity(Caller(row["user_id"], name, {row["project"]: role}, key_id=row["key_id"]))
