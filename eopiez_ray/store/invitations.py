"""Invitations into projects: whoever shows the token joins, once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import AccountExistsError, NoSuchAccountError
from ..model.access import Role
from ..model.accounts import InvitationView
from ..model.ids import uuid7
from .queries import sql

if TYPE_CHECKING:
    from .accounts import NewUser
    from .database import Connection, Database


class Invitations:
    """Makes invitations and lets people accept them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token: bytes, project: str, role: Role, created_by: UUID, lifetime: timedelta) -> UUID:
        """Invite whoever will show the token, of which only the hash is given."""
        invitation = uuid7()
        await self._database.fetch(sql("invite"), invitation, token, project, role, created_by, lifetime)
        return invitation

    async def pending(self, project: str) -> list[InvitationView]:
        """Those that can still be accepted."""
        rows = await self._database.fetch(sql("invitations"), project)
        return [InvitationView(**dict(row) | {"role": Role(row["role"])}) for row in rows]

    async def withdraw(self, project: str, invitation: UUID) -> None:
        """Withdraw one.

        Raises:
            NoSuchAccountError: there is none, or it was accepted.
        """
        if not await self._database.fetch(sql("withdraw_invitation"), project, invitation):
            raise NoSuchAccountError("there is no such invitation here")

    async def accept(self, token: bytes, user_id: UUID) -> tuple[str, Role]:
        """Let a user join; gives the project and the role.

        Raises:
            NoSuchAccountError: the invitation does not hold.
        """
        async with self._database.transaction() as connection:
            return await _accept(connection, token, user_id)

    async def accept_as(self, token: bytes, new: NewUser) -> tuple[UUID, str, Role]:
        """Let somebody new join, in one transaction; gives their id, the project and the role.

        Raises:
            AccountExistsError: the login is taken.
            NoSuchAccountError: the invitation does not hold.
        """
        user_id = uuid7()
        async with self._database.transaction() as connection:
            made = await connection.fetch(
                sql("create_user"), user_id, new.login, new.email, new.display_name, new.password, False, None, False,
                None, None,
            )  # fmt: skip
            # The token first: who has none learns nothing about logins.
            project, role = await _accept(connection, token, user_id if made else None)
            if not made:
                raise AccountExistsError(f"there is a user {new.login!r} already; choose another login, or sign in")
            return user_id, project, role


async def _accept(connection: Connection, token: bytes, user_id: UUID | None) -> tuple[str, Role]:
    row = await connection.fetchrow(sql("pending_invitation"), token)
    if row is None:
        raise NoSuchAccountError("this invitation does not hold; ask for another one")
    if user_id is not None:
        await connection.execute(sql("accept_invitation"), row["id"], user_id)
        await connection.execute(sql("join_project"), user_id, row["project"], row["role"])
    return row["project"], Role(row["role"])
