"""What commands ask the gateway of a system elsewhere that the client has no method for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from .system import open_system

if TYPE_CHECKING:
    from ..client.blocking import Remote

PAGE = 1000
Facts = Mapping[str, Any]


def ask(method: str, path: str, body: Any = None, **options: Any) -> Any:
    """The JSON of an answer; options are those of ``Remote.request``."""
    with open_system() as system:
        return cast("Remote", system).request(method, path, body, **options)


def ask_all(path: str, most: int | None = None, **query: Any) -> list[Facts]:
    """The items of a list, up to so many."""
    found: list[Facts] = []
    cursor = None
    while most is None or len(found) < most:
        limit = PAGE if most is None else min(PAGE, most - len(found))
        page = ask("GET", path, cursor=cursor, limit=limit, **query)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    return found


def moment_of(given: datetime | str | None) -> datetime | None:
    """A moment, as it is here or as an answer writes it."""
    return datetime.fromisoformat(given) if isinstance(given, str) else given
