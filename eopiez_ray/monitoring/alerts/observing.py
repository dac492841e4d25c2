"""Answers what rules ask: one read for all rules that ask the same, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..catalogue import CATALOGUE, Kind
from .conditions import Answers, Labels, of_project
from .queries import WEEK_S, Query, queries_of
from .rules import Absence, AuditChain

if TYPE_CHECKING:
    from ...store.alerts import AlertStore
    from ..samples import Line, Samples
    from .states import Standing

SHORT_S = 300.0
"""Answers about windows up to here are read at each look."""
SHARE, LONGEST_S = 60, 60.0
"""Longer windows change slowly: an answer is good for this part of them, and for a minute at most."""
HOUR_S = 3600
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Answer:
    """What was read, and in the forms that rules take."""

    values: Mapping[Labels, float]
    usual: Mapping[Labels, Sequence[float]] = field(default_factory=dict)
    read_at: datetime = LONG_AGO
    good_until: datetime = LONG_AGO
    _by_project: dict[str, dict[Labels, float]] | None = None

    def of(self, project: str) -> Mapping[Labels, float]:
        """Values of one project, by all their labels."""
        if self._by_project is None:
            found: defaultdict[str, dict[Labels, float]] = defaultdict(dict)
            for labels, value in self.values.items():
                found[labels[0]][labels] = value
            self._by_project = dict(found)
        return self._by_project.get(project, {})


class Observer:
    """Reads samples and events for rules."""

    def __init__(self, samples: Samples, store: AlertStore) -> None:
        self._samples, self._store = samples, store
        self._known: dict[Query, Answer] = {}
        self._standings: Sequence[Standing] = ()
        self._asked: dict[int, list[Query]] = {}
        """What each rule asks, by the identity of its standing, which ``_standings`` keeps alive."""

    async def read(self, standings: Sequence[Standing], now: datetime) -> None:
        """Read what these rules ask, unless it is known and fresh enough."""
        if standings is not self._standings:
            self._standings = standings
            self._asked = {id(each): queries_of(each.rule.when, each.project) for each in standings}
            asked = {query for queries in self._asked.values() for query in queries}
            self._known = {query: self._known.get(query, Answer({})) for query in asked}
        for query in self._known:
            known = self._known[query]
            if not known.read_at <= now < known.good_until:
                answer = await self._read(query, now)
                answer.read_at, answer.good_until = now, now + _lifetime(query)
                self._known[query] = answer

    def answers(self, standing: Standing, audit_faults: int) -> Answers:
        """What one rule asked, as of the last ``read``."""
        when, project = standing.rule.when, standing.project
        found = [self._known[query] for query in self._asked[id(standing)]]
        if project is None:
            values = [answer.values for answer in found]
        else:
            by = () if isinstance(when, Absence | AuditChain) else tuple(when.by)
            values = [of_project(answer.of(project), project, by) for answer in found]
        usual = next((answer.usual for answer in found if answer.usual), {})
        if project is not None and usual:
            by = tuple(getattr(when, "by", ()))
            usual = {
                next(iter(of_project({labels: 0.0}, project, by))): weeks
                for labels, weeks in usual.items()
                if labels[0] == project
            }
        return Answers(values, usual, audit_faults)

    async def _read(self, query: Query, now: datetime) -> Answer:
        if query.how == "events":
            return Answer(await self._store.count_events(query.subject, query.conditions, query.by, query.window_s))
        if query.how == "usual":
            return Answer({}, await self._usual(query, now))
        return Answer(await self._values(query, now))

    async def _values(self, query: Query, now: datetime) -> Mapping[Labels, float]:
        metric, where = CATALOGUE[query.subject], query.conditions
        if query.how == "latest":
            return await self._samples.latest(metric, where, projects=None, by=query.by)
        window = {"since": now - timedelta(seconds=query.window_s), "until": now + timedelta(seconds=HOUR_S)}
        if query.quantile is not None:
            found = await self._samples.distributions(metric, where, projects=None, by=query.by, **window)
            return {labels: each.quantile(query.quantile) for labels, each in found.items() if each.count}
        return await self._samples.totals(metric, where, projects=None, by=query.by, **window)

    async def _usual(self, query: Query, now: datetime) -> dict[Labels, list[float]]:
        """For each series, its value at this hour of the week, in each of the weeks before."""
        metric = CATALOGUE[query.subject]
        hour = now.replace(minute=0, second=0, microsecond=0)
        weeks = round(query.window_s / WEEK_S)
        found: defaultdict[Labels, list[float]] = defaultdict(list)
        for week in range(1, weeks + 1):
            begin = hour - timedelta(weeks=week)
            lines = await self._samples.series(
                metric, query.conditions, projects=None, since=begin, until=begin + timedelta(hours=1),
                step_s=HOUR_S, by=query.by,
            )  # fmt: skip
            for line in lines:
                found[tuple(line.labels[name] for name in query.by)] += _hourly(line, metric.kind)
        return dict(found)


def _lifetime(query: Query) -> timedelta:
    """How long an answer is good."""
    return timedelta(seconds=0.0 if query.window_s <= SHORT_S else min(query.window_s / SHARE, LONGEST_S))


def _hourly(line: Line, kind: Kind) -> list[float]:
    return [point.value if kind is Kind.GAUGE else point.value / HOUR_S for point in line.points]
