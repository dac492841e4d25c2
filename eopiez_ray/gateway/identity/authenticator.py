"""Who sends a request: an access token, an API key, or a browser's cookie; one statement each."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from ...errors import NotSignedInError, PasswordChangeNeededError
from . import opaque, tokens
from .opaque import Purpose
from .origins import check_origin

if TYPE_CHECKING:
    from starlette.requests import Request

    from ...model.access import Caller
    from ...model.accounts import Identity
    from ...store.keys import Keys, SigningKeys
    from ...store.sessions import Sessions

COOKIE = "__Host-eopiez-session"
MOST_KEYS = 32
"""Public keys that are remembered; each replica needs two or three."""
MOST_TOKENS = 10_000
"""Tokens whose signature is remembered."""


class Authenticator:
    """Finds who sends a request. Whatever ended, was disabled or changed meanwhile shows with the next request."""

    def __init__(self, sessions: Sessions, keys: Keys, signing: SigningKeys, form: tokens.TokenForm, idle: timedelta):
        self._signing, self._form = signing, form
        self._of_session = sessions.identities(idle, form.lifetime)
        self._of_cookie, self._of_key = sessions.identities_by_cookie(idle), keys.identities()
        self._public: dict[str, bytes] = {}
        self._claims: dict[str, tokens.Claims] = {}

    async def caller(self, request: Request) -> Caller:
        """Who sends the request.

        Raises:
            NotSignedInError: nobody who is known.
            PasswordChangeNeededError: they have to change their initial password first.
            CrossSiteError: somebody else's page sent it with their cookie.
        """
        identity = await self.identity(request)
        if identity.must_change_password:
            raise PasswordChangeNeededError("change your initial password first: POST /v1/users/profile/password")
        return identity.caller

    async def identity(self, request: Request) -> Identity:
        """As ``caller``, also for those who have to change their password first."""
        given = request.headers.getlist("authorization")
        if given:
            identity = await self._by_bearer(given)
        else:
            identity = await self._by_cookie(request)
        if identity is None:
            raise NotSignedInError("these credentials do not hold; sign in again")
        return identity

    async def _by_bearer(self, given: list[str]) -> Identity | None:
        scheme, _, credentials = given[0].partition(" ")
        if len(given) > 1 or scheme.casefold() != "bearer":
            raise NotSignedInError("send one header: Authorization: Bearer TOKEN")
        if opaque.looks_like(Purpose.KEY, credentials):
            opaque.check_form(Purpose.KEY, credentials)
            return await self._of_key.get(opaque.stored(credentials))
        return await self._by_token(credentials)

    async def _by_token(self, token: str) -> Identity | None:
        claims = await self._verified(token)
        identity = await self._of_session.get((claims.session_id, claims.kid))
        if identity is None or identity.caller.user_id != claims.user_id:
            return None
        return identity

    async def _verified(self, token: str) -> tokens.Claims:
        """What a token says; a signature that held once holds as long as the token."""
        known = self._claims.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        kid = tokens.kid_of(token)
        claims = self._form.verify(token, self._public.get(kid) or await self._fetched(kid))
        if len(self._claims) >= MOST_TOKENS:
            self._claims.clear()
        self._claims[token] = claims
        return claims

    async def _by_cookie(self, request: Request) -> Identity | None:
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            raise NotSignedInError("sign in first: POST /v1/auth/login, or send an API key")
        check_origin(request.method, request.headers)
        opaque.check_form(Purpose.SESSION, cookie)
        return await self._of_cookie.get(opaque.stored(cookie))

    async def _fetched(self, kid: str) -> bytes:
        public = await self._signing.public(kid)
        if public is None:
            raise NotSignedInError("these credentials do not hold; sign in again")
        if len(self._public) >= MOST_KEYS:
            self._public.clear()
        self._public[kid] = public
        return public
