"""What holds around every endpoint: requests are counted, their parameters checked, and the audit log keeps changes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from .bounding import count_address
from .queries import check_query, parameters_of
from .recording import record_change


class Endpoint(APIRoute):
    """A route whose requests are counted, checked and recorded; dependencies would cost more than a read does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with all of it around it."""
        handle = super().get_route_handler()
        known = parameters_of(self.endpoint, self.dependant) if self.include_in_schema else None

        async def counted_and_recorded(request: Request) -> Response:
            await count_address(request)
            check_query(request, known)
            response = await handle(request)
            record_change(request)
            return response

        return counted_and_recorded


class Resource(APIRouter):
    """The endpoints of a resource."""

    def __init__(self, *, prefix: str = "", tags: list[str] | None = None, include_in_schema: bool = True) -> None:
        super().__init__(prefix=prefix, tags=[*tags] if tags else None, include_in_schema=include_in_schema,
                         route_class=Endpoint)  # fmt: skip
