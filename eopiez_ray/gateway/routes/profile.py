"""The caller themselves: profile, password, sessions, second factor."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from ...errors import AccountError, NotSignedInError
from ...model.accounts import checked_email, checked_time_zone
from ...store.accounts import Profile
from ..acting import ActingDep, PendingDep, PersonDep, same_version
from ..documented import READS, WRITES, answers
from ..identity import opaque, totp
from ..identity.passwords import check_password
from ..people import (
    CodesBody,
    ConfirmationBody,
    NewPasswordBody,
    ProfileBody,
    ProfileChangeBody,
    ProofBody,
    SecretBody,
    SessionBody,
    SessionsBody,
    SignedInBody,
)
from ..representation import reply
from ..routing import Resource
from .auth import proof_of, signed_in_reply
from .workflows import IfMatch

router = Resource(prefix="/users", tags=["profile"])

ProofDep = Annotated[ProofBody, Body()]


@router.get("/profile", operation_id="get_profile", response_model=ProfileBody, responses=READS)
async def get_profile(acting: ActingDep) -> Response:
    """The caller, and their role in each project."""
    view = await acting.services.accounts.get(acting.caller.user_id)
    return reply(ProfileBody.of(view, dict(acting.caller.roles)), headers={"ETag": f'"{view.version}"'})


@router.put("/profile", operation_id="update_profile", response_model=ProfileBody, responses=WRITES | answers(412, 428))
async def update_profile(body: ProfileChangeBody, acting: PersonDep, if_match: IfMatch = None) -> Response:
    """Change what you say of yourself. Another e-mail address needs your password, and your second factor."""
    view = await acting.services.accounts.get(acting.caller.user_id)
    same_version(if_match, view.version)
    if body.default_project is not None and acting.caller.role_in(body.default_project) is None:
        raise AccountError("the default project has to be one that you work for")
    if body.email != view.email:
        proof = proof_of(body.password, body.code)
        await acting.services.signing_in.confirm(acting.identity, proof, acting.peer)
    profile = Profile(
        body.display_name, checked_email(body.email), checked_time_zone(body.time_zone), body.default_project
    )
    await acting.services.accounts.update_profile(view.id, view.version, profile)
    await acting.record("profile.update", view.id)
    return await get_profile(acting)


@router.post("/profile/password", operation_id="change_password", response_model=SignedInBody, responses=WRITES)
async def change_password(body: NewPasswordBody, acting: PendingDep) -> Response:
    """Change the password. All sessions end, and the answer is a new one, of the same kind as this one."""
    services, caller = acting.services, acting.caller
    if caller.session_id is None:
        raise AccountError("an API key may not do this; sign in")
    await services.signing_in.confirm(acting.identity, proof_of(body.password, body.code), acting.peer)
    view = await services.accounts.get(caller.user_id)
    new = body.new_password.get_secret_value()
    check_password(new, view.login, view.display_name, (view.email or "").partition("@")[0])
    if new == body.password.get_secret_value():
        raise AccountError("the new password is the present one")
    await services.accounts.set_password(view.id, await services.hasher.hash(new))
    await acting.record("password.change", view.id)
    has_cookie = "authorization" not in acting.request.headers
    start = services.signing_in.start_browser if has_cookie else services.signing_in.start
    return signed_in_reply(services, await start(view.id, view.login, acting.peer))


@router.get("/sessions", operation_id="list_sessions", response_model=SessionsBody, responses=READS)
async def list_sessions(acting: PersonDep) -> Response:
    """The caller's sessions that hold."""
    views = await acting.services.sessions.of_user(acting.caller.user_id)
    bodies = [SessionBody.model_validate(view) for view in views]
    current = acting.caller.session_id
    return reply(SessionsBody(items=[body.model_copy(update={"is_current": body.id == current}) for body in bodies]))


@router.post("/sessions/end", operation_id="end_other_sessions", response_model=SessionsBody, responses=WRITES)
async def end_other_sessions(body: ProofDep, acting: PersonDep) -> Response:
    """End all sessions but this one. Needs your password."""
    await acting.services.signing_in.confirm_password(acting.identity, proof_of(body.password, None), acting.peer)
    await acting.services.sessions.end_all(acting.caller.user_id, acting.caller.session_id)
    await acting.record("session.end_others", acting.caller.user_id)
    return await list_sessions(acting)


@router.delete(
    "/sessions/{session:uuid}", operation_id="end_session", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def end_session(session: UUID, body: ProofDep, acting: PersonDep) -> Response:
    """End one of your sessions. Needs your password."""
    await acting.services.signing_in.confirm_password(acting.identity, proof_of(body.password, None), acting.peer)
    await acting.services.sessions.end(session, acting.caller.user_id)
    await acting.record("session.end", session)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/profile/totp", operation_id="propose_totp", response_model=SecretBody, responses=WRITES)
async def propose_totp(body: ProofDep, acting: PersonDep) -> Response:
    """Begin to set up a second factor. It is asked for once a code has confirmed it. Needs your password."""
    await acting.services.signing_in.confirm_password(acting.identity, proof_of(body.password, None), acting.peer)
    secret = totp.new_secret()
    stored = acting.services.seal.close(secret, str(acting.caller.user_id))
    await acting.services.factors.propose(acting.caller.user_id, stored)
    await acting.record("totp.propose", acting.caller.user_id)
    return reply(SecretBody(secret=secret, address=totp.address(secret, acting.caller.name)))


@router.post("/profile/totp/confirm", operation_id="confirm_totp", response_model=CodesBody, responses=WRITES)
async def confirm_totp(body: ConfirmationBody, acting: PersonDep) -> Response:
    """Confirm the second factor by a code. It is asked for from now on; recovery codes are shown once."""
    user_id, factors = acting.caller.user_id, acting.services.factors
    stored = await factors.proposed(user_id)
    secret = stored and acting.services.seal.open(stored, str(user_id))
    step = secret and totp.step_of(secret, body.code.get_secret_value(), time.time())
    codes = opaque.recovery_codes()
    if not stored or not step:
        raise NotSignedInError("the code does not match; is the phone's clock right?")
    if not await factors.confirm(user_id, stored, step, [opaque.stored_code(code) for code in codes]):
        raise AccountError("the second factor was changed meanwhile; begin again")
    await acting.record("totp.confirm", user_id)
    return reply(CodesBody(codes=codes))


@router.delete(
    "/profile/totp", operation_id="remove_totp", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def remove_totp(body: ProofDep, acting: PersonDep) -> Response:
    """Remove the second factor. Needs your password, and a code or recovery code; all other sessions end."""
    await acting.services.signing_in.confirm(acting.identity, proof_of(body.password, body.code), acting.peer)
    await acting.services.factors.drop(acting.caller.user_id)
    await acting.services.sessions.end_all(acting.caller.user_id, acting.caller.session_id)
    await acting.record("totp.remove", acting.caller.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/profile/recovery-codes", operation_id="renew_recovery_codes", response_model=CodesBody, responses=WRITES)
async def renew_recovery_codes(body: ProofDep, acting: PersonDep) -> Response:
    """New recovery codes in place of the old ones. Needs your password, and a code."""
    view = await acting.services.accounts.get(acting.caller.user_id)
    if not view.has_totp:
        raise AccountError("there is no second factor to recover; set one up first")
    await acting.services.signing_in.confirm(acting.identity, proof_of(body.password, body.code), acting.peer)
    codes = opaque.recovery_codes()
    await acting.services.factors.renew_codes(view.id, [opaque.stored_code(code) for code in codes])
    await acting.record("recovery_codes.renew", view.id)
    return reply(CodesBody(codes=codes))
