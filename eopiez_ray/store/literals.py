"""Columns as Postgres array literals: one text each, which is much cheaper to send than an array of values.

asyncpg handles every element of an array in Python; here they are all joined in C. A statement casts them back:
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
    """Texts of only letters, digits, hyphens, underscores and plus signs, such as ids, statuses and forms."""
    return "{" + ",".join(values) + "}"


def texts(values: Iterable[str]) -> str:
    """Any texts; the connection's codec handles what Postgres does not accept."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def binaries(values: Iterable[bytes | None]) -> str:
    """Bytes; None is null."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def documents(values: Iterable[Any]) -> str:
    """JSON values; None is null."""
    return "{" + ",".join(["NULL" if value is None else _quoted(to_json(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
