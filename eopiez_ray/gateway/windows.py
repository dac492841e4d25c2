"""Windows of time, as requests name them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from .problems import Problem

LONGEST_WINDOW_S = 400 * 24 * 3600
DAYS = timedelta(days=2)
"""Windows that are as long begin and end at full hours, so that few samples have to be read."""
WindowParameter = Annotated[int, Query(ge=1, le=LONGEST_WINDOW_S, description="How far to look back.")]
UntilParameter = Annotated[datetime | None, Query(description="The end of the window; now by default.")]


def bounds(until: datetime | None, length: timedelta) -> tuple[datetime, datetime]:
    """A window's beginning and end; one of days begins at a full hour, and ends there, unless it ends now."""
    end = _end(until)
    if length < DAYS:
        return end - length, end
    full = timedelta(hours=1)
    return floored(end - length), end if until is None else floored(end - timedelta(microseconds=1)) + full


def floored(moment: datetime) -> datetime:
    """The beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _end(until: datetime | None) -> datetime:
    now = datetime.now(UTC)
    if until is None:
        return now
    end = until if until.tzinfo else until.replace(tzinfo=UTC)
    if not 1972 < end.year < 9000:
        detail = f"the window cannot end in the year {end.year}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, "name a time of this century")
    return end.astimezone(UTC)
