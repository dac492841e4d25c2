"""Who a client is: an API key, or a session whose short-lived access token is renewed by its refresh token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

EARLY_S = 15.0
"""Seconds before its end from which an access token is renewed."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a session."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Gives the next two, once."""
    expires_at: float
    """When the access token ends, in Unix seconds by this machine's clock."""


class Credentials(Protocol):
    """What a request shows of its sender."""

    async def token(self) -> str | None:
        """The token to send; None sends none."""

    async def renewed(self, refused: str | None) -> str | None:
        """Another token in place of one that was refused; None if there is none.

        Raises:
            NotSignedInError: the session has ended.
        """


class FixedToken:
    """An API key, or an access token from elsewhere: it holds or it does not."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "<a token>" if self._token else "<no token>"

    async def token(self) -> str | None:
        return self._token

    async def renewed(self, refused: str | None) -> str | None:
        return None


class KeptTokens(Protocol):
    """Where the tokens of a session are kept between their uses."""

    def read(self) -> Tokens: ...
    def write(self, tokens: Tokens) -> None: ...

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Keeps all others from renewing them, in this process and in others: a refresh token used twice ends its
        session."""


class Session:
    """A session; however many requests find its access token expired, one of them renews it."""

    def __init__(self, kept: KeptTokens, exchange: Callable[[str], Awaitable[Tokens]]) -> None:
        self._kept, self._exchange = kept, exchange

    async def token(self) -> str | None:
        tokens = self._kept.read()
        if tokens.expires_at - EARLY_S > time.time():
            return tokens.access_token
        return await self.renewed(tokens.access_token)

    async def renewed(self, refused: str | None) -> str | None:
        async with self._kept.locked():
            tokens = self._kept.read()
            if tokens.access_token == refused:
                tokens = await self._exchange(tokens.refresh_token)
                self._kept.write(tokens)
            return tokens.access_token


class TokensInMemory:
    """Tokens that end with the process."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._lock = tokens, asyncio.Lock()

    def read(self) -> Tokens:
        return self._tokens

    def write(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        async with self._lock:
            yield
