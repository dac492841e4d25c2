"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import Request, Response

from ..acting import PeerDep, PendingDep, ServicesDep
from ..documented import READS, WRITES, answers
from ..identity.authenticator import COOKIE
from ..identity.guessing import network_of
from ..identity.limiter import Rate
from ..identity.origins import check_origin
from ..identity.signing_in import Proof
from ..identity.tokens import key_set
from ..people import JwksBody, LoginBody, RefreshBody, SignedInBody
from ..representation import reply
from ..routing import Resource

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ..identity.services import IdentityServices
    from ..identity.signing_in import SignedIn

router = Resource(tags=["signing in"])

ATTEMPTS = Rate(per_s=1.0, burst=60)
"""Sign-ins from one network, whatever the account: each costs a hash."""


def proof_of(password: SecretStr | None, code: SecretStr | None) -> Proof:
    """What a body shows."""
    shown = "" if password is None else password.get_secret_value()
    return Proof(shown, None if code is None else code.get_secret_value())


def signed_in_reply(services: IdentityServices, signed_in: SignedIn) -> Response:
    """The answer to a sign-in: its cookie for a browser, its tokens for a program."""
    expires_in = int(services.lifetimes.token.total_seconds())
    answer = reply(SignedInBody.of(signed_in, expires_in))
    if signed_in.cookie:
        answer.set_cookie(COOKIE, signed_in.cookie, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.post("/auth/login", operation_id="login", response_model=SignedInBody, responses=WRITES)
async def login(body: LoginBody, request: Request, services: ServicesDep, peer: PeerDep) -> Response:
    """Sign in. Whatever does not match, the answer and its time are the same; many failures make it wait."""
    request.state.is_recorded = True
    if body.cookie:
        check_origin(request.method, request.headers)
    await services.limiter.check(f"login:{network_of(peer.address)}", ATTEMPTS)
    sign_in = services.signing_in.sign_in_browser if body.cookie else services.signing_in.sign_in
    return signed_in_reply(services, await sign_in(body.login, proof_of(body.password, body.code), peer))


@router.post("/auth/refresh", operation_id="refresh", response_model=SignedInBody, responses=WRITES)
async def refresh(body: RefreshBody, request: Request, services: ServicesDep, peer: PeerDep) -> Response:
    """Exchange a refresh token for the next tokens. A second use of one ends its session."""
    request.state.is_recorded = True
    return signed_in_reply(services, await services.signing_in.refresh(body.refresh_token.get_secret_value(), peer))


@router.post(
    "/auth/logout", operation_id="logout", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=READS,
)  # fmt: skip
async def logout(acting: PendingDep) -> Response:
    """End this session; it holds on no replica any more."""
    session = acting.caller.session_id
    if session is not None:
        await acting.services.sessions.end(session, acting.caller.user_id)
        await acting.record("session.end", session)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.get("/.well-known/jwks.json", operation_id="list_signing_keys", response_model=JwksBody, responses=answers())
async def list_signing_keys(services: ServicesDep) -> Response:
    """The public keys of access tokens, by `kid`."""
    return reply(JwksBody.model_validate(key_set(await services.signing.all_public())))
