"""Signing in at an identity provider, for browsers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from ...errors import NotSignedInError
from ..acting import PeerDep, ServicesDep
from ..documented import Documented, answers
from ..identity.authenticator import COOKIE
from ..identity.guessing import network_of
from ..identity.openid import Flow, Provider
from ..identity.services import IdentityServices
from ..problems import not_found
from ..queries import takes_any_query
from ..routing import Resource
from .auth import ATTEMPTS

router = Resource(prefix="/auth/oidc", tags=["signing in"])

FLOW_COOKIE = "__Host-eopiez-oidc"
FLOW_S = 600
"""Seconds to sign in at the provider."""
_REDIRECT: Documented = {303: {"description": "The browser goes on there."}}


@router.get(
    "", operation_id="begin_openid", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse,
    responses=answers() | _REDIRECT,
)  # fmt: skip
async def begin_openid(services: ServicesDep, peer: PeerDep) -> Response:
    """Go to the identity provider to sign in there."""
    provider = _provider(services)
    await services.limiter.check(f"login:{network_of(peer.address)}", ATTEMPTS)
    flow = Flow.begin()
    answer = RedirectResponse(await provider.address(flow), HTTPStatus.SEE_OTHER)
    answer.set_cookie(FLOW_COOKIE, flow.to_cookie(), FLOW_S, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.get(
    "/callback", operation_id="finish_openid", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse,
    responses=answers() | _REDIRECT,
)  # fmt: skip
@takes_any_query
async def finish_openid(
    request: Request,
    services: ServicesDep,
    peer: PeerDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
) -> Response:
    """Come back from the identity provider: the session's cookie is set, and the browser goes to the start page."""
    provider = _provider(services)
    await services.limiter.check(f"login:{network_of(peer.address)}", ATTEMPTS)
    flow = Flow.from_cookie(request.cookies.get(FLOW_COOKIE, ""))
    flow.check_state(state)
    if not code:
        raise NotSignedInError("the identity provider did not let you in")
    subject = await provider.exchange(code, flow)
    user, login = await services.newcomers.found(subject, peer)
    signed_in = await services.signing_in.start_browser(user, login, peer)
    answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    answer.set_cookie(COOKIE, signed_in.cookie, path="/", secure=True, httponly=True, samesite="strict")
    answer.delete_cookie(FLOW_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _provider(services: IdentityServices) -> Provider:
    if services.provider is None:
        raise not_found("identity provider", "", "sign in with POST /v1/auth/login")
    return services.provider
