"""Columns as array literals of Postgres: one text each, which is much cheaper to send than an array of values.

asyncpg looks at every element of an array from Python; here all of them are joined by C. A statement casts them back:
``$1::text::integer[]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable


def numbers(values: Iterable[float | None]) -> str:
    """Integers or floats; None is null."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def booleans(values: Iterable[bool]) -> str:
    """Truth values."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"


def plain(values: Iterable[str]) -> str:
    """Texts of letters, digits, hyphens and underscores alone, such as ids and statuses."""
    return "{" + ",".join(values) + "}"


def texts(values: Iterable[str]) -> str:
    """Any texts; the codec of the connection sees to what Postgres does not take."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def binaries(values: Iterable[bytes | None]) -> str:
    """Bytes; None is null."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def documents(values: Iterable[Any]) -> str:
    """JSON values; None is null."""
    return "{" + ",".join(["NULL" if value is None else _quoted(to_json(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
