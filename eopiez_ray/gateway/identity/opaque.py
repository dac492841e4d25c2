"""Opaque secrets: API keys, refresh tokens, cookies, invitations, tokens for metrics and recovery codes.

Each has at least 120 random bits, so its SHA-256 is all that needs to be stored (ASVS 6.5.2), and finding a row by
that hash tells nothing by its time. A key reads ``eopiez_key_…``: a prefix by which leaked ones are found, 43
characters of randomness, and 6 of checksum, so that a mistyped one is refused without asking the database.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from enum import StrEnum

from ...errors import NotSignedInError

_DIGITS = string.digits + string.ascii_letters
_RANDOM, _CHECK = 43, 6
"""Characters: 256 bits of randomness, 32 of checksum."""
SHOWN = 6
"""Random characters of a key that lists show, so that its owner recognizes it."""
_CODE_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_CODES, _GROUPS, _GROUP = 10, 4, 6
"""Recovery codes: how many, and of how many characters; 120 bits each."""


class Purpose(StrEnum):
    """What a secret is for; one for another purpose is refused (ASVS 9.2.2)."""

    KEY = "key"
    REFRESH = "refresh"
    SESSION = "session"
    INVITATION = "invitation"
    METRICS = "metrics"


def new_secret(purpose: Purpose) -> str:
    """A new secret, to be shown once."""
    body = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return f"eopiez_{purpose}_{body}{_checksum(body)}"


def check_form(purpose: Purpose, secret: str) -> None:
    """Check what can be checked of a secret without the database.

    Raises:
        NotSignedInError: it is not one of that purpose.
    """
    head = f"eopiez_{purpose}_"
    body, checksum = secret[len(head) : -_CHECK], secret[-_CHECK:]
    is_sound = secret.startswith(head) and len(body) == _RANDOM and secret.isascii()
    if not is_sound or not secrets.compare_digest(checksum, _checksum(body)):
        raise NotSignedInError("these credentials do not hold")


def looks_like(purpose: Purpose, text: str) -> bool:
    """Whether a text claims to be a secret of that purpose."""
    return text.startswith(f"eopiez_{purpose}_")


def stored(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def shown_part(secret: str) -> str:
    """The beginning of a key, for lists."""
    head, separator, body = secret.rpartition("_")
    return f"{head}{separator}{body[:SHOWN]}"


def recovery_codes() -> list[str]:
    """New codes, each of which replaces a second factor once."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(_CODES)]


def stored_code(code: str) -> bytes:
    """What is kept of a recovery code, however it is typed: its SHA-256 without hyphens, spaces and capitals."""
    return stored("".join(code.split()).replace("-", "").casefold())


def _group() -> str:
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_GROUP))


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode("utf-8", "surrogatepass")), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
