"""Accounts: what a login may be, and what is known of users, members, sessions and keys."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ParameterError
from .access import Caller, Role

_LOGIN = re.compile(r"[\w.@+-]{1,64}")
_ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,190}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, and what their session or key allows."""

    caller: Caller
    must_change_password: bool = False
    """Until they have, nothing else is allowed."""
    signed_in_at: datetime | None = None
    """When their session began; None for a key."""


@dataclass(frozen=True, slots=True)
class UserView:
    """A user, as they and system administrators see them."""

    id: UUID
    login: str
    email: str | None
    display_name: str
    time_zone: str
    default_project: str | None
    is_system_administrator: bool
    is_disabled: bool
    must_change_password: bool
    has_password: bool
    has_totp: bool
    version: int
    """Grows with each change."""
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """A user's place in a project."""

    user_id: UUID
    login: str
    display_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session that has not ended."""

    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    idle_until: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key, without its secret."""

    id: UUID
    user_id: UUID
    login: str
    project: str
    name: str
    role: Role
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation that nobody has accepted yet."""

    id: UUID
    project: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


def canonical_login(text: str) -> str:
    """A login as it is stored and compared: case, compatibility forms and spaces around it do not matter."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def checked_login(text: Any) -> str:
    """A new login in canonical form.

    Raises:
        ParameterError: it has other characters than letters, digits and ``. _ @ + -``, or more than 64.
    """
    login = canonical_login(text) if isinstance(text, str) else ""
    if not _LOGIN.fullmatch(login):
        raise ParameterError("a login has 1 to 64 letters, digits, dots, hyphens, underscores, plus or at signs")
    return login


def checked_email(text: str | None) -> str | None:
    """An e-mail address, or None.

    Raises:
        ParameterError: it cannot be one.
    """
    if text is not None and not _ADDRESS.fullmatch(text):
        raise ParameterError(f"{text[:80]!r} is not an e-mail address")
    return text


def checked_time_zone(name: str) -> str:
    """The name of a time zone.

    Raises:
        ParameterError: no time zone has that name.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ParameterError(f"{name[:80]!r} is not a time zone; write one such as Europe/Zurich or UTC") from error
    return name
