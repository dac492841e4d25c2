"""How many requests there are, how they end, and what they take: by route template and status, never by path."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from ..monitoring.catalogue import HTTP_FOLLOWERS, HTTP_IN_FLIGHT, HTTP_REQUESTS, HTTP_SECONDS, PROJECT_REQUESTS
from ..monitoring.tracing.unsent import Unsent

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ..model.access import Caller
    from ..monitoring.meter import Meter
    from .traceparent import Root

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "(unknown)"
"""The route of a path that there is not, and the method of those that nobody uses."""
BROKEN_OFF = "499"
"""The status of a request whose client left before it was answered."""


class Traffic:
    """The requests of this replica."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.roots = meter, Unsent()
        self.requests = self.followers = 0
        """How many are being answered now."""

    def note(self) -> None:
        """Say how many there are now."""
        self.meter.note(HTTP_IN_FLIGHT, self.requests)
        self.meter.note(HTTP_FOLLOWERS, self.followers)


class Measuring:
    """ASGI middleware: measures each request from its first byte to the last one of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        system = getattr(scope["app"].state, "system", None) if scope["type"] == "http" else None
        if system is None:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(system.traffic, send)
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            exchange.end(scope)


class _Exchange:
    """A request and its answer."""

    def __init__(self, traffic: Traffic, send: Send) -> None:
        self._traffic, self._send = traffic, send
        self._began, self._began_at = time.perf_counter(), datetime.now(UTC)
        self._status, self._is_stream = BROKEN_OFF, False
        traffic.requests += 1

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = str(message["status"])
            if _is_stream(message):
                self._is_stream = True
                self._traffic.requests -= 1
                self._traffic.followers += 1
        await self._send(message)

    def end(self, scope: Scope) -> None:
        """It is over."""
        meter, method, route = self._traffic.meter, _method_of(scope), _route_of(scope)
        meter.add(HTTP_REQUESTS, labels=(method, route, self._status))
        if self._is_stream:
            self._traffic.followers -= 1
        else:
            self._traffic.requests -= 1
            meter.observe(HTTP_SECONDS, time.perf_counter() - self._began, (route, method))
        root: Root | None = scope.get("state", {}).get("root")
        if root is not None:
            self._traffic.roots.add(root.span(route, method, self._status, self._began_at))
        project = _project_of(scope)
        if project is not None:
            meter.add(PROJECT_REQUESTS, labels=(project,))


def _is_stream(message: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"])


def _method_of(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else UNKNOWN


def _route_of(scope: Scope) -> str:
    """The template of the path, which is the same with and without ``/v1``."""
    route: Any = scope.get("route")
    template: str = getattr(route, "path_format", UNKNOWN)
    return template.removeprefix("/v1")


def _project_of(scope: Scope) -> str | None:
    """The project that a request names, or the only one of its caller; None if they have nothing to do with it."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    if caller is None:
        return None
    query = scope["query_string"]
    named = (QueryParams(query).get("project") if b"project" in query else None) or _only_one(caller)
    return named if named is not None and caller.role_in(named) is not None else None


def _only_one(caller: Caller) -> str | None:
    return next(iter(caller.roles)) if len(caller.roles) == 1 else None
