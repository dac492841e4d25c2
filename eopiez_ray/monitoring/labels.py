"""Which series there are, and how many there may be: what strangers invent is bounded.

A value that a label has not had before becomes ``(other)`` once the label has ``MOST_VALUES`` values in that metric, or
the metric ``MOST_SERIES`` series. Places become free when series have not been measured for as long as samples are
kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..store.encoding import clean
from .catalogue import CATALOGUE, Metric

if TYPE_CHECKING:
    from ..store.samples import SeriesRow

OTHER = "(other)"
"""No project can be called so, and nobody who sees some project sees these."""
MOST_VALUES = 2000
"""Values of one label of a metric."""
MOST_SERIES = 20_000
"""Series of a metric."""
LONGEST = 100
"""Characters of a value; longer ones end in ``…``."""

Labels = tuple[str, ...]


class Book:
    """The ids of series, by metric and the values of its labels."""

    def __init__(self, rows: Iterable[SeriesRow] = ()) -> None:
        self._ids: dict[tuple[str, Labels], int] = {}
        self._values: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._counts: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            self.learn(row)

    def __len__(self) -> int:
        return len(self._ids)

    def learn(self, row: SeriesRow) -> None:
        """Know a series; one of a metric that is not in the catalogue any more is passed over."""
        metric = CATALOGUE.get(row.metric)
        if metric is None or tuple(sorted(row.labels)) != tuple(sorted(metric.kept)):
            return
        labels = tuple(row.labels[name] for name in metric.kept)
        if (row.metric, labels) not in self._ids:
            self._note(metric, labels)
        self._ids[row.metric, labels] = row.id

    def id_of(self, metric: Metric, labels: Labels) -> int | None:
        """The id of a series; None if it has none yet."""
        return self._ids.get((metric.name, labels))

    def reserved(self, metric: Metric, labels: Iterable[object]) -> Labels:
        """Labels as they are kept: short, clean, and ``(other)`` where there are too many. A new series counts from now
        on, and has the id 0 until it is learnt."""
        wanted = tuple(shortened(str(value)) for value in labels)
        if (metric.name, wanted) in self._ids:
            return wanted
        kept = tuple(each if self._has_room(metric, position, each) else OTHER for position, each in enumerate(wanted))
        if self._counts[metric.name] >= MOST_SERIES:
            kept = (OTHER,) * len(kept)
        if (metric.name, kept) not in self._ids:
            self._note(metric, kept)
            self._ids[metric.name, kept] = 0
        return kept

    def _has_room(self, metric: Metric, position: int, value: str) -> bool:
        values = self._values[metric.name, position]
        return value in values or len(values) < MOST_VALUES

    def _note(self, metric: Metric, labels: Labels) -> None:
        self._counts[metric.name] += 1
        for position, value in enumerate(labels):
            self._values[metric.name, position].add(value)


def shortened(value: str) -> str:
    """The value without what no database or terminal can show, and of bounded length."""
    shown = clean(value)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
