"""Documents and values as they come out of a file, before they become a table."""

from __future__ import annotations

import functools
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from eopiez_ray.model.tasks import Reject

SAMPLE_LENGTH = 200
"""Characters of a rejected row that are kept."""

_FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
            "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y-%m", "%Y")  # fmt: skip
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (0.0, 1.0))
"""From which magnitude a number counts nanoseconds, microseconds, milliseconds and seconds since 1970."""


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


def rejected(source: str, reason: str, sample: object = "") -> Reject:
    """A reject whose sample is short and can be printed, whatever was there."""
    shown = sample if isinstance(sample, str) else repr(sample)
    printable = shown[:SAMPLE_LENGTH].encode("utf-8", "backslashreplace").decode()
    return Reject(source, reason, printable[:SAMPLE_LENGTH])


def plain_value(value: Any) -> str | None:
    """An id, title or label as a string: numbers in full, lists joined; None for what is missing or empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, list):
        return ", ".join(filter(None, map(plain_value, value))) or None
    text = value.strip() if isinstance(value, str) else str(value)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text or None


def parse_time(value: Any) -> datetime | None:
    """The moment that a cell states, or None if it cannot be told.

    Understands ISO 8601, RFC 2822, Unix times in seconds to nanoseconds (by magnitude), and common written dates;
    ``4/5/2024`` is read month first unless only day first is possible. Without a zone it is UTC.
    """
    if isinstance(value, datetime):
        return _zoned(value)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return _from_epoch(float(value))
    if hasattr(value, "isoformat"):
        return _parse_text(value.isoformat())
    return _parse_text(value.strip()) if isinstance(value, str) else None


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
