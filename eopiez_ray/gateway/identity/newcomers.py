"""Who comes from an identity provider: known by issuer and subject alone, never by a name or an address."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from ...errors import AccountExistsError, NotSignedInError
from ...model.accounts import canonical_login
from ...store.accounts import NewUser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...store.accounts import Accounts
    from .openid import Subject
    from .peers import Peer
    from .trail import Trail

TRIES = 9
_OTHER = re.compile(r"[^\w.@+-]+")


class Newcomers:
    """Finds the user whom a provider knows, or makes one without any role."""

    def __init__(self, accounts: Accounts, trail: Trail, *, makes_users: bool) -> None:
        self._accounts, self._trail, self._makes_users = accounts, trail, makes_users

    async def found(self, subject: Subject, peer: Peer) -> tuple[UUID, str]:
        """Id and login of the user.

        Raises:
            NotSignedInError: they are disabled, or unknown here and nobody is made.
        """
        known = await self._accounts.by_subject(subject.issuer, subject.subject)
        if known is None and self._makes_users:
            await self._make(subject, peer)
            known = await self._accounts.by_subject(subject.issuer, subject.subject)
        if known is None or known[2] or await self._accounts.admit(known[0]) is None:
            raise NotSignedInError("this account may not sign in here; ask an administrator")
        return known[0], known[1]

    async def _make(self, subject: Subject, peer: Peer) -> None:
        """Make the user, under the first login that is free. Somebody else may be making them: then nothing is done."""
        for login in _logins(subject.login):
            new = NewUser(
                login, email=subject.email, display_name=subject.display_name[:100], issuer=subject.issuer,
                subject=subject.subject,
            )  # fmt: skip
            try:
                user = await self._accounts.create(new)
            except AccountExistsError:
                if await self._accounts.by_subject(subject.issuer, subject.subject) is not None:
                    return
                continue
            facts = {"login": login, "by": subject.issuer}
            await self._trail.record(replace(peer.entry("user.create", login, user, str(user)), details=facts))
            return


def _logins(wanted: str) -> Iterator[str]:
    """Logins to try: the one wanted, with a number, and at last a random one."""
    login = _OTHER.sub("-", canonical_login(wanted)).strip("-")[:50] or "user"
    yield login
    yield from (f"{login}-{number}" for number in range(2, TRIES + 1))
    yield f"user-{uuid4().hex[:12]}"
