"""What the operator of a machine does to accounts, directly in the database: no gateway has to run."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from ...model.accounts import checked_email, checked_login
from ...model.audit import Entry
from ...store.accounts import Accounts, NewUser, Standing
from ...store.audit import AuditLog
from ...store.projects import Projects
from .anchors import FileAnchor
from .first import INITIAL_LIFE
from .passwords import Hasher, one_time_password
from .tokens import now

if TYPE_CHECKING:
    from pathlib import Path

    from ...model.access import Role
    from ...model.accounts import UserView
    from ...store.database import Database

ACTOR = "command line"
"""Who the audit log names: no login has a space in it."""


@dataclass(frozen=True, slots=True)
class InitialPassword:
    """A password that works once."""

    login: str
    password: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made."""

    login: str
    email: str | None = None
    display_name: str = ""
    is_system_administrator: bool = False
    roles: tuple[tuple[str, Role], ...] = ()
    """Projects, with the role in each."""


class Operator:
    """Manages accounts; each change is in the audit log, and anchored, when it returns."""

    def __init__(self, database: Database, home: Path) -> None:
        self._accounts, self._projects = Accounts(database), Projects(database)
        self._audit, self._anchor = AuditLog(database), FileAnchor(home)

    async def create(self, new: NewAccount) -> InitialPassword:
        """Make an account.

        Raises:
            AccountExistsError: the login is taken.
            ParameterError: login or e-mail address cannot be.
            ProjectNotFoundError: there is no such project.
        """
        login, email = checked_login(new.login), checked_email(new.email)
        for project, _ in new.roles:
            await self._projects.get(project)
        given = InitialPassword(login, one_time_password(), now() + INITIAL_LIFE)
        hashed = await Hasher().hash(given.password)
        user = await self._accounts.create(
            NewUser(login, hashed, given.expires_at, email, new.display_name, new.is_system_administrator)
        )
        await self._record("user.create", user, login)
        for project, role in new.roles:
            await self._accounts.put_member(project, user, role)
            await self._record("member.put", user, login, project, role=role)
        return given

    async def reset_password(self, login: str) -> InitialPassword:
        """Give a user a new initial password; all their sessions end.

        Raises:
            NoSuchAccountError: there is no such user.
        """
        view = await self._found(login)
        given = InitialPassword(view.login, one_time_password(), now() + INITIAL_LIFE)
        await self._accounts.set_password(view.id, await Hasher().hash(given.password), given.expires_at)
        await self._record("password.reset", view.id, view.login)
        return given

    async def disable(self, login: str) -> None:
        """Let a user in no more; all their sessions and keys end.

        Raises:
            AccountError: nobody would be left who manages the system.
            NoSuchAccountError: there is no such user.
        """
        await self._set_disabled(login, is_disabled=True)

    async def enable(self, login: str) -> None:
        """Let a user in again. Errors as in ``reset_password``."""
        await self._set_disabled(login, is_disabled=False)

    async def _set_disabled(self, login: str, *, is_disabled: bool) -> None:
        view = await self._found(login)
        standing = Standing(view.display_name, view.email, view.is_system_administrator, view.is_disabled)
        await self._accounts.update(view.id, view.version, replace(standing, is_disabled=is_disabled))
        await self._record("user.update", view.id, view.login, **{"is disabled": str(is_disabled)})

    async def _found(self, login: str) -> UserView:
        return await self._accounts.get(await self._accounts.find(login))

    async def _record(self, action: str, user: UUID, login: str, project: str = "", **details: str) -> None:
        await self.record(action, str(user), project, login=login, **details)

    async def record(self, action: str, about: str, project: str = "", **details: str) -> None:
        """Keep in the audit log what this machine's operator has done; it is anchored when this returns."""
        facts = {"operating system user": getpass.getuser()} | details
        await self._audit.append([Entry(action, actor=ACTOR, object=about, project=project, details=facts)])
        await self._anchor.advance(self._audit)
