"""Instances of services as they are in life: real servers, of which some are slow, broken, dead or hostile."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import uvicorn

from tests.waiting import until

Scope: TypeAlias = Any
Receive: TypeAlias = Any
Send: TypeAlias = Any
Behaviour = Callable[["Arrived", Any], Awaitable[None]]


@dataclass(frozen=True)
class Arrived:
    """A request as a service has seen it."""

    method: str
    target: str
    """Path and query as they were written."""
    headers: dict[str, str]
    body: bytes


@dataclass
class Instance:
    """A service whose behaviour can be changed while it runs."""

    behaviour: Behaviour
    arrived: list[Arrived] = field(default_factory=list)
    url: str = ""
    is_healthy: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/health":
            await answer(200 if self.is_healthy else 503)(Arrived("GET", "/health", {}, b""), send)
            return
        body, is_whole = b"", False
        while not is_whole:
            message = await receive()
            body += message.get("body", b"")
            is_whole = not message.get("more_body", False)
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen = Arrived(scope["method"], scope["raw_path"].decode() + query, headers, body)
        self.arrived.append(seen)
        await self.behaviour(seen, send)


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Instance]:
    """An instance on a port of its own."""
    instance = Instance(behaviour)
    config = uvicorn.Config(instance, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    instance.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield instance
    finally:
        server.should_exit = True
        await task


def free_url() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


async def send_answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    """A whole answer."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def answer(status: int = 200, value: Any = None, **headers: str) -> Behaviour:
    """Always the same answer."""

    async def behave(_: Arrived, send: Send) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        await send_answer(send, status, json.dumps(value).encode(), {"content-type": "application/json"} | named)

    return behave


async def echo(seen: Arrived, send: Send) -> None:
    """What has arrived."""
    await send_answer(send, 200, seen.body, {"content-type": "application/octet-stream", "x-target": seen.target})


def held(opened: asyncio.Event) -> Behaviour:
    """An answer that begins once a gate is opened."""

    async def behave(seen: Arrived, send: Send) -> None:
        await opened.wait()
        await echo(seen, send)

    return behave


async def endless(_: Arrived, send: Send) -> None:
    """An answer that never ends."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)


async def broken(_: Arrived, send: Send) -> None:
    """A connection that is closed in the middle of an answer."""
    headers = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"only this", "more_body": True})
    raise ConnectionResetError


class Closing(asyncio.Protocol):
    """Closes each connection as soon as something has arrived."""

    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.close()


@asynccontextmanager
async def closing() -> AsyncIterator[str]:
    """The URL of a server that takes requests and answers none."""
    server = await asyncio.get_running_loop().create_server(Closing, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
