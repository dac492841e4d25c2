"""A connection that breaks, and a gateway that is busy or away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

UP, DOWN = "up", "down"


@dataclass
class Wire:
    """A way to a gateway that is cut after so many bytes, each cut once."""

    target: tuple[str, int]
    cuts: list[tuple[str, int]] = field(default_factory=list)
    """Direction and bytes for the connections to come, in order; then they hold."""
    opened: int = 0
    """Connections so far."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        direction, limit = self.cuts.pop(0) if self.cuts else ("", 0)
        there, back = await asyncio.open_connection(*self.target)
        up = self._pass(reader, back, limit if direction == UP else None)
        down = self._pass(there, writer, limit if direction == DOWN else None)
        tasks = [asyncio.ensure_future(up), asyncio.ensure_future(down)]
        self.tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, back):
            each.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> None:
        left = limit
        while left is None or left > 0:
            data = await reader.read(65536 if left is None else min(left, 65536))
            if not data:
                return
            writer.write(data)
            await writer.drain()
            left = None if left is None else left - len(data)


@asynccontextmanager
async def wire(url: str, *cuts: tuple[str, int]) -> AsyncIterator[tuple[str, Wire]]:
    """A URL that leads to the gateway by a wire."""
    parts = urlsplit(url)
    made = Wire((parts.hostname or "", parts.port or 0), list(cuts))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", made


class Moody:
    """ASGI middleware: the next requests get these answers instead, and all that arrive are counted."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.answers: list[int] = []
        self.seen: list[str] = []
        """Method and path of each request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self.seen.append(f"{scope['method']} {scope['path'].removeprefix('/v1')}")
        if not self.answers:
            await self._app(scope, receive, send)
            return
        headers = [(b"retry-after", b"0"), (b"content-type", b"application/problem+json")]
        await send({"type": "http.response.start", "status": self.answers.pop(0), "headers": headers})
        await send({"type": "http.response.body", "body": b'{"type":"urn:eopiez:problem:busy","detail":"busy"}'})
