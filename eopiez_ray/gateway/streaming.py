"""Server-sent events: how a browser or program follows what happens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header, Request
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic_core import to_json

from ..errors import WorkflowNotFoundError
from .problems import Problem
from .representation import bad_cursor

if TYPE_CHECKING:
    from .system import System

HEARTBEAT_S = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between gives the connection up."""
RETRY_MS = 1000
"""Milliseconds after which a browser that has lost the stream asks again."""
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="Goes on after this one, on whichever replica.")
]
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


ALIVE = b": alive\n\n"
"""A comment, which clients ignore."""


def message(kind: str, value: Any, number: int | None = None) -> bytes:
    """A message of a stream.

    Args:
        kind: its event type.
        value: what JSON can express, or pydantic.
        number: its id, after which a client that comes back goes on; None for what has no place in the history.
    """
    place = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (place, kind.encode(), to_json(value))


def stream(messages: AsyncIterator[bytes]) -> StreamingResponse:
    """A response that sends the messages as they come."""
    return StreamingResponse(_alive(messages), media_type="text/event-stream", headers=_HEADERS)


def last_event_id(header: str | None, after: int) -> int:
    """Where a follower goes on: after the last event that it has.

    Raises:
        Problem: the header is no number of an event.
    """
    if header is None or not header.strip():
        return after
    if not header.strip().isdigit() or len(header) > 18:
        raise bad_event_id()
    return int(header)


def elsewhere(request: Request, system: System) -> RedirectResponse | None:
    """Where followers are served, if not here: apart from others, they hold up no update of replicas.

    The place is relative to the path that was asked for, so that it holds behind a proxy that takes off a prefix.
    """
    prefix = system.settings.gateway_followers
    if prefix is None:
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    asked = request.scope.get("raw_path") or request.url.path.encode()
    root = "../" * (asked.count(b"/") - 1)
    return RedirectResponse(f"{root}{prefix.lstrip('/')}{request.url.path}{query}", HTTPStatus.TEMPORARY_REDIRECT)


def bad_event_id() -> Problem:
    """The answer to a ``Last-Event-ID`` that no stream gave."""
    problem = bad_cursor()
    problem.detail = "Last-Event-ID is no number of an event"
    return problem


class Pulse:
    """Tells when a silent stream should show that it is alive."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beats(self) -> bool:
        """Whether nothing was sent for long; if so, the caller shows that it is alive, and silence begins anew."""
        is_silent = time.monotonic() - self._last >= HEARTBEAT_S
        if is_silent:
            self.sent()
        return is_silent

    def sent(self) -> None:
        """Something has been sent."""
        self._last = time.monotonic()


async def _alive(messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MS
    try:
        async for each in messages:
            yield each
    except WorkflowNotFoundError:  # It was forgotten meanwhile; whoever asks again is told so.
        return
