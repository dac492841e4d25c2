"""Members of projects, and invitations into them."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import Request, Response

from ...errors import AccountError, NoSuchAccountError, NotSignedInError
from ...model.access import Role
from ...model.accounts import checked_email, checked_login
from ...model.audit import Entry
from ...store.accounts import NewUser
from ..access import SystemDep, check_role
from ..acting import Acting, ActingDep, KeeperDep, PeerDep, ServicesDep, acting, pending
from ..documented import READS, WRITES
from ..identity import opaque
from ..identity.guessing import network_of
from ..identity.opaque import Purpose
from ..identity.passwords import check_password
from ..people import (
    AcceptanceBody,
    AcceptedBody,
    InvitationBody,
    InvitationsBody,
    MemberBody,
    NewInvitationBody,
    RoleBody,
    ShownInvitationBody,
)
from ..representation import CursorParameter, Limit, Page, bad_cursor, page_of, place, reply
from ..routing import Resource
from .auth import ATTEMPTS

router = Resource(tags=["members"])


@router.get(
    "/projects/{project}/members", operation_id="list_members", response_model=Page[MemberBody], responses=READS
)
async def list_members(project: str, acting: ActingDep, cursor: CursorParameter = None, limit: Limit = 50) -> Response:
    """The members of a project that the caller works for, by login."""
    check_role(acting.caller, Role.VIEWER, project)
    after = place(cursor) or ""
    if not isinstance(after, str):
        raise bad_cursor()
    views = await acting.services.accounts.members(project, after, limit)
    return reply(
        page_of([MemberBody.model_validate(view) for view in views], limit, views[-1].login if views else None)
    )


@router.put(
    "/projects/{project}/members/{user:uuid}", operation_id="put_member", status_code=HTTPStatus.NO_CONTENT,
    response_class=Response, responses=WRITES,
)  # fmt: skip
async def put_member(project: str, user: UUID, body: RoleBody, acting: KeeperDep) -> Response:
    """Change a member's role. Whoever is no member yet is invited; system administrators can add them directly."""
    former = await acting.services.accounts.role_in(project, user)
    if former is None and not acting.caller.is_system_administrator:
        raise NoSuchAccountError("there is no such member; invite them: POST /v1/projects/NAME/invitations")
    await acting.services.accounts.put_member(project, user, body.role)
    await acting.record("member.put", user, project, role=body.role, former=former or "")
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(
    "/projects/{project}/members/{user:uuid}", operation_id="drop_member", status_code=HTTPStatus.NO_CONTENT,
    response_class=Response, responses=WRITES,
)  # fmt: skip
async def drop_member(project: str, user: UUID, acting: KeeperDep) -> Response:
    """Let a member, and their keys, work for the project no longer."""
    await acting.services.accounts.drop_member(project, user)
    await acting.record("member.drop", user, project)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/projects/{project}/invitations", operation_id="list_invitations", response_model=InvitationsBody,
    responses=READS,
)  # fmt: skip
async def list_invitations(project: str, acting: KeeperDep) -> Response:
    """Invitations into a project that can still be accepted."""
    views = await acting.services.invitations.pending(project)
    return reply(InvitationsBody(items=[InvitationBody.model_validate(view) for view in views]))


@router.post(
    "/projects/{project}/invitations", operation_id="create_invitation", status_code=HTTPStatus.CREATED,
    response_model=ShownInvitationBody, responses=WRITES,
)  # fmt: skip
async def create_invitation(project: str, body: NewInvitationBody, acting: KeeperDep) -> Response:
    """Invite whoever shows the token, which is shown once. It holds as long as you manage the project."""
    token = opaque.new_secret(Purpose.INVITATION)
    life = timedelta(seconds=body.expires_in_s)
    invitation = await acting.services.invitations.create(
        opaque.stored(token), project, body.role, acting.caller.user_id, life
    )
    await acting.record("invitation.create", invitation, project, role=body.role)
    shown = ShownInvitationBody(id=invitation, project=project, role=body.role, token=token)
    return reply(shown, HTTPStatus.CREATED)


@router.delete(
    "/projects/{project}/invitations/{invitation:uuid}", operation_id="withdraw_invitation",
    status_code=HTTPStatus.NO_CONTENT, response_class=Response, responses=WRITES,
)  # fmt: skip
async def withdraw_invitation(project: str, invitation: UUID, acting: KeeperDep) -> Response:
    """Withdraw an invitation that nobody has accepted."""
    await acting.services.invitations.withdraw(project, invitation)
    await acting.record("invitation.withdraw", invitation, project)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/invitations/accept", operation_id="accept_invitation", response_model=AcceptedBody, responses=WRITES)
async def accept_invitation(body: AcceptanceBody, request: Request, system: SystemDep, peer: PeerDep) -> Response:
    """Join a project: as the caller, or with a login and a password as somebody new."""
    services = system.identity
    await services.limiter.check(f"login:{network_of(peer.address)}", ATTEMPTS)
    token = body.token.get_secret_value()
    try:
        opaque.check_form(Purpose.INVITATION, token)
    except NotSignedInError as error:
        raise NoSuchAccountError("this invitation does not hold; ask for another one") from error
    if body.login is None:
        caller = await acting(await pending(request, system, peer))
        return await _joined(caller, token)
    return await _created(body, token, request, services, peer)


async def _joined(acting: Acting, token: str) -> Response:
    user = acting.caller.user_id
    if acting.caller.session_id is None:
        raise AccountError("an API key may not do this; sign in")
    project, role = await acting.services.invitations.accept(opaque.stored(token), user)
    await acting.record("invitation.accept", user, project, role=role)
    return reply(AcceptedBody(user_id=user, project=project, role=role))


async def _created(
    body: AcceptanceBody, token: str, request: Request, services: ServicesDep, peer: PeerDep
) -> Response:
    """A new user, who chose their password themselves."""
    if body.password is None:
        raise AccountError("somebody new needs a password")
    login, email = checked_login(body.login), checked_email(body.email)
    password = body.password.get_secret_value()
    check_password(password, login, body.display_name, (email or "").partition("@")[0])
    new = NewUser(login, await services.hasher.hash(password), email=email, display_name=body.display_name)
    user, project, role = await services.invitations.accept_as(opaque.stored(token), new)
    request.state.is_recorded = True
    entry = Entry(
        "invitation.accept", actor=login, actor_id=user, object=str(user), project=project, address=peer.address,
        request_id=peer.request_id, details={"role": role},
    )  # fmt: skip
    await services.trail.record(entry)
    return reply(AcceptedBody(user_id=user, project=project, role=role))
