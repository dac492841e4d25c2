"""Second factors by time: TOTP (RFC 6238) with SHA-1, 6 digits and steps of 30 seconds, as apps expect."""

from __future__ import annotations

import hmac

import pyotp

STEP_S = 30
DRIFT = 1
"""Steps by which the clock of a phone may be late: typing takes a moment too."""
ISSUER = "eopiez"


def new_secret() -> str:
    """A new secret of 160 bits, in base 32."""
    return pyotp.random_base32(32)


def address(secret: str, login: str) -> str:
    """The ``otpauth:`` address that apps read from a QR code."""
    return str(pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=login, issuer_name=ISSUER))


def code_at(secret: str, step: int) -> str:
    """The code of a step, counted since 1970."""
    return str(pyotp.TOTP(secret, interval=STEP_S).generate_otp(step))


def has_form(code: str) -> bool:
    """Whether that is a code, and not a recovery code."""
    typed = "".join(code.split())
    return typed.isascii() and typed.isdigit()


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that a code belongs to, if that is the present one or the one before; whoever accepts it keeps the step,
    so that no code is used twice (ASVS 6.5.1).

    Args:
        secret: in base 32.
        code: as typed; spaces do not matter.
        now: Unix seconds by a clock that is ours.
    """
    typed = "".join(code.split()).encode("utf-8", "surrogatepass")
    present = int(now // STEP_S)
    for step in range(present, present - DRIFT - 1, -1):
        if hmac.compare_digest(code_at(secret, step).encode(), typed):
            return step
    return None
