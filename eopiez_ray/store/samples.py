"""What is measured, as Postgres keeps it: watches, reports, series, and samples that ``monitoring`` packs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from .queries import sql

if TYPE_CHECKING:
    from .database import Connection, Database


LONGEST_COMMIT = timedelta(minutes=10)
"""What a transaction wrote that took longer than this may be left out of what is measured."""


class Report(NamedTuple):
    """What a process has measured in an interval."""

    source: UUID
    at: datetime
    entries: list[Any]


class SeriesRow(NamedTuple):
    """A metric with its labels."""

    id: int
    metric: str
    labels: dict[str, str]
    is_recent: bool = True
    """Whether it was measured within a day or so."""


class Sample(NamedTuple):
    """What a metric's series measured in a period, packed."""

    resolution: int
    metric: str
    at: datetime
    fold: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Totals:
    """What a metric has come to."""

    metric: str
    fold: int
    """The last fold that they contain."""
    packed: bytes


class Watches:
    """Who does what one process at a time has to do."""

    def __init__(self, database: Database, holder: UUID, lease: timedelta) -> None:
        self._database, self._holder, self._lease = database, holder, lease

    async def keep(self, name: str) -> bool:
        """Take a watch, or keep it for another lease; False if somebody else has it."""
        return await self._database.fetchrow(sql("keep_watch"), name, self._holder, self._lease) is not None

    async def leave(self, name: str) -> None:
        """Let others have it at once."""
        await self._database.fetch(sql("leave_watch"), name, self._holder)

    async def forget(self) -> None:
        """Forget watches that nobody has kept for a day."""
        await self._database.fetch(sql("forget_watches"))

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Connection | None]:
        """A transaction in which a watch is certainly the caller's; None if it is not any more."""
        async with self._database.transaction() as connection:
            is_held = await connection.fetchrow(sql("hold_watch"), name, self._holder) is not None
            yield connection if is_held else None


class SampleStore:
    """Writes and reads samples. What takes a connection is part of that transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, source: UUID, number: int, entries: Sequence[Any]) -> None:
        """Write what a process has measured, in one statement; one of that number is written once, however often this
        is tried within ten minutes."""
        await self._database.fetch(sql("save_report"), source, number, entries)

    async def tell_reported(self) -> None:
        """Tell whoever folds that something was reported that should not wait."""
        await self._database.fetch(sql("tell_reported"))

    async def take_reports(self, connection: Connection) -> list[Report]:
        """All reports that nobody has taken yet, oldest first; they are taken with the transaction."""
        return [Report(*row) for row in await connection.fetch(sql("take_reports"))]

    async def forget_reports(self) -> None:
        """Forget reports that were taken long ago."""
        await self._database.fetch(sql("forget_reports"))

    async def series(self, after: int = 0) -> list[SeriesRow]:
        """Every series whose id is greater."""
        return [SeriesRow(*row) for row in await self._database.fetch(sql("all_series"), after)]

    async def add_series(
        self, connection: Connection, wanted: Sequence[tuple[str, Mapping[str, str]]]
    ) -> list[SeriesRow]:
        """Series that are new, or were thought to be."""
        metrics, labels = [metric for metric, _ in wanted], [dict(each) for _, each in wanted]
        return [SeriesRow(*row) for row in await connection.fetch(sql("add_series"), metrics, labels)]

    async def see_series(self, connection: Connection, series: Collection[int]) -> None:
        """Note that they are still measured."""
        await connection.execute(sql("see_series"), list(series))

    async def forget_series(self, unseen_for: timedelta) -> None:
        """Forget series of which nothing was measured for so long."""
        await self._database.fetch(sql("forget_series"), unseen_for)

    async def save(self, connection: Connection, samples: Sequence[Sample]) -> None:
        """Write samples."""
        if samples:
            await connection.execute(sql("save_samples"), *map(list, zip(*samples, strict=True)))

    async def read(self, resolution: int, metrics: Sequence[str], since: datetime, until: datetime) -> list[Sample]:
        """Samples of metrics from ``since`` until before ``until``, oldest first."""
        rows = await self._database.fetch(sql("samples"), resolution, list(metrics), since, until)
        return [Sample(resolution, *row) for row in rows]

    async def after(self, fold: int, since: datetime) -> list[Sample]:
        """What was folded after a fold, of all metrics, in order. Nothing that old begins before ``since``."""
        return [Sample(10, *row) for row in await self._database.fetch(sql("samples_after"), fold, since)]

    async def everything(self, resolution: int, since: datetime, until: datetime) -> list[Sample]:
        """Samples of all metrics from ``since`` until before ``until``."""
        rows = await self._database.fetch(sql("all_samples"), resolution, since, until)
        return [Sample(resolution, *row) for row in rows]

    async def forget(self, resolution: int, before: datetime) -> None:
        """Forget old samples."""
        await self._database.fetch(sql("forget_samples"), resolution, before)

    async def rolled_up(self) -> dict[int, datetime]:
        """How far each resolution is rolled up; those that never were are missing."""
        return {row["resolution"]: row["through"] for row in await self._database.fetch(sql("rolled_up"))}

    async def note_rollup(self, connection: Connection, resolution: int, through: datetime) -> None:
        """A resolution is rolled up so far."""
        await connection.execute(sql("note_rollup"), resolution, through)

    async def oldest(self, resolution: int, since: datetime) -> datetime | None:
        """When the oldest sample begins, of those that begin then or later."""
        row = await self._database.fetchrow(sql("oldest_sample"), resolution, since)
        return None if row is None else row["at"]

    async def totals(self) -> list[Totals]:
        """What counters and histograms have come to."""
        return [Totals(*row) for row in await self._database.fetch(sql("all_totals"))]

    async def save_totals(self, connection: Connection, totals: Sequence[Totals]) -> None:
        """Write what they have come to."""
        rows = [(each.metric, each.fold, each.packed) for each in totals]
        if rows:
            await connection.execute(sql("save_totals"), *map(list, zip(*rows, strict=True)))

    async def begin_fold(self, connection: Connection) -> Fold:
        """The fold that begins with the transaction."""
        row = await connection.fetchrow(sql("begin_fold"), LONGEST_COMMIT)
        assert row is not None
        return Fold(*row)

    async def end_fold(self, connection: Connection, through: datetime) -> None:
        """What has happened until then is measured."""
        await connection.execute(sql("end_fold"), through)

    async def measured_through(self) -> datetime:
        """Up to when what has happened is measured."""
        (row,) = await self._database.fetch(sql("measured_through"))
        through: datetime = row["through"]
        return through


class Fold(NamedTuple):
    """A fold of what was measured into samples."""

    number: int
    through: datetime
    """Up to when what has happened is measured."""
    now: datetime
    horizon: datetime
    """Until when all that happens is committed."""
