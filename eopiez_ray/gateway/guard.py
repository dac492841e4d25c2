"""What holds for every request before any endpoint sees it: its id, its size, its time, and headers of its answer."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders

from ..logs import bound, get_logger
from ..model.ids import uuid7
from .problems import AnswerBrokenError, Problem, respond, unavailable, unforeseen
from .traceparent import trace_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ..settings import Settings

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Unless the endpoint says otherwise."""
_HSTS = "max-age=31536000; includeSubDomains"
PREFIX = "/v1"
"""Of every path."""
EVENT_STREAM = "text/event-stream"
BUSY_AFTER_S = 1

log = get_logger(__name__)


class Guard:
    """ASGI middleware: nothing that a stranger sends gets past its bounds.

    Serve obeys headers by which a caller can lift its limits on time; the bounds here hold whatever it is told.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._requests = _UnderWay("requests", settings.gateway_requests)
        self._followers = _UnderWay("streams", settings.gateway_streams)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(headers)
        _complete_path(scope)
        with bound(request_id=request_id, trace_id=trace_id(headers)):
            under_way = self._followers if _follows(headers) else self._requests
            await self._counted(scope, receive, _Answer(scope, send), under_way)

    async def _counted(self, scope: Scope, receive: Receive, answer: _Answer, under_way: _UnderWay) -> None:
        if under_way.count >= under_way.most:
            await answer.refuse(receive, under_way.busy())
            return
        under_way.count += 1
        try:
            await self._bounded(scope, receive, answer)
        finally:
            under_way.count -= 1

    async def _bounded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        is_upload = "/uploads/" in scope["path"]
        limit = self._settings.gateway_part_bytes if is_upload else self._settings.gateway_body_bytes
        body = _Body(receive, answer, limit, self._settings.gateway_timeout_s if is_upload else None)
        if body.says_too_much(Headers(scope=scope)):
            await answer.refuse(receive, body.too_large())
            return
        try:
            async with asyncio.timeout(self._settings.gateway_timeout_s) as answer.clock:
                await self._app(scope, body.receive, answer.send)
        except TimeoutError:
            await answer.refuse(receive, unavailable("this took too long"))
        except AnswerBrokenError as error:
            log.warning("an answer broke off", error=str(error), request=scope["state"]["request_id"])
            raise
        except Exception:  # The outermost guard.
            log.exception("unforeseen error", path=scope["path"], request=scope["state"]["request_id"])
            await answer.refuse(receive, unforeseen())


class _UnderWay:
    """Requests of one kind that are under way at once."""

    def __init__(self, what: str, most: int) -> None:
        self._what, self.most, self.count = what, most, 0

    def busy(self) -> Problem:
        """The answer to one too many."""
        after = {"Retry-After": str(BUSY_AFTER_S)}
        detail = f"too many {self._what} are under way"
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, "busy", detail, "send it again soon", after)


class _Answer:
    """The answer to a request on its way out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._has_begun = self._is_over = False
        self.clock: asyncio.Timeout | None = None

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; after a refusal, nothing more."""
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith(EVENT_STREAM) and self.clock is not None:
                self.clock.reschedule(None)  # It lasts as long as somebody follows.
            self._has_begun = True
            self._complete(headers)
            log.debug("request", method=self._scope["method"], path=self._scope["path"], status=message["status"])
        await self._send(message)

    async def refuse(self, receive: Receive, problem: Problem) -> None:
        """Answer with a problem; an answer that has begun can only break off."""
        if self._has_begun:
            raise problem
        await respond(self._scope, problem)(self._scope, receive, self.send)
        self._is_over = True

    def allow(self, seconds: float) -> None:
        """Let the request take that long from now on."""
        if self.clock is not None and not self.clock.expired():
            self.clock.reschedule(asyncio.get_running_loop().time() + seconds)

    def _complete(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = self._scope["state"]["request_id"]
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._scope["scheme"] == "https":
            headers.setdefault("Strict-Transport-Security", _HSTS)


class _Body:
    """The body of a request, bounded in bytes however it is sent."""

    def __init__(self, receive: Receive, answer: _Answer, limit: int, pause_s: float | None) -> None:
        """
        Args:
            receive: gives its parts.
            answer: refuses what is too long.
            limit: bytes at most.
            pause_s: seconds that may pass before the next part; None if the request's own time is all there is.
        """
        self._receive, self._answer, self._limit, self._pause_s = receive, answer, limit, pause_s
        self._read = 0

    def says_too_much(self, headers: Headers) -> bool:
        """Whether its own header says that it is too long."""
        said = headers.get("content-length", "")
        return said.isdigit() and int(said) > self._limit

    async def receive(self) -> Message:
        """The next part; once there are too many, the request is answered and over."""
        message = await self._receive()
        if self._pause_s is not None:
            self._answer.allow(self._pause_s)
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self._limit:
                await self._answer.refuse(self._receive, self.too_large())
                return {"type": "http.disconnect"}
        return message

    def too_large(self) -> Problem:
        hint = "upload documents with POST /v1/uploads, in several parts"
        detail = f"the body has more than {self._limit:,} bytes"
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, hint, {"Connection": "close"})


def _request_id(headers: Headers) -> str:
    """The caller's own id if it has the form of one: it goes into logs and headers."""
    said = headers.get("x-request-id", "")
    return said if _REQUEST_ID.fullmatch(said) else str(uuid7())


def _complete_path(scope: Scope) -> None:
    """A path of the API without the version means the same as one with it."""
    path = get_route_path(scope)
    if path != "/" and not path.startswith((PREFIX + "/", "/assets/")):
        scope["path"] = scope.get("root_path", "") + PREFIX + path


def _follows(headers: Headers) -> bool:
    """Whether a stream is asked for. It counts as one from the beginning: when a replica is gone, all who followed come
    back at once, and a browser that is refused does not try again."""
    return EVENT_STREAM in headers.get("accept", "")
