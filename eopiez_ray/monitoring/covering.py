"""Which samples cover a window: as few as possible, long periods in its middle and shorter ones at its ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from .folding import FINEST_S, period_of
from .rollups import EPOCH, LEVELS


class Part(NamedTuple):
    """A part of a window, to be read in one resolution."""

    resolution: int
    since: datetime
    until: datetime


class Kept(NamedTuple):
    """What samples there are."""

    through: Mapping[int, datetime]
    """Up to when each resolution is rolled up."""
    since: Mapping[int, datetime]
    """From when on samples of each resolution are still kept."""


def cover(since: datetime, until: datetime, kept: Kept, longest: int = LEVELS[-1]) -> list[Part]:
    """Parts that make up a window, in order, without gap or overlap.

    Where only longer periods are kept, the window grows to their beginnings.

    Args:
        since, until: the window, without its end.
        kept: what there is.
        longest: no period may be longer, in seconds.
    """
    if since >= until:
        return []
    if longest == FINEST_S:
        return [Part(FINEST_S, period_of(since, FINEST_S), until)]
    finer = LEVELS[LEVELS.index(longest) - 1]
    length = timedelta(seconds=longest)
    begin = period_of(since, longest)
    if begin < since and since >= kept.since.get(finer, EPOCH):
        begin += length
    end = min(period_of(until, longest), kept.through.get(longest, EPOCH))
    if begin >= end:
        return cover(since, until, kept, finer)
    edges = cover(since, min(begin, until), kept, finer), cover(end, until, kept, finer)
    return [*edges[0], Part(longest, begin, end), *edges[1]]


def step_of(window: timedelta) -> int:
    """A resolution in which a window has at most some hundreds of points."""
    return next((level for level in LEVELS if window.total_seconds() / level <= 720), LEVELS[-1])
