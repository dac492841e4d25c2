"""What holds around every endpoint: its requests are counted, and the audit log keeps what they change."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from .bounding import count_address
from .recording import record_change


class Endpoint(APIRoute):
    """A route that is counted and recorded; as dependencies, both would cost a read more than its own work does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with both around it."""
        handle = super().get_route_handler()

        async def counted_and_recorded(request: Request) -> Response:
            await count_address(request)
            response = await handle(request)
            record_change(request)
            return response

        return counted_and_recorded


class Resource(APIRouter):
    """The endpoints of a resource."""

    def __init__(self, *, prefix: str = "", tags: list[str] | None = None, include_in_schema: bool = True) -> None:
        super().__init__(prefix=prefix, tags=[*tags] if tags else None, include_in_schema=include_in_schema,
                         route_class=Endpoint)  # fmt: skip
