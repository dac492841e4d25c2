"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from eopiez_ray.phases.languages.names import language_name
from eopiez_ray.phases.report.facts import Report, Step, Timeline
from eopiez_ray.phases.report.map import Map

PALETTE = (
    "#4269d0", "#e8a413", "#e4573d", "#3fae9c", "#4c9f38", "#e76fa3",
    "#9159d6", "#5fa3e6", "#9c6b4e", "#a8a631", "#c2447f", "#1c7f8f",
)  # fmt: skip
"""Colours of the largest themes, which keep apart on white and on black; those of the others are generated."""
GOLDEN = 0.618034
SHOWN_CARDS = 24
SHOWN_SERIES = 12
SHOWN_MOTIFS = 24
SHOWN_LANGUAGES = 8
SHOWN_VALUES = 10
SHOWN_BURSTS = 8
SHOWN_LINES = 5
SHOWN_ANSWERS = 6
LEAST_DOCUMENTS = 2
"""Documents that point at the most widespread value of a facet that is shown."""
FACET_TITLES = {"domain": "Web sites", "mention": "People mentioned", "hashtag": "Hashtags", "emoji": "Emoji"}
FACET_NAMES = {"label": "label", "source": "file", "language": ""}
_SHORT_S = 60
_LARGE_UNITS = ("kB", "MB", "GB", "TB", "PB")
_DATES = {"hour": "%d %b %Y %H:00", "day": "%d %b %Y", "week": "%d %b %Y", "month": "%b %Y", "quarter": "%b %Y"}


def render(report: Report, points: Map) -> str:
    """The whole page. All that came from documents is escaped."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            points=points,
            map_value=points.to_value() | {"labels": {theme.theme: theme.label for theme in report.themes}},
            labels={theme.theme: theme.label for theme in report.themes},
            colours={theme.theme: colour(rank) for rank, theme in enumerate(report.themes)},
            style=_template("report.css"),
            script=_template("map.js"),
            shown_cards=SHOWN_CARDS,
            shown_series=SHOWN_SERIES,
            shown_motifs=SHOWN_MOTIFS,
            shown_languages=SHOWN_LANGUAGES,
            shown_values=SHOWN_VALUES,
            shown_bursts=SHOWN_BURSTS,
            several_languages=len({theme.language for theme in report.themes}) > 1,
            shown_lines=SHOWN_LINES,
            shown_answers=SHOWN_ANSWERS,
            facets=[facet for facet in report.facets if facet.top[0][1] >= LEAST_DOCUMENTS],
            facet_titles=FACET_TITLES,
            facet_names=FACET_NAMES,
        )
    )


def colour(rank: int) -> str:
    """The colour of the theme that is the ``rank``-th largest, from 0."""
    if rank < len(PALETTE):
        return PALETTE[rank]
    red, green, blue = colorsys.hls_to_rgb(rank * GOLDEN % 1, 0.5 + 0.08 * (rank % 2), 0.45)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def with_commas(number: float) -> str:
    """A count, in groups of three digits."""
    return f"{number:,.0f}"


def as_bytes(number: float) -> str:
    """A size in powers of ten."""
    if number < 1000:
        return f"{number:.0f} B"
    power = 1
    while number >= 999.5 * 1000**power and power < len(_LARGE_UNITS):
        power += 1
    return f"{number / 1000**power:.3g} {_LARGE_UNITS[power - 1]}"


def as_duration(seconds: float) -> str:
    """A time that took so long."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < _SHORT_S:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def as_percent(share: float) -> str:
    """A share of 1; what is small but not nothing says so."""
    if 0 < share < 0.005:
        return "<\u202f1\u202f%"
    return f"{share * 100:.0f}\u202f%"


def as_date(time: datetime, unit: str) -> str:
    """When a bin begins, as exactly as its unit is."""
    return time.strftime(_DATES.get(unit, "%Y"))


def grouped(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Steps by the content phase that their names begin with, in order."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.name.partition(".")[0], []).append(step)
    return list(groups.items())


def burst_bins(timeline: Timeline, theme: int) -> set[int]:
    """The bins in which a theme is in a burst."""
    return {bin_ for burst in timeline.bursts if burst.theme == theme for bin_ in range(burst.first, burst.last + 1)}


def ticks(timeline: Timeline) -> list[tuple[float, str]]:
    """Places in [0, 1] and dates of a few bins."""
    count = len(timeline.starts)
    shown = sorted({0, count // 2, count - 1} if count > 4 else set(range(count)))
    return [((bin_ + 0.5) / count, as_date(timeline.starts[bin_], timeline.unit)) for bin_ in shown]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("eopiez_ray.phases.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": with_commas,
        "bytes": as_bytes,
        "duration": as_duration,
        "percent": as_percent,
        "grouped": grouped,
        "ticks": ticks,
        "burst_bins": burst_bins,
        "date": as_date,
        "language": language_name,
    }
    return environment


def _template(name: str) -> Any:
    return resources.files("eopiez_ray.phases.report").joinpath("templates", name).read_text("utf-8")
