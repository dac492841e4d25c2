"""Sign-in at an identity provider: OpenID Connect, authorization code with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import httpx
import jwt

from ...errors import IdentityProviderError, NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures of ID tokens: asymmetric ones alone."""
REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
LEEWAY_S = 60
TIMEOUT_S = 10.0
FRESH_S = 3600.0
"""Seconds for which what the provider publishes is believed without asking again."""
PATIENCE_S = 30.0
"""Seconds between two questions for keys that a token names and nobody knows."""
LARGEST = 2**20
"""Bytes of an answer."""
LONGEST = 255
"""Characters of a subject."""


@dataclass(frozen=True, slots=True)
class Registration:
    """This gateway, as the provider knows it."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that has begun; the browser keeps it until it comes back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def begin(cls) -> Flow:
        """A new one, of 256 random bits each."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @classmethod
    def from_cookie(cls, text: str) -> Flow:
        """The one that a browser kept.

        Raises:
            NotSignedInError: it kept none.
        """
        parts = text.split(".")
        if len(parts) != 3 or not all(len(part) == 43 for part in parts):
            raise NotSignedInError("this sign-in did not begin here, or too long ago; begin again")
        return cls(*parts)

    def to_cookie(self) -> str:
        """What the browser keeps."""
        return f"{self.state}.{self.nonce}.{self.verifier}"

    def check_state(self, state: str) -> None:
        """Check that the answer belongs to the question of this browser.

        Raises:
            NotSignedInError: it does not.
        """
        if not hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise NotSignedInError("this sign-in did not begin here; begin again")


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whom the provider knows."""

    issuer: str
    subject: str
    login: str
    """What they may be called here."""
    email: str | None
    """None unless the provider has verified it."""
    display_name: str


class Provider:
    """An identity provider, found by its issuer URL."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self._metadata: dict[str, Any] = {}
        self._keys: jwt.PyJWKSet | None = None
        self._metadata_at = self._keys_at = float("-inf")

    async def address(self, flow: Flow) -> str:
        """Where the browser goes to sign in.

        Raises:
            IdentityProviderError: the provider does not answer.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._registration.client_id,
            "redirect_uri": self._registration.redirect_uri,
            "scope": "openid profile email",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discovered())["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def exchange(self, code: str, flow: Flow) -> Subject:
        """Who came back with that code.

        Raises:
            IdentityProviderError: the provider does not answer, or not as it should.
            NotSignedInError: the code or the ID token does not hold.
        """
        metadata = await self._discovered()
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._registration.redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": self._registration.client_id,
        }
        answer = await self._asked("POST", metadata["token_endpoint"], body)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedInError("the identity provider does not accept this sign-in; begin again")
        return read_id_token(token, await self._key_of(token, metadata["jwks_uri"]), self._registration, flow.nonce)

    async def _discovered(self) -> dict[str, Any]:
        if time.monotonic() - self._metadata_at > FRESH_S:
            issuer = self._registration.issuer
            found = await self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != issuer or not all(isinstance(found.get(name), str) for name in wanted):
                raise IdentityProviderError("the identity provider describes another issuer, or lacks an endpoint")
            self._metadata, self._metadata_at = found, time.monotonic()
        return self._metadata

    async def _key_of(self, token: str, address: str) -> jwt.PyJWK:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise NotSignedInError("the identity provider's token does not hold") from error
        keys = await self._published(address, FRESH_S)
        found = _chosen(keys, kid) or _chosen(await self._published(address, PATIENCE_S), kid)
        if found is None:
            raise NotSignedInError("the identity provider's token does not hold")
        return found

    async def _published(self, address: str, age_s: float) -> jwt.PyJWKSet:
        if self._keys is None or time.monotonic() - self._keys_at > age_s:
            try:
                self._keys = jwt.PyJWKSet.from_dict(await self._asked("GET", address))
            except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
                raise IdentityProviderError("the identity provider publishes no keys") from error
            self._keys_at = time.monotonic()
        return self._keys

    async def _asked(self, method: str, address: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the provider answers; a refusal is an answer without what was asked for."""
        secret = self._registration.client_secret
        login = None
        if secret is not None and body is not None:  # Both are encoded as in a form (RFC 6749, section 2.3.1).
            login = httpx.BasicAuth(quote_plus(self._registration.client_id), quote_plus(secret))
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, address, data=body, auth=login) as answer,
            ):
                content = b""
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise IdentityProviderError("the identity provider's answer is too large")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise IdentityProviderError(f"the identity provider does not answer: {type(error).__name__}") from error
        return _object(content)


def read_id_token(token: str, key: jwt.PyJWK, registration: Registration, nonce: str) -> Subject:
    """Who an ID token is about, if the provider made it for this gateway and this sign-in (ASVS 9.2.2, 9.2.3).

    Raises:
        NotSignedInError: it does not hold.
    """
    try:
        said = jwt.decode(
            token, key, algorithms=ALGORITHMS, audience=registration.client_id, issuer=registration.issuer,
            leeway=LEEWAY_S, options={"require": REQUIRED},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise NotSignedInError("the identity provider's token does not hold") from error
    is_ours = said.get("azp", registration.client_id) == registration.client_id
    is_of_this = isinstance(said.get("nonce"), str) and hmac.compare_digest(said["nonce"].encode(), nonce.encode())
    if not is_ours or not is_of_this or not 0 < len(said["sub"]) <= LONGEST:
        raise NotSignedInError("the identity provider's token does not hold")
    return _subject(said)


def _subject(said: Mapping[str, Any]) -> Subject:
    email = _text(said.get("email")) if said.get("email_verified") is True else ""
    login = _text(said.get("preferred_username")) or email.partition("@")[0] or said["sub"]
    return Subject(said["iss"], said["sub"], login, email or None, _text(said.get("name")))


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def _chosen(keys: jwt.PyJWKSet, kid: str | None) -> jwt.PyJWK | None:
    if kid is None:
        return keys.keys[0] if len(keys.keys) == 1 else None
    return next((key for key in keys.keys if key.key_id == kid), None)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IdentityProviderError("the identity provider's answer is no JSON") from error
    if not isinstance(value, dict):
        raise IdentityProviderError("the identity provider's answer is no JSON object")
    return value
