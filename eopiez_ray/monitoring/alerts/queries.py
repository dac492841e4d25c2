"""What rules ask of samples and events, so that many rules share one answer.

Rules that ask the same, apart from their project and their bound, are answered by one read: it tells all projects
apart, and each rule takes its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .rules import Absence, BurnRate, Condition, Events, Ratio, Series, Threshold, Unusual, Where

How = Literal["latest", "mean", "count", "usual", "present", "events"]
Chosen = tuple[tuple[str, tuple[str, ...]], ...]
PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Query:
    """One read."""

    subject: str
    """A metric, or a source of events."""
    how: How
    window_s: float
    where: Chosen
    by: tuple[str, ...]
    """Labels to tell apart; of a project's rule, its project is the first."""
    quantile: float | None = None
    """Which quantile of a histogram, in place of what it has counted."""

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """The labels that are asked for."""
        return dict(self.where)


def queries_of(when: Condition, project: str | None) -> list[Query]:
    """What a rule of that project asks, in the order in which ``conditions.py`` takes the answers."""
    if isinstance(when, Threshold):
        how: How = "latest" if when.read == "latest" else "mean" if when.read == "mean" else "count"
        window = 0.0 if when.read == "latest" else when.window
        return [_query(when, how, window, when.by, project, when.quantile)]
    if isinstance(when, Absence):
        return [_query(when, "present", when.window, [], project)]
    if isinstance(when, Unusual):
        return [
            _query(when, "count" if _counts(when) else "mean", when.window, when.by, project),
            _query(when, "usual", when.weeks * WEEK_S, when.by, project),
        ]
    if isinstance(when, Ratio):
        how = "count" if _counts(when.part) else "mean"
        return [_query(each, how, when.window, when.by, project) for each in (when.part, when.whole)]
    if isinstance(when, BurnRate):
        return [
            _query(each, "count", window, when.by, project)
            for pair in when.windows
            for window in (pair.long, pair.short)
            for each in (when.bad, when.all)
        ]
    if isinstance(when, Events):
        return [Query(when.source, "events", when.window, _chosen(when.where), _by(when.by, project))]
    return [] if when.kind == "audit_chain" else [_query(when, "count", when.window, when.by, project)]


WEEK_S = 604_800.0


def _counts(series: Series) -> bool:
    return series.meant.kind.value != "gauge"


def _query(
    series: Series, how: How, window_s: float, by: list[str], project: str | None, quantile: float | None = None
) -> Query:
    return Query(series.metric, how, window_s, _chosen(series.where), _by(by, project), quantile)


def _by(by: list[str], project: str | None) -> tuple[str, ...]:
    if project is None:
        return tuple(by)
    return (PROJECT, *(name for name in by if name != PROJECT))


def _chosen(where: Where) -> Chosen:
    return tuple(sorted((name, (value,) if isinstance(value, str) else tuple(value)) for name, value in where.items()))


Values = Mapping[tuple[str, ...], float]
"""An answer: a value for the values of the labels in ``by``."""
