"""A request to the gateway as the call to a service that it stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from ...errors import ParameterError
from ...outbound.places import check_path
from ..identity.peers import peer_of
from .headers import Origin, outgoing
from .relay import Wanted
from .replaying import Replay

if TYPE_CHECKING:
    from fastapi import Request

_PLACE = re.compile(r".*?/services/[^/]+/call(/.*)")
OURS = "project"
"""The parameter that says whose service is called; it does not go out."""


def wanted_of(request: Request, project: str, service: str) -> Wanted:
    """The call, of which nothing has been read yet.

    Raises:
        ParameterError: the path or the query cannot be passed on as it is.
    """
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw]
    peer = peer_of(request)
    origin = Origin(peer.address, request.url.scheme, request.headers.get("host", ""), peer.request_id, project)
    body = Replay(request.receive) if _has_body(request) else None
    return Wanted(project, service, request.method, _path(request) + _query(request), outgoing(headers, origin), body)


def _path(request: Request) -> str:
    """The path below ``call``, as it was written."""
    raw = request.scope.get("raw_path")
    written = quote(request.scope["path"]) if raw is None else raw.decode("latin-1")
    found = _PLACE.fullmatch(written)
    path = "/" if found is None else found[1]
    check_path(path)
    return path


def _query(request: Request) -> str:
    written = request.scope["query_string"].decode("latin-1")
    if not written.isascii() or not written.isprintable() or " " in written or "#" in written:
        raise ParameterError("the query has to be written percent-encoded")
    parts = [part for part in written.split("&") if part and unquote_plus(part.partition("=")[0]) != OURS]
    return "?" + "&".join(parts) if parts else ""


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers
