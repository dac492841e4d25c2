"""The first administrator: made once, with a password that is in a file, works once and must be changed."""

from __future__ import annotations

import asyncio
import fcntl
from datetime import timedelta
from typing import TYPE_CHECKING

from ...errors import AccountExistsError, NoSuchAccountError
from ...home import make_file, open_home
from ...model.audit import Entry
from ...store.accounts import Accounts, NewUser
from ...store.audit import AuditLog
from .anchors import FileAnchor
from .passwords import Hasher, one_time_password
from .tokens import now

if TYPE_CHECKING:
    from pathlib import Path

    from ...store.database import Database

LOGIN = "admin"
FILE = "first-password"
INITIAL_LIFE = timedelta(days=7)
"""How long an initial password may be used."""


async def ensure_first_administrator(database: Database, home: Path) -> Path | None:
    """Make the first administrator if there is no user yet; gives the file with their password.

    If the process dies before the user is made, the next call makes another password. Several callers make one user.
    Once they have a password of their own, the next call deletes the file.
    """
    folder = await asyncio.to_thread(open_home, home)
    lock = make_file(folder / f"{FILE}.lock")
    with lock.open("r+") as held:
        await asyncio.to_thread(fcntl.flock, held, fcntl.LOCK_EX)
        if await Accounts(database).is_empty():
            return await _make(database, folder)
        if not await _is_newcomer(database):
            (folder / FILE).unlink(missing_ok=True)
        return None


async def _is_newcomer(database: Database) -> bool:
    """Whether the first administrator has no password of their own yet."""
    try:
        view = await Accounts(database).get(await Accounts(database).find(LOGIN))
    except NoSuchAccountError:
        return False
    return view.must_change_password


async def _make(database: Database, home: Path) -> Path | None:
    password = one_time_password()
    hashed = await Hasher().hash(password)
    file = make_file(home / FILE)
    file.write_text(password + "\n", encoding="ascii")
    new = NewUser(LOGIN, hashed, now() + INITIAL_LIFE, display_name="Administrator", is_system_administrator=True)
    try:
        user_id = await Accounts(database).create(new)
    except AccountExistsError:  # Another machine was first, and has the file.
        file.unlink()
        return None
    audit = AuditLog(database)
    # An action of its own: a system that has just begun should not raise the alert that privileges were changed.
    await audit.append([Entry("user.first", object=str(user_id), details={"login": LOGIN, "by": "the first start"})])
    await FileAnchor(home).advance(audit)
    return file
