"""Who acts, and from where: what the endpoints of accounts need, and what the audit log keeps."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from ..errors import ForbiddenError, PasswordChangeNeededError
from ..model.access import Caller, Role
from ..model.accounts import Identity
from ..model.audit import Entry
from .access import SystemDep, check_role
from .bounding import count_caller
from .identity.peers import Peer, peer_of
from .identity.services import IdentityServices
from .problems import Problem


async def services_of(system: SystemDep) -> IdentityServices:
    """Accounts, sessions, keys and the audit trail."""
    return system.identity


ServicesDep = Annotated[IdentityServices, Depends(services_of)]


async def peer(request: Request) -> Peer:
    """Where the request comes from."""
    return peer_of(request)


PeerDep = Annotated[Peer, Depends(peer)]


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts on accounts."""

    identity: Identity
    peer: Peer
    services: IdentityServices
    request: Request

    @property
    def caller(self) -> Caller:
        """Who they are."""
        return self.identity.caller

    async def record(self, action: str, about: object = "", project: str = "", **details: str) -> None:
        """Write to the audit log what they have done; it is durable when this returns."""
        entry = Entry(
            action, actor=self.caller.name, actor_id=self.caller.user_id, object=str(about), project=project,
            address=self.peer.address, request_id=self.peer.request_id, details=details,
        )  # fmt: skip
        self.request.state.is_recorded = True
        await self.services.trail.record(entry)


async def pending(request: Request, system: SystemDep, peer: PeerDep) -> Acting:
    """Somebody known, even if they have to change their password first."""
    identity = await system.identity.authenticator.identity(request)
    request.state.caller = identity.caller
    await count_caller(request, system, identity.caller)
    return Acting(identity, peer, system.identity, request)


PendingDep = Annotated[Acting, Depends(pending)]


async def acting(pending: PendingDep) -> Acting:
    """Somebody known.

    Raises:
        PasswordChangeNeededError: they have to change their password first.
    """
    if pending.identity.must_change_password:
        raise PasswordChangeNeededError("change your initial password first: POST /v1/users/profile/password")
    return pending


ActingDep = Annotated[Acting, Depends(acting)]


async def person(acting: ActingDep) -> Acting:
    """Somebody with a session of their own: a key may not change accounts, lest who finds one keeps the account.

    Raises:
        ForbiddenError: it is a key.
    """
    if acting.caller.session_id is None:
        raise ForbiddenError("an API key may not do this; sign in")
    return acting


PersonDep = Annotated[Acting, Depends(person)]


async def administrator(person: PersonDep) -> Acting:
    """Somebody who manages the system.

    Raises:
        ForbiddenError: they do not.
    """
    if not person.caller.is_system_administrator:
        raise ForbiddenError("only system administrators may do this")
    return person


AdministratorDep = Annotated[Acting, Depends(administrator)]


async def keeper(project: str, person: PersonDep) -> Acting:
    """Somebody who manages the project in the path.

    Raises:
        Problem: they do not, or there is no such project that they can see.
    """
    check_role(person.caller, Role.ADMINISTRATOR, project)
    return person


KeeperDep = Annotated[Acting, Depends(keeper)]


def same_version(if_match: str | None, version: int) -> None:
    """Check that a change is based on the version that holds.

    Raises:
        Problem: none was named, or another one.
    """
    if if_match is None:
        hint = "get it, and send its ETag as If-Match"
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "version-missing", "the change names no version", hint)
    if f'"{version}"' not in [part.strip() for part in if_match.split(",")] and if_match.strip() != "*":
        hint = "get it again, and repeat the change with its ETag"
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", "it has changed since you read it", hint)
