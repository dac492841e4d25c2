"""Sizes of themes over time, in bins that a calendar has."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.report.bursts import bursts
from eopiez_ray.phases.report.facts import Timeline

Times = npt.NDArray[np.datetime64]
Themes = npt.NDArray[np.int32]

FEWEST = 10
"""Dated documents from which there is a timeline."""
MOST_BINS = 60
OUTLIERS = 0.005
"""Share of documents at either end that may be left out if that halves the range."""
_FIRST, _LAST = np.datetime64("0001-01-01T00:00:00"), np.datetime64("9999-12-31T23:59:59")
"""Times that a calendar has; the bins of its first and last days begin before them, and end after them."""
UNITS = (
    ("hour", "h", 1),
    ("day", "D", 1),
    ("week", "W", 1),
    ("month", "M", 1),
    ("quarter", "M", 3),
    ("year", "Y", 1),
    ("decade", "Y", 10),
)
"""Names, finest first, with NumPy's unit and how many of it."""


def make_timeline(times: Times, themes: Themes) -> Timeline | None:
    """Documents a theme and bin; None where too few documents have a time, or all have the same.

    Args:
        times: ``datetime64[us]`` in UTC, ``(n,)``; not-a-time where there is none.
        themes: ``(n,)``.
    """
    dated = ~np.isnat(times)
    known, theirs = times[dated], themes[dated]
    if len(known) < FEWEST or known.min() == known.max():
        return None
    first, last = _range(known)
    inside = (known >= first) & (known <= last)
    unit, bins, starts = _bins(known[inside], first, last)
    series = {
        int(theme): tuple(np.bincount(bins[theirs[inside] == theme], minlength=len(starts)).tolist())
        for theme in np.unique(theirs[inside])
    }
    total = np.bincount(bins, minlength=len(starts))
    dates = tuple(map(_as_date, starts))
    undated, outside = int((~dated).sum()), int((~inside).sum())
    found = [burst for theme in sorted(series) if theme >= 0 for burst in bursts(theme, series[theme], total.tolist())]
    found.sort(key=lambda burst: -burst.weight)
    return Timeline(unit, dates, tuple(total.tolist()), series, tuple(found), undated, outside)


def end_of(timeline: Timeline) -> datetime:
    """Where the last bin ends, which no document of it reaches."""
    unit, size = next((unit, size) for name, unit, size in UNITS if name == timeline.unit)
    last = np.datetime64(timeline.starts[-1].replace(tzinfo=None)).astype(f"datetime64[{unit}]")
    return _as_date(last + np.timedelta64(size, unit))  # type: ignore[call-overload]


def _as_date(time: np.datetime64) -> datetime:
    date: datetime = min(max(time.astype("datetime64[s]"), _FIRST), _LAST).item()
    return date.replace(tzinfo=UTC)


def _range(known: Times) -> tuple[np.datetime64, np.datetime64]:
    """First and last time, without the few wrong dates that most mail and web collections have."""
    ordered = np.sort(known)
    cut = int(len(ordered) * OUTLIERS)
    inner = ordered[cut], ordered[len(ordered) - 1 - cut]
    is_stretched = (ordered[-1] - ordered[0]) > 2 * (inner[1] - inner[0])
    return inner if is_stretched and inner[0] < inner[1] else (ordered[0], ordered[-1])


def _bins(known: Times, first: np.datetime64, last: np.datetime64) -> tuple[str, npt.NDArray[np.int64], Times]:
    """The finest unit with few enough bins; the bin of each time; where bins start."""
    for name, unit, size in UNITS:
        low = _cell(first, unit) // size
        count = int(_cell(last, unit) // size - low) + 1
        if count <= MOST_BINS or (name, unit, size) == UNITS[-1]:
            break
    cells = known.astype(f"datetime64[{unit}]").astype(np.int64) // size - low
    starts = ((np.arange(count) + low) * size).astype(f"datetime64[{unit}]")
    return name, cells, starts


def _cell(time: np.datetime64, unit: str) -> int:
    return int(time.astype(f"datetime64[{unit}]").astype(np.int64))
