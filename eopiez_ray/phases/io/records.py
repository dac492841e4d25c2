"""Documents and values as they come out of a file, before they become a table."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NamedTuple, TypeVar

from eopiez_ray.model.names import shown
from eopiez_ray.model.tasks import Reject

SAMPLE_LENGTH = 200
"""Characters of a rejected row that are kept."""
_LONGEST_TIME = 100
"""Characters beyond which a value states no time."""

_FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
            "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y-%m", "%Y")  # fmt: skip
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (0.0, 1.0))
"""From which magnitude a number counts nanoseconds, microseconds, milliseconds and seconds since 1970."""
_SURROGATES = re.compile("[\ud800-\udfff]")

Content = TypeVar("Content")


class Record(NamedTuple):
    """One document as its file gives it."""

    text: str
    source: str
    """Unique in the collection: the file, and the row where it holds many."""
    id: str | None = None
    title: str | None = None
    time: datetime | None = None
    """With a time zone."""
    label: str | None = None


class Remark(NamedTuple):
    """What a user should know of an input, though it cost no document."""

    source: str
    """Where: file, and line or row."""
    what: str
    left_out: int = 0
    """Rows, lines or files that were passed over; 0 where something was read differently than it stands."""


class Piece(NamedTuple, Generic[Content]):
    """A row or mail as it was cut out of its file, and where it stands."""

    number: int
    """Its line, or its number from 1; 0 if it is the whole file."""
    content: Content


def converted(
    name: str,
    pieces: Iterable[Piece[Content] | Reject | Remark],
    convert: Callable[[str, Content], Record | Reject],
) -> Iterator[Record | Reject | Remark]:
    """Each piece as a document or a reject; an error that nobody foresaw costs one piece, whatever it is.

    Args:
        name: of the file.
        convert: makes a document of a place and what stands there.
    """
    for piece in pieces:
        if not isinstance(piece, Piece):
            yield piece
            continue
        source = f"{name}:{piece.number}" if piece.number else name
        try:
            yield convert(source, piece.content)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # What a piece holds is a stranger's.
            yield rejected(source, reason_of(error))


def reason_of(error: Exception) -> str:
    """Why something cannot be read, in words."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it cannot be read: {type(error).__name__}: {error}".removesuffix(": ")


def rejected(source: str, reason: str, sample: object = "") -> Reject:
    """A reject whose parts are short and can be printed, whatever was there."""
    text = sample if isinstance(sample, str) else repr(sample)
    return Reject(source, shown(reason), shown(text[:SAMPLE_LENGTH])[:SAMPLE_LENGTH])


def kind_of(value: object) -> str:
    """What a value is, in words."""
    names = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"of type {type(value).__name__}")


def whole_characters(text: str) -> str:
    """The text with U+FFFD in place of halves of characters (lone surrogates), which no encoding has."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def plain_value(value: Any) -> str | None:
    """An id, title or label as a string: numbers in full, lists joined; None for what is missing or empty."""
    if type(value) is str:
        text = value.strip()
        return (text if text.isascii() else whole_characters(text)) or None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(plain_value, value))) or None
    return plain_value(_from_bytes(value) if isinstance(value, bytes) else str(value))


def _from_bytes(value: bytes) -> str:
    """Bytes as the text that they are, or in hexadecimal digits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def parse_time(value: Any) -> datetime | None:
    """The moment that a cell states, or None if it cannot be told.

    Understands ISO 8601, RFC 2822, Unix times in seconds to nanoseconds (by magnitude), and common written dates;
    ``4/5/2024`` is read month first unless only day first is possible. Without a zone it is UTC.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _parse_text(value.strip()) if len(value) <= _LONGEST_TIME else None
    try:
        return _from_value(value)
    except (ValueError, OverflowError):  # Beyond the calendar, or beyond floating point.
        return None


def _from_value(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return _zoned(value)
    if isinstance(value, (int, float)):
        return _from_epoch(float(value))
    return _parse_text(value.isoformat()) if hasattr(value, "isoformat") else None


@functools.lru_cache(4096)
def _parse_text(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, _from_slashed, _from_number, parsedate_to_datetime, _from_format):
        try:
            return _zoned(parse(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _zoned(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_epoch(number: float) -> datetime | None:
    scale = next((unit for least, unit in _EPOCH_UNITS if abs(number) >= least), 1.0)
    try:
        return datetime.fromtimestamp(number / scale, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_number(text: str) -> datetime | None:
    if len(text) < 9:  # A year or a day, not a Unix time.
        raise ValueError
    return _from_epoch(float(text))


def _from_slashed(text: str) -> datetime:
    match = _SLASHED.fullmatch(text)
    if match is None:
        raise ValueError
    first, second, year, hour, minute, seconds = (int(part or 0) for part in match.groups())
    month, day = (second, first) if first > 12 else (first, second)
    return datetime(year, month, day, hour, minute, seconds, tzinfo=UTC)


def _from_format(text: str) -> datetime:
    for pattern in _FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError
