"""Where a request stands in its caller's trace, by the header ``traceparent`` (W3C Trace Context, section 3.2)."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

_FORM = re.compile(r"((?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:-.*)?")


def traceparent(headers: Headers) -> str | None:
    """The header without what later versions may add; None if there is none or it has not its form, as the standard
    asks of whoever cannot read it."""
    found = _FORM.fullmatch(headers.get("traceparent", ""))
    return None if found is None else found[1]


def trace_id(headers: Headers) -> str:
    """The trace that the caller says the request belongs to, in 32 hexadecimal digits; empty for none."""
    return (traceparent(headers) or "")[3:35]


def _of(request: Request) -> str | None:
    return traceparent(request.headers)


TraceParent = Annotated[str | None, Depends(_of)]
"""Where the request stands in its caller's trace."""
