"""What one process measures: numbers in memory, taken out and written together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..model.sketch import SUM, bucket_of
from .catalogue import Kind, Metric

Labels = tuple[str, ...]
"""Values of a metric's labels, in their order."""
NEWS = 0.01
"""A gauge that has moved by less than this part of its value can wait."""
VALUE = 0
"""Where a counter keeps what was added to it, and a gauge its mean."""


class Key(NamedTuple):
    """A series."""

    metric: Metric
    labels: Labels


class Meter:
    """Counts, observes and notes for one process. Methods may be called from any thread and take microseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: dict[Key, dict[int, float]] = {}
        self._gauges: dict[Key, float] = {}
        self._said: dict[Key, float] = {}
        """Where gauges stood when they were last taken."""

    def add(self, metric: Metric, amount: float = 1.0, labels: Labels = ()) -> None:
        """Add to a counter."""
        assert metric.kind is Kind.COUNTER
        with self._lock:
            values = self._added.setdefault(Key(metric, labels), {})
            values[VALUE] = values.get(VALUE, 0.0) + amount

    def observe(self, metric: Metric, value: float, labels: Labels = (), times: int = 1) -> None:
        """Count a value in a histogram."""
        assert metric.kind is Kind.HISTOGRAM
        bucket = bucket_of(value)
        with self._lock:
            values = self._added.setdefault(Key(metric, labels), {})
            values[bucket] = values.get(bucket, 0.0) + times
            values[SUM] = values.get(SUM, 0.0) + value * times

    def merge(self, metric: Metric, sketch: Mapping[int, float], labels: Labels = ()) -> None:
        """Count the values of a sketch in a histogram."""
        assert metric.kind is Kind.HISTOGRAM
        with self._lock:
            values = self._added.setdefault(Key(metric, labels), {})
            for bucket, count in sketch.items():
                values[bucket] = values.get(bucket, 0.0) + count

    def note(self, metric: Metric, value: float, labels: Labels = ()) -> None:
        """Say where a gauge stands."""
        assert metric.kind is Kind.GAUGE
        with self._lock:
            self._gauges[Key(metric, labels)] = value

    def take(self, wanted: Callable[[Metric], bool] = lambda _: True) -> Measured:
        """What was measured since this was last called, of the metrics that are wanted, which begin anew."""
        with self._lock:
            taken = Measured(
                {key: values for key, values in self._added.items() if wanted(key.metric)},
                {key: value for key, value in self._gauges.items() if wanted(key.metric)},
            )
            self._added = {key: values for key, values in self._added.items() if key not in taken.added}
            self._gauges = {key: value for key, value in self._gauges.items() if key not in taken.gauges}
            self._said |= taken.gauges
        return taken

    def has_news(self, wanted: Callable[[Key], bool]) -> bool:
        """Whether something was counted, or a gauge has moved by more than ``NEWS`` of its value, of series that are
        wanted."""
        with self._lock:
            return any(any(values.values()) for key, values in self._added.items() if wanted(key)) or any(
                self._has_moved(key, value) for key, value in self._gauges.items() if wanted(key)
            )

    def _has_moved(self, key: Key, value: float) -> bool:
        said = self._said.get(key)
        return said is None or abs(value - said) > NEWS * abs(said)


class Measured(NamedTuple):
    """What a process has measured in an interval."""

    added: Mapping[Key, Mapping[int, float]]
    """What was added to counters and histograms, by bucket."""
    gauges: Mapping[Key, float]

    def entries(self) -> list[list[Any]]:
        """As a report's JSON: metric, values of its labels, ``[bucket, value]`` pairs."""
        added = [[key.metric.name, [*key.labels], [*map(list, values.items())]] for key, values in self.added.items()]
        return added + [[key.metric.name, [*key.labels], [[VALUE, value]]] for key, value in self.gauges.items()]
