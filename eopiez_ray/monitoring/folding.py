"""From what processes report to samples: one process at a time folds everything into periods of ``FINEST_S``.

A fold is one transaction: it takes the reports, reads what has happened since the last fold, and writes the samples,
so that nothing is counted twice or lost, whichever process dies. Reports belong to the period in which they are folded,
what has happened to the one in which that began.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from ..store.samples import Fold, Sample
from .blocks import Block, gauges
from .catalogue import CATALOGUE, FOLD_SECONDS, SERIES, Across, Kind, Metric
from .labels import Book
from .meter import VALUE
from .station import SYSTEM

if TYPE_CHECKING:
    from ..store.database import Connection
    from ..store.samples import Report, SampleStore
    from .station import Station

FINEST_S = 10
"""Seconds of the shortest period that is kept."""
EARLIEST = 0.8
"""Part of the interval of folds after which all gauges are written again."""
FRESH_S = 25.0
"""Seconds for which the word of a process on a gauge counts; it is renewed with each report."""


class Entry(NamedTuple):
    """What a series measured in an interval."""

    metric: Metric
    labels: tuple[str, ...]
    values: dict[int, float]
    """By bucket."""
    source: UUID


Measures = Callable[["Connection", Fold], Awaitable[tuple[list[Entry], datetime]]]
"""Measures what has happened since the last fold, within the transaction of this one; gives that, and until when."""


class Folder:
    """Folds what was reported, and what the store itself tells."""

    def __init__(self, station: Station, store: SampleStore, measures: Measures, every_s: float = 0.0) -> None:
        """
        Args:
            station: keeps the watch.
            store: where reports and samples are.
            measures: tells what has happened.
            every_s: seconds within which all gauges are written once; in between, those of which there is news.
        """
        self._station, self._store, self._measures, self._every_s = station, store, measures, every_s
        self._book: Book | None = None
        self._last = 0
        """The last fold that was done here."""
        self._gauges = Gauges()
        self._due_at = 0.0
        """When all gauges are written again, by the monotonic clock."""
        self.late_s = 0.0
        """How far the last fold was behind: what is committed later by a transaction that is open is not seen yet."""

    async def fold(self) -> None:
        """Fold everything that has been reported, and all that has happened."""
        began = time.monotonic()
        while await self._fold_once():
            pass
        self._station.meter.observe(FOLD_SECONDS, time.monotonic() - began)

    async def _fold_once(self) -> bool:
        """Fold; True if so much has happened that some of it is left for the next fold."""
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return False
            fold = await self._store.begin_fold(connection)
            book = self._book
            if book is None or fold.number != self._last + 1:  # Meanwhile, another process may have changed them.
                book = Book(await self._store.series())
            self._book = None  # If this fails, what the book learns is not so.
            reported = entries_of(await self._store.take_reports(connection))
            happened, until = await self._measures(connection, fold)
            counted, noted = folded(await self._named(connection, book, reported))
            self._gauges.update(noted, fold.now.timestamp())
            blocks = counted | self._gauges.blocks(None if self._is_due() else {metric for metric, _ in noted})
            await self._save(connection, fold, period_of(fold.now, FINEST_S), blocks)
            counted, _ = folded(await self._named(connection, book, happened))
            await self._save(connection, fold, period_of(fold.through, FINEST_S), counted)
            await self._store.end_fold(connection, until)
        self._book, self._last = book, fold.number
        self._station.meter.note(SERIES, len(book))
        self.late_s = (fold.now - until).total_seconds()
        return until < fold.horizon

    def _is_due(self) -> bool:
        """Whether it is time for all gauges."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + EARLIEST * self._every_s
        return True

    def forget_book(self) -> None:
        """Read the series anew next time: some are forgotten, and others have not been measured for long."""
        self._book = None

    async def _save(self, connection: Connection, fold: Fold, at: datetime, blocks: Mapping[Metric, Block]) -> None:
        samples = [Sample(FINEST_S, metric.name, at, fold.number, block.packed()) for metric, block in blocks.items()]
        await self._store.save(connection, samples)

    async def _named(self, connection: Connection, book: Book, entries: Iterable[Entry]) -> list[tuple[int, Entry]]:
        """Entries with the ids of their series, which may be new."""
        bounded = [entry._replace(labels=book.reserved(entry.metric, entry.labels)) for entry in entries]
        new = {(each.metric, each.labels): None for each in bounded if not book.id_of(each.metric, each.labels)}
        if new:
            wanted = [(metric.name, dict(zip(metric.kept, labels, strict=True))) for metric, labels in new]
            for row in await self._store.add_series(connection, wanted):
                book.learn(row)
        named = [(book.id_of(each.metric, each.labels) or 0, each) for each in bounded]
        await self._store.see_series(connection, {series for series, _ in named})
        return named


def entries_of(reports: Iterable[Report]) -> list[Entry]:
    """What is in reports; what is no entry of a metric in the catalogue is passed over, since an older or newer
    process may have written it."""
    return [
        Entry(CATALOGUE[name], tuple(labels), dict(_values(pairs)), report.source)
        for report in reports
        for name, labels, pairs in report.entries
        if name in CATALOGUE and len(labels) == len(CATALOGUE[name].kept)
    ]


def _values(pairs: Iterable[Sequence[Any]]) -> Iterable[tuple[int, float]]:
    for bucket, value in pairs:
        if isinstance(value, int | float) and math.isfinite(value):
            yield int(bucket), float(value)


Noted = dict[tuple[Metric, UUID], dict[int, float]]
"""Where gauges stand, by metric and process, of each series."""


def folded(entries: Iterable[tuple[int, Entry]]) -> tuple[dict[Metric, Block], Noted]:
    """Blocks of counters and histograms, added up; and gauges, of which a process's last word counts."""
    rows: dict[Metric, dict[tuple[int, int], float]] = {}
    noted: Noted = {}
    for series, entry in entries:
        if entry.metric.kind is Kind.GAUGE:
            noted.setdefault((entry.metric, entry.source), {})[series] = entry.values.get(VALUE, 0.0)
            continue
        values = rows.setdefault(entry.metric, {})
        for bucket, value in entry.values.items():
            values[series, bucket] = values.get((series, bucket), 0.0) + value
    return {metric: Block.of(values) for metric, values in rows.items()}, noted


class Gauges:
    """Where gauges stand, by what processes have said in the last ``FRESH_S``: they do not all report in each fold."""

    def __init__(self) -> None:
        self._noted: dict[tuple[Metric, UUID], tuple[float, dict[int, float]]] = {}

    def update(self, noted: Noted, now: float) -> None:
        """What processes say now replaces what they said of these metrics before."""
        self._noted |= {key: (now, values) for key, values in noted.items()}
        self._noted = {key: each for key, each in self._noted.items() if now - each[0] < FRESH_S}

    def blocks(self, wanted: Collection[Metric] | None = None) -> dict[Metric, Block]:
        """A block for each metric that is wanted, which for None are all."""
        rows: dict[Metric, dict[tuple[int, int], float]] = {}
        for (metric, _), (_, values) in self._noted.items():
            if wanted is not None and metric not in wanted:
                continue
            joined = rows.setdefault(metric, {})
            for series, value in values.items():
                before = joined.get((series, VALUE))
                joined[series, VALUE] = value if before is None else _across(metric, before, value)
        return {metric: gauges(values) for metric, values in rows.items()}


def _across(metric: Metric, first: float, second: float) -> float:
    return first + second if metric.across is Across.SUM else max(first, second)


def period_of(moment: datetime, seconds: int) -> datetime:
    """The beginning of the period in which a moment is."""
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)
