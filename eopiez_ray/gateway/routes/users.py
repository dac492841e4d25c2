"""Users, as system administrators manage them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from ...model.accounts import checked_email, checked_login
from ...store.accounts import NewUser, Standing
from ..acting import Acting, AdministratorDep, same_version
from ..documented import READS, WRITES, answers
from ..identity.first import INITIAL_LIFE
from ..identity.passwords import one_time_password
from ..identity.tokens import now
from ..people import InitialPasswordBody, NewUserBody, StandingBody, UserBody
from ..representation import CursorParameter, Limit, Page, bad_cursor, page_of, place, reply
from ..routing import Resource
from .workflows import IfMatch

router = Resource(prefix="/users", tags=["users"])


@router.get("", operation_id="list_users", response_model=Page[UserBody], responses=READS)
async def list_users(
    acting: AdministratorDep,
    text: Annotated[str, Query(max_length=100, description="In the login or name.")] = "",
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Users by login."""
    after = place(cursor) or ""
    if not isinstance(after, str):
        raise bad_cursor()
    views = await acting.services.accounts.page(after, text, limit)
    return reply(page_of([UserBody.model_validate(view) for view in views], limit, views[-1].login if views else None))


@router.post(
    "", operation_id="create_user", status_code=HTTPStatus.CREATED, response_model=InitialPasswordBody, responses=WRITES
)
async def create_user(body: NewUserBody, acting: AdministratorDep) -> Response:
    """Create a user, with a password that works once and has to be changed then. It is shown once."""
    login, email = checked_login(body.login), checked_email(body.email)
    password, expires_at = one_time_password(), now() + INITIAL_LIFE
    hashed = await acting.services.hasher.hash(password)
    new = NewUser(login, hashed, expires_at, email, body.display_name, body.is_system_administrator)
    user = await acting.services.accounts.create(new)
    await acting.record("user.create", user, login=login)
    shown = InitialPasswordBody(id=user, login=login, password=password, expires_at=expires_at)
    return reply(shown, HTTPStatus.CREATED, {"Location": f"/v1/users/{user}"})


@router.get("/{user:uuid}", operation_id="get_user", response_model=UserBody, responses=READS)
async def get_user(user: UUID, acting: AdministratorDep) -> Response:
    """One user."""
    return await _shown(user, acting)


@router.put("/{user:uuid}", operation_id="update_user", response_model=UserBody, responses=WRITES | answers(412, 428))
async def update_user(user: UUID, body: StandingBody, acting: AdministratorDep, if_match: IfMatch = None) -> Response:
    """Change a user. All sessions and keys of whoever is disabled end with this request."""
    view = await acting.services.accounts.get(user)
    same_version(if_match, view.version)
    standing = Standing(body.display_name, checked_email(body.email), body.is_system_administrator, body.is_disabled)
    await acting.services.accounts.update(user, view.version, standing)
    facts = {"is disabled": str(body.is_disabled), "is system administrator": str(body.is_system_administrator)}
    await acting.record("user.update", user, login=view.login, **facts)
    return await _shown(user, acting)


@router.post(
    "/{user:uuid}/password-reset", operation_id="reset_password", response_model=InitialPasswordBody, responses=WRITES
)
async def reset_password(user: UUID, acting: AdministratorDep) -> Response:
    """Give a user a new initial password, shown once; all their sessions end. The second factor stays."""
    view = await acting.services.accounts.get(user)
    password, expires_at = one_time_password(), now() + INITIAL_LIFE
    hashed = await acting.services.hasher.hash(password)
    await acting.services.accounts.set_password(user, hashed, expires_at)
    await acting.record("password.reset", user, login=view.login)
    return reply(InitialPasswordBody(id=user, login=view.login, password=password, expires_at=expires_at))


@router.delete(
    "/{user:uuid}/sessions", operation_id="end_sessions_of_user", status_code=HTTPStatus.NO_CONTENT,
    response_class=Response, responses=WRITES,
)  # fmt: skip
async def end_sessions_of_user(user: UUID, acting: AdministratorDep) -> Response:
    """End all sessions of a user."""
    view = await acting.services.accounts.get(user)
    await acting.services.sessions.end_all(user)
    await acting.record("session.end_all", user, login=view.login)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(
    "/{user:uuid}/totp", operation_id="remove_totp_of_user", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def remove_totp_of_user(user: UUID, acting: AdministratorDep) -> Response:
    """Remove the second factor of a user who has lost it; all their sessions end."""
    view = await acting.services.accounts.get(user)
    await acting.services.factors.drop(user)
    await acting.services.sessions.end_all(user)
    await acting.record("totp.remove", user, login=view.login)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _shown(user: UUID, acting: Acting) -> Response:
    view = await acting.services.accounts.get(user)
    return reply(UserBody.model_validate(view), headers={"ETag": f'"{view.version}"'})
