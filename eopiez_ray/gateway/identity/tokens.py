"""Access tokens: JWTs (RFC 9068) of a few minutes, signed with Ed25519 and nothing else (ASVS 9.1.2)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ...errors import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Iterable

ALGORITHM = "EdDSA"
FORM = "at+jwt"
"""The header ``typ``: a token of any other kind is refused (ASVS 9.2.2)."""
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]
LEEWAY_S = 5
"""Seconds by which clocks of replicas may differ."""
LONGEST = 4096
"""Characters."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair that signs tokens."""

    kid: str
    private: bytes = field(repr=False)
    """32 bytes, as in RFC 8032."""
    public: bytes

    @classmethod
    def new(cls) -> SigningKey:
        """A random key, named after its thumbprint."""
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        return cls(hashlib.sha256(public).hexdigest()[:16], private.private_bytes_raw(), public)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says."""

    user_id: UUID
    session_id: UUID
    kid: str
    expires_at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What tokens of this system have in common."""

    issuer: str
    audience: str = "eopiez"
    lifetime: timedelta = timedelta(minutes=5)

    def sign(self, key: SigningKey, user_id: UUID, session_id: UUID, now: datetime) -> str:
        """A new access token."""
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": uuid4().hex,
        }
        private = Ed25519PrivateKey.from_private_bytes(key.private)
        return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"typ": FORM, "kid": key.kid})

    def verify(self, token: str, public: bytes) -> Claims:
        """What a token says, if the key signed it for this system and it has not expired.

        Raises:
            NotSignedInError: it is not valid here.
        """
        try:
            said = jwt.decode(
                token,
                Ed25519PublicKey.from_public_bytes(public),
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY_S,
                options={"require": REQUIRED},
            )
            return Claims(UUID(said["sub"]), UUID(said["sid"]), kid_of(token), float(said["exp"]))
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise _refusal() from error


def kid_of(token: str) -> str:
    """The name of the key that a token claims to be signed with; nothing else in it is believed before that is checked.

    Raises:
        NotSignedInError: it is not an access token.
    """
    if len(token) > LONGEST:
        raise _refusal()
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refusal() from error
    kid = header.get("kid")
    if header.get("typ") != FORM or header.get("alg") != ALGORITHM or not isinstance(kid, str) or len(kid) > 64:
        raise _refusal()
    return kid


def key_set(keys: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Public keys, by ``kid``, as a JWK set (RFC 8037)."""
    return {"keys": [_key(kid, public) for kid, public in keys]}


def _key(kid: str, public: bytes) -> dict[str, str]:
    encoded = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": ALGORITHM, "use": "sig", "kid": kid, "x": encoded}


def _refusal() -> NotSignedInError:
    return NotSignedInError("these credentials do not hold")


def now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)
