"""Signing in to a gateway, and the tokens that this gives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import GatewayError, NotSignedInError
from .credentials import Tokens
from .transport import Call

if TYPE_CHECKING:
    from .transport import Transport


class SignedIn(NamedTuple):
    """A new session."""

    tokens: Tokens
    must_change_password: bool
    """Whether nothing else is allowed before."""


async def sign_in(transport: Transport, login: str, password: str, code: str | None = None) -> SignedIn:
    """A new session.

    Args:
        transport: to the gateway, without credentials.
        login: who.
        password: theirs.
        code: of their second factor, or a recovery code.

    Raises:
        SecondFactorNeededError: a code is needed.
        NotSignedInError: it does not match.
    """
    body = {"login": login, "password": password} | ({} if code is None else {"code": code})
    said = await transport.json(Call(method="POST", path="auth/login", body=body))
    return SignedIn(_tokens(said), bool(said.get("must_change_password")))


async def change_password(
    transport: Transport, tokens: Tokens, password: str, new: str, code: str | None = None
) -> Tokens:
    """Change a password, also an initial one; all sessions end, and a new one begins.

    Raises:
        WeakPasswordError: the new one is easily guessed.
        SecondFactorNeededError: a code is needed as well, which must be another than the one used just before.
    """
    bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    body = {"password": password, "new_password": new} | ({} if code is None else {"code": code})
    call = Call(method="POST", path="users/profile/password", body=body, headers=bearer)
    return _tokens(await transport.json(call))


async def exchange(transport: Transport, refresh_token: str) -> Tokens:
    """The next tokens of a session.

    It is asked again after a loss: if the first question arrived, the session is lost in either case.

    Raises:
        NotSignedInError: the session has ended.
    """
    call = Call(method="POST", path="auth/refresh", body={"refresh_token": refresh_token}, is_repeatable=True)
    try:
        return _tokens(await transport.json(call))
    except NotSignedInError as error:
        message = f"your session at {transport.url} has ended; sign in again with `eopiez login {transport.url}`"
        raise NotSignedInError(message) from error


async def sign_out(transport: Transport) -> None:
    """End the session whose credentials the transport has."""
    await transport.send(Call(method="POST", path="auth/logout", is_repeatable=True))


def _tokens(said: Any) -> Tokens:
    try:
        return Tokens(said["access_token"], said["refresh_token"], time.time() + said["expires_in"])
    except (KeyError, TypeError) as error:
        raise GatewayError("the gateway gave no tokens; is it of this version?") from error
