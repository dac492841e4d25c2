"""Stations on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from eopiez_ray.monitoring.catalogue import Metric
from eopiez_ray.monitoring.distribution import Distribution
from eopiez_ray.monitoring.folding import FINEST_S, Folder, period_of
from eopiez_ray.monitoring.happenings import Business
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.reporting import Reporter
from eopiez_ray.monitoring.rollups import Rollups
from eopiez_ray.monitoring.samples import Samples, Where
from eopiez_ray.monitoring.station import SYSTEM, Chore, Station
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.samples import SampleStore


class Post:
    """A process that measures, and may fold what all have measured."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database, self.settings = database, Settings(**settings)
        self.station = Station(database, Meter(), "gateway")
        self.station.add(Chore("nothing", 1.0, self._nothing, watch=SYSTEM))
        self.meter, self.store = self.station.meter, SampleStore(database)
        self.folder = Folder(self.station, self.store, Business(self.settings).measure)
        self.rollups = Rollups(self.station, self.store, self.folder, self.settings)
        self.samples = Samples(database, self.settings)
        self.reporter = Reporter(self.station, self.store)

    async def report(self) -> None:
        """Write what it has measured."""
        await self.reporter.report()

    async def fold(self) -> None:
        """Fold what all have reported, if it keeps the watch."""
        await self.station.watch()
        await self.folder.fold()

    async def totals(
        self,
        metric: Metric,
        where: Where | None = None,
        projects: Sequence[str] | None = None,
        by: Sequence[str] | None = None,
    ) -> dict[tuple[str, ...], float]:
        """What was counted in the last hour."""
        since, until = now() - HOUR, now() + HOUR
        return await self.samples.totals(metric, where, projects=projects, since=since, until=until, by=by)

    async def distributions(self, metric: Metric, by: Sequence[str]) -> dict[tuple[str, ...], Distribution]:
        """How values of the last hour are distributed."""
        since, until = now() - HOUR, now() + HOUR
        return await self.samples.distributions(metric, projects=None, since=since, until=until, by=by)

    async def _nothing(self) -> None:
        return


@pytest_asyncio.fixture(loop_scope="session")
async def post(database: Database) -> AsyncIterator[Post]:
    """A process on an empty database."""
    yield Post(database)


@pytest.fixture
def another(database: Database) -> Callable[[], Post]:
    """More processes on the same database."""
    return lambda: Post(database)


def now() -> datetime:
    return datetime.now(UTC)


HOUR = timedelta(hours=1)


def ago(age: timedelta) -> datetime:
    """The beginning of a fine period that long ago."""
    return period_of(now() - age, FINEST_S)
