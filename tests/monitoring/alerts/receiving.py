"""Receivers of alerts as they are: they fail, are slow, hang up, and answer twice."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
HANGS_UP = b""
NEVER = b"never"


class Hook:
    """A webhook's receiver that answers as it is told, one answer for each request; then well."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.released = asyncio.Event()
        """Until it is set, whoever was told ``NEVER`` waits."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def told(self) -> list[dict[str, Any]]:
        """What it was sent."""
        return [json.loads(body) for body in self.bodies]

    @property
    def titles(self) -> list[str]:
        """The titles of what it was sent."""
        return [told["title"] for told in self.told]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.paths.append(head.split(" ", 2)[1])
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                self.headers.append({name.lower(): value for name, value in headers.items()})
                self.bodies.append(await reader.readexactly(int(self.headers[-1]["content-length"])))
                answer = self.answers.pop(0) if self.answers else OK
                if answer == NEVER:
                    await self.released.wait()
                    return
                if answer == HANGS_UP:
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    """A receiver on a port of its own."""
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.port = server.sockets[0].getsockname()[1]
    try:
        yield hook
    finally:
        hook.released.set()
        server.close()


class Mailbox:
    """A mail server that refuses as often as it is told, and keeps the rest."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals, self.mails = refusals, list[str]()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - theirs
        """Take a mail."""
        if self.refusals:
            self.refusals -= 1
            return "451 try again later"
        content = envelope.content
        self.mails.append(content.decode() if isinstance(content, bytes) else str(content))
        return "250 OK"


@asynccontextmanager
async def mailing(refusals: int = 0) -> AsyncIterator[tuple[Mailbox, int]]:
    """A mail server on a port of its own."""
    mailbox = Mailbox(refusals)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    await asyncio.to_thread(controller.start)
    try:
        yield mailbox, port
    finally:
        await asyncio.to_thread(controller.stop)
