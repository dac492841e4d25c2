"""Where a request stands in its caller's trace, by the header ``traceparent`` (W3C Trace Context, section 3.2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import Depends, Request
from starlette.datastructures import Headers

from ..monitoring.tracing.roots import Place
from ..monitoring.tracing.spans import Span

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store.intake import Created, NewWorkflow

_FORM = re.compile(r"((?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:-.*)?")


def traceparent(headers: Headers) -> str | None:
    """The header without what later versions may add; None if there is none or it has not its form, as the standard
    asks of whoever cannot read it."""
    found = _FORM.fullmatch(headers.get("traceparent", ""))
    return None if found is None else found[1]


def trace_id(headers: Headers) -> str:
    """The trace that the caller says the request belongs to, in 32 hexadecimal digits; empty for none."""
    return (traceparent(headers) or "")[3:35]


class Traced:
    """A request that creates a workflow, in its trace."""

    def __init__(self, request: Request) -> None:
        """
        Args:
            request: the request.
        """
        self._request, self._caller = request, traceparent(request.headers)
        settings: Settings = request.app.state.system.settings
        self._place = None if settings.otlp_url is None else Place.below(self._caller)

    def placed(self, new: NewWorkflow) -> NewWorkflow:
        """The workflow below the request, where traces are exported; otherwise below the caller's span."""
        if self._place is None:
            return new._replace(traceparent=self._caller)
        return new._replace(traceparent=self._place.traceparent, id=self._place.workflow)

    def note(self, created: Created, project: str) -> None:
        """The workflow was created, unless it had been before: then the request is a part of nothing."""
        if self._place is not None and created.is_new:
            self._request.state.root = Root(self._place, project)


class Root(NamedTuple):
    """A request that has created a workflow."""

    place: Place
    project: str

    def span(self, route: str, method: str, status: str, began_at: datetime) -> Span:
        """Its span, once it is answered."""
        return Span(
            self.place.trace_id, self.place.span_id, self.place.parent_id, f"{method} {route}", began_at,
            max(began_at, datetime.now(UTC)), f"HTTP {status}" if status.startswith("5") else None,
            {
                "eopiez.project": self.project, "eopiez.workflow.id": str(self.place.workflow),
                "http.request.method": method, "http.route": route, "http.response.status_code": int(status),
            },
            is_request=True,
        )  # fmt: skip


TracedDep = Annotated[Traced, Depends(Traced)]
