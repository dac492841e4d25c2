"""Ranges of bytes (RFC 9110, section 14): a download that broke off goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from fastapi.responses import Response, StreamingResponse

PIECE_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def partial(
    size: int,
    read: Callable[[int, int], memoryview],
    asked: str | None,
    media_type: str,
    headers: Mapping[str, str],
) -> Response:
    """The data, or the range of it that was asked for, which alone is read; several ranges, or none that can be read,
    give all."""
    known = dict(headers) | {"Accept-Ranges": "bytes"}
    bounds = _bounds(asked, size)
    if bounds is None:
        return _sent(read(0, size), HTTPStatus.OK, media_type, known)
    start, end = bounds
    if start >= end:
        known["Content-Range"] = f"bytes */{size}"
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=known)
    known["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return _sent(read(start, end), HTTPStatus.PARTIAL_CONTENT, media_type, known)


def _bounds(asked: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the byte after the last; empty if nothing can be given, None for all."""
    match = _RANGE.fullmatch(asked or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _sent(data: memoryview, status: HTTPStatus, media_type: str, headers: Mapping[str, str]) -> Response:
    length = {"Content-Length": str(len(data))}
    return StreamingResponse(_pieces(data), status, dict(headers) | length, media_type)


def _pieces(data: memoryview) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield bytes(data[start : start + PIECE_BYTES])
