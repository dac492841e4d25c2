"""Stations of real processes: they measure by themselves, survive the loss of their connections, and end in time."""

from __future__ import annotations

import threading
from pathlib import Path

from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.opening import stationed, stationed_beside
from eopiez_ray.monitoring.samples import Samples
from eopiez_ray.monitoring.station import SYSTEM
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, connect
from tests.waiting import until

from .test_processes import Seen


def quick(database_url: str, home: Path) -> Settings:
    return Settings(home=home, database_url=database_url, metrics_interval_s=0.05)


async def test_orchestrator_measures_beside_its_loop_and_ends_with_it(
    database: Database, database_url: str, home: Path
) -> None:
    settings = quick(database_url, home)
    samples, before = Samples(database, settings), threading.active_count()
    with stationed_beside(database_url, settings, "orchestrator", Seen()):

        async def is_measured() -> bool:
            nodes = await samples.latest(c.NODE_CPU, projects=None)
            return {("elsewhere",)} < nodes.keys() and bool(await samples.latest(c.DB_BYTES, projects=None))

        await until(is_measured)
    assert threading.active_count() <= before
    assert not await database.fetch("select from watches where name = $1", SYSTEM)  # Others need not wait.
    (left,) = await database.fetch("select count(*) as reports from reports")
    assert left["reports"] >= 1  # Its last words, which the next one folds.


async def test_station_survives_the_loss_of_its_connections(database: Database, database_url: str, home: Path) -> None:
    settings = quick(database_url, home)
    async with await connect(database_url) as own, stationed(own, settings, "gateway", Meter()) as station:

        async def fold() -> int:
            (row,) = await database.fetch("select fold from metering")
            return int(row["fold"])

        async def has_folded() -> bool:
            return await fold() >= 3

        await until(has_folded)
        await database.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        lost_at = await fold()

        async def folds_again() -> bool:
            return await fold() > lost_at + 3

        await until(folds_again)
        assert station.keeps(SYSTEM)


async def test_nothing_is_measured_if_nobody_wants_it(database: Database, database_url: str, home: Path) -> None:
    settings = Settings(home=home, database_url=database_url, metrics=False, alerts=False)
    async with stationed(database, settings, "gateway", Meter()) as station:
        assert not station.keeps(SYSTEM)
    assert not await database.fetch("select from reports")
    assert not await database.fetch("select from samples")
