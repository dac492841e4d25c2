"""The body of a request on its way to a service: passed on as it comes, and sent again if it was short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

REPLAYED_BYTES = 256 * 2**10
"""Size up to which a body is kept, so that it can be sent to another instance."""


class BodyBrokenError(Exception):
    """The caller has gone in the middle of its body."""


class Replay:
    """A body that can be read several times as long as it is short."""

    def __init__(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
        """
        Args:
            receive: gives the messages of an ASGI request. A read that is cancelled loses none of them.
        """
        self._receive, self._pulling = receive, asyncio.Lock()
        self._parts: list[bytes] = []
        self._size = 0
        self._is_whole = False
        self.is_broken = False
        """Whether the caller has gone."""

    @property
    def can_be_sent_again(self) -> bool:
        """Whether all of it, as far as it was read, is still there."""
        return self._size <= REPLAYED_BYTES and not self.is_broken

    async def parts(self) -> AsyncIterator[bytes]:
        """All parts from the first on.

        Raises:
            BodyBrokenError: the caller has gone.
        """
        place = 0
        while await self._holds(place):
            part = self._parts[place]
            if not self.can_be_sent_again:
                self._parts[place] = b""
            if part:
                yield part
            place += 1

    async def _holds(self, place: int) -> bool:
        async with self._pulling:
            if place == len(self._parts) and not self._is_whole:
                await self._pull()
        return place < len(self._parts)

    async def _pull(self) -> None:
        message = await self._receive()
        if message["type"] != "http.request":
            self.is_broken = True
            raise BodyBrokenError
        part = message.get("body", b"")
        self._parts.append(part)
        self._size += len(part)
        self._is_whole = not message.get("more_body", False)
