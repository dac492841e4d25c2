"""Users, their passwords, and their places in projects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import AccountError, AccountExistsError, ChangedMeanwhileError, NoSuchAccountError
from ..model.access import Role
from ..model.accounts import Member, UserView, canonical_login
from ..model.ids import uuid7
from .queries import sql

if TYPE_CHECKING:
    from .database import Database


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against."""

    user_id: UUID
    login: str
    email: str | None
    display_name: str
    password: str | None = field(repr=False)
    """Its hash; None if the user has none."""
    is_barred: bool
    """Disabled, or with an initial password that was used or has expired."""
    totp_secret: str | None = field(repr=False)
    """None if there is no second factor."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be created."""

    login: str
    """In canonical form."""
    password: str | None = field(default=None, repr=False)
    """Its hash."""
    password_expires_at: datetime | None = None
    """For an initial password, which has to be changed."""
    email: str | None = None
    display_name: str = ""
    is_system_administrator: bool = False
    issuer: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What users say of themselves."""

    display_name: str
    email: str | None
    time_zone: str
    default_project: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What system administrators decide of a user."""

    display_name: str
    email: str | None
    is_system_administrator: bool
    is_disabled: bool


class Accounts:
    """Reads and changes users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewUser) -> UUID:
        """Create a user.

        Raises:
            AccountExistsError: the login is taken.
        """
        user_id = uuid7()
        row = await self._database.fetchrow(
            sql("create_user"), user_id, new.login, new.email, new.display_name, new.password,
            new.password_expires_at is not None, new.password_expires_at, new.is_system_administrator, new.issuer,
            new.subject,
        )  # fmt: skip
        if row is None:
            raise AccountExistsError(f"there is a user {new.login!r} already")
        return user_id

    async def is_empty(self) -> bool:
        """Whether there is no user yet."""
        row = await self._database.fetchrow(sql("has_users"))
        return row is not None and not row["has_users"]

    async def get(self, user_id: UUID) -> UserView:
        """A user.

        Raises:
            NoSuchAccountError: there is none.
        """
        row = await self._database.fetchrow(sql("user"), user_id)
        if row is None:
            raise _nobody()
        return UserView(**dict(row))

    async def find(self, login: str) -> UUID:
        """The id of a user. Errors as in ``get``."""
        row = await self._database.fetchrow(sql("user_by_login"), canonical_login(login))
        if row is None:
            raise NoSuchAccountError(f"there is no user {login[:80]!r}; `eopiez users list` shows who there is")
        return UUID(str(row["id"]))

    async def by_subject(self, issuer: str, subject: str) -> tuple[UUID, str, bool] | None:
        """Id, login, and whether disabled, of the user whom an identity provider knows by that subject."""
        row = await self._database.fetchrow(sql("user_by_subject"), issuer, subject)
        return None if row is None else (row["id"], row["login"], row["is_disabled"])

    async def page(self, after: str = "", text: str = "", limit: int = 100) -> list[UserView]:
        """Users by login after one, those whose login or name contains a text."""
        rows = await self._database.fetch(sql("users"), after, text.casefold(), limit)
        return [UserView(**dict(row)) for row in rows]

    async def credentials(self, login: str) -> Credentials | None:
        """What a sign-in by that login is checked against; None if there is no such user."""
        return _credentials(await self._database.fetchrow(sql("credentials"), login))

    async def credentials_of(self, user_id: UUID) -> Credentials | None:
        """The same for a user who is signed in."""
        return _credentials(await self._database.fetchrow(sql("credentials_of"), user_id))

    async def admit(self, user_id: UUID) -> bool | None:
        """Record a sign-in; gives whether the password must be changed, or None if they may not sign in any more.

        An initial password admits once: of two sign-ins at the same moment, one.
        """
        row = await self._database.fetchrow(sql("admit"), user_id)
        return None if row is None else bool(row["must_change_password"])

    async def set_password(
        self, user_id: UUID, hashed: str, expires_at: datetime | None = None, keep: UUID | None = None
    ) -> None:
        """Set a password, and end all sessions but one, in one transaction.

        Args:
            user_id: whose.
            hashed: its hash.
            expires_at: for an initial password, which has to be changed by then.
            keep: the session that goes on.

        Raises:
            NoSuchAccountError: there is no such user.
        """
        async with self._database.transaction() as connection:
            if not await connection.fetch(sql("set_password"), user_id, hashed, expires_at):
                raise _nobody()
            await connection.execute(sql("end_sessions"), user_id, keep)

    async def update_profile(self, user_id: UUID, version: int, profile: Profile) -> None:
        """Change what users say of themselves.

        Raises:
            ChangedMeanwhileError: it has changed since that version.
        """
        facts = (profile.display_name, profile.email, profile.time_zone, profile.default_project)
        if not await self._database.fetch(sql("update_profile"), user_id, version, *facts):
            raise _changed()

    async def update(self, user_id: UUID, version: int, standing: Standing) -> None:
        """Change what system administrators decide; all sessions of whoever is disabled end.

        Raises:
            AccountError: nobody who manages the system would be left.
            ChangedMeanwhileError: it has changed since that version.
        """
        async with self._database.transaction() as connection:
            leaves = standing.is_disabled or not standing.is_system_administrator
            administrators = {row["id"] for row in await connection.fetch(sql("lock_administrators"))}
            if leaves and administrators == {user_id}:
                raise AccountError("this is the only system administrator; name another one before")
            facts = (
                standing.display_name, standing.email, standing.is_system_administrator, standing.is_disabled
            )  # fmt: skip
            if not await connection.fetch(sql("update_user"), user_id, version, *facts):
                raise _changed()
            if standing.is_disabled:
                await connection.execute(sql("end_sessions"), user_id, None)

    async def members(self, project: str, after: str = "", limit: int = 100) -> list[Member]:
        """Members of a project by login, after one."""
        rows = await self._database.fetch(sql("members"), project, after, limit)
        return [Member(row["user_id"], row["login"], row["display_name"], Role(row["role"])) for row in rows]

    async def role_in(self, project: str, user_id: UUID) -> Role | None:
        """A user's role in a project; None if they are no member."""
        row = await self._database.fetchrow(sql("role_of_member"), project, user_id)
        return None if row is None else Role(row["role"])

    async def put_member(self, project: str, user_id: UUID, role: Role) -> None:
        """Give a user a role in a project, in place of any other.

        Raises:
            NoSuchAccountError: there is no such user or project.
        """
        if not await self._database.fetch(sql("put_member"), project, user_id, role):
            raise _nobody()

    async def drop_member(self, project: str, user_id: UUID) -> None:
        """Let a user work for a project no longer.

        Raises:
            NoSuchAccountError: they do not.
        """
        if not await self._database.fetch(sql("drop_member"), project, user_id):
            raise _nobody()


def _credentials(row: Any) -> Credentials | None:
    if row is None:
        return None
    facts = dict(row)
    return Credentials(user_id=facts.pop("id"), **facts)


def _nobody() -> NoSuchAccountError:
    return NoSuchAccountError("there is no such user here")


def _changed() -> ChangedMeanwhileError:
    return ChangedMeanwhileError("it was changed since you read it; read it again, and repeat your change")
