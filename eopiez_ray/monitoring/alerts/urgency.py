"""What rules watch that fire at once, and so is measured and told sooner than the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..catalogue import CATALOGUE
from .built_in import BUILT_IN
from .rules import to_document

if TYPE_CHECKING:
    from ...store.alert_desk import AlertDesk
    from ...store.alerts import AlertStore
    from ..catalogue import Metric
    from ..meter import Key

LEARN_S = 10.0
"""Seconds between looks at whether rules have changed."""
MOST_CONDITIONS = 50
"""Conditions on the labels of one metric beyond which all its series are taken to be watched."""

Choice = Mapping[str, frozenset[str]]
"""What labels may be."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Series in which something new makes an alert at once."""

    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    """By metric: a series is watched that meets one of them."""
    hurried: frozenset[str] = frozenset()
    """Metrics of rules that somebody has written: worth more looks than are taken anyway."""

    def covers(self, key: Key) -> bool:
        """Whether this series is watched."""
        choices = self.choices.get(key.metric.name, ())
        labels = dict(zip(key.metric.kept, key.labels, strict=True)) if choices else {}
        return any(all(labels.get(name) in values for name, values in choice.items()) for choice in choices)

    def has(self, metrics: Iterable[Metric]) -> bool:
        """Whether any of these metrics is watched."""
        return any(metric.name in self.choices for metric in metrics)

    def hurries(self, metrics: Iterable[Metric]) -> bool:
        """Whether any of these metrics is worth more looks."""
        return any(metric.name in self.hurried for metric in metrics)


def watched(written: Iterable[Mapping[str, Any]], built_in: Iterable[Mapping[str, Any]] = ()) -> Watched:
    """What is watched by conditions, as they are written in rules without ``for``."""
    own = [series for when in written for series in _series(when)]
    choices: defaultdict[str, dict[tuple[Any, ...], Choice]] = defaultdict(dict)
    for metric, where in (*own, *(series for when in built_in for series in _series(when))):
        choices[metric][tuple(sorted((name, *sorted(values)) for name, values in where.items()))] = where
    return Watched(
        {metric: tuple(each.values()) if len(each) <= MOST_CONDITIONS else ({},) for metric, each in choices.items()},
        frozenset(metric for metric, _ in own),
    )


def _series(when: Mapping[str, Any]) -> list[tuple[str, Choice]]:
    """The series that can break a rule by growing or moving; of parts of a whole, the part. What this version does not
    know is passed over."""
    part = {"threshold": when, "rate": when, "ratio": when.get("part"), "burn_rate": when.get("bad")}.get(
        str(when.get("kind"))
    )
    if not isinstance(part, Mapping) or part.get("metric") not in CATALOGUE:
        return []
    where = part.get("where") or {}
    return [
        (part["metric"], {name: frozenset([each] if isinstance(each, str) else each) for name, each in where.items()})
    ]


class Lookout:
    """Knows what is watched now."""

    def __init__(self, store: AlertStore, desk: AlertDesk) -> None:
        self._store, self._desk = store, desk
        self._revision = -1
        self.watched = Watched()

    async def learn(self) -> None:
        """Read the rules, if any has changed."""
        revision = await self._store.revision()
        if revision != self._revision:
            self.watched = watched(await self._desk.urgent_conditions(), _BUILT_IN)
            self._revision = revision


_BUILT_IN = [to_document(rule)["when"] for rule in BUILT_IN.values() if not rule.hold]
