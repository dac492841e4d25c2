"""Sessions and refresh tokens, and who a session or key belongs to: one statement for each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import NoSuchAccountError
from ..model.access import Caller, Role
from ..model.accounts import Identity, SessionView
from ..model.ids import uuid7
from .gathered import Gathered
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .database import Database

MOST = 50
"""Sessions of one user at once; of more, the oldest end (ASVS 7.1.2)."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be started."""

    user_id: UUID
    idle: timedelta
    """How long it holds without a request."""
    lifetime: timedelta
    """How long it holds at most."""
    cookie: bytes | None = None
    """The hash of a browser's cookie."""
    user_agent: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a refresh token led to."""

    session_id: UUID
    user_id: UUID
    login: str
    must_change_password: bool = False
    is_reused: bool = False
    """It had been used before, so somebody has a copy: its session has ended."""


class Sessions:
    """Starts, finds and ends sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, new: NewSession, refresh_token: bytes | None = None) -> tuple[UUID, datetime]:
        """Start a session, with the hash of its first refresh token; gives its id and its absolute limit."""
        session = uuid7()
        async with self._database.transaction() as connection:
            expires_at = await connection.fetchval(
                sql("start_session"), session, new.user_id, new.cookie, new.user_agent, new.address, new.idle,
                new.lifetime, MOST - 1,
            )  # fmt: skip
            if refresh_token is not None:
                await connection.execute(sql("add_refresh_token"), refresh_token, session)
        return session, expires_at

    def identities(self, idle: timedelta, token_life: timedelta) -> Gathered[tuple[UUID, str], Identity]:
        """Looks up who sessions belong to, with their roles now; nobody if one does not hold, or its key does not.

        Its keys are the session and the ``kid`` of the key that signed its token.
        """

        async def read(asked: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Identity]:
            sessions, kids = zip(*asked, strict=True)
            rows = await self._database.fetch(sql("identities_of_sessions"), sessions, kids, idle, token_life)
            return {(row["session_id"], row["kid"]): _identity(dict(row)) for row in rows}

        return Gathered(read)

    def identities_by_cookie(self, idle: timedelta) -> Gathered[bytes, Identity]:
        """The same by the hash of a browser's cookie."""

        async def read(cookies: Collection[bytes]) -> dict[bytes, Identity]:
            rows = await self._database.fetch(sql("identities_of_cookies"), list(cookies), idle)
            return {bytes(row["cookie"]): _identity(dict(row)) for row in rows}

        return Gathered(read)

    async def of_user(self, user_id: UUID) -> list[SessionView]:
        """A user's sessions that hold, the newest first."""
        return [SessionView(**dict(row)) for row in await self._database.fetch(sql("sessions"), user_id)]

    async def end(self, session: UUID, user_id: UUID) -> None:
        """End a user's session; nothing that belongs to it holds any more, on any replica.

        Raises:
            NoSuchAccountError: the user has no such session.
        """
        if not await self._database.fetch(sql("end_session"), session, user_id):
            raise NoSuchAccountError("you have no such session")

    async def end_all(self, user_id: UUID, keep: UUID | None = None) -> int:
        """End all sessions of a user but one; gives how many."""
        return len(await self._database.fetch(sql("end_sessions"), user_id, keep))

    async def refresh(self, token: bytes, following: bytes, idle: timedelta) -> Renewal | None:
        """Use a refresh token for the next one, in one transaction; None if it does not hold.

        A token that was used before ends its session: either its owner or a thief has used a copy of it.
        """
        async with self._database.transaction() as connection:
            session = await connection.fetchval(sql("use_refresh_token"), token)
            if session is None:
                row = await connection.fetchrow(sql("session_of_refresh_token"), token)
                if row is None:
                    return None
                await connection.execute(sql("end_session"), row["session_id"], row["user_id"])
                return Renewal(row["session_id"], row["user_id"], row["login"], is_reused=True)
            row = await connection.fetchrow(sql("renew_session"), session, idle)
            if row is None:
                return None
            await connection.execute(sql("add_refresh_token"), following, session)
            return Renewal(session, row["user_id"], row["login"], row["must_change_password"])

    async def forget(self) -> None:
        """Forget sessions that ended long ago."""
        await self._database.fetch(sql("forget_sessions"))


def _identity(row: Mapping[str, Any]) -> Identity:
    caller = Caller(
        user_id=row["user_id"],
        name=row["login"],
        roles={project: Role(role) for project, role in row["roles"].items()},
        is_system_administrator=row["is_system_administrator"],
        session_id=row["session_id"],
    )
    return Identity(caller, row["must_change_password"], row["signed_in_at"])
