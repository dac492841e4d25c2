"""Lists, a page after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .transport import Transport

PAGE = 1000
"""Rows fetched at a time: the most that the gateway gives."""


async def pages(
    transport: Transport, path: str, items: str = "items", most: int | None = None, *, limit: int = PAGE, **query: Any
) -> AsyncIterator[Any]:
    """The rows of a list, fetched as they are needed.

    Args:
        transport: to the gateway.
        path: of the list.
        items: what the answer calls its rows.
        most: how many at most; all by default.
        limit: how many at a time.
        query: its conditions.
    """
    left, cursor = most, None
    while left is None or left > 0:
        size = limit if left is None else min(limit, left)
        page = await transport.get(path, cursor=cursor, limit=size, **query)
        for row in page[items]:
            yield row
        cursor, left = page["next"], None if left is None else left - len(page[items])
        if cursor is None:
            return
