"""What one process looks at for the whole system: the queue, Postgres, the artifact store."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..engine.artifacts import Artifacts
from ..errors import ArtifactError
from ..store import Vitals
from ..store.backups import BackupDesk
from ..store.happenings import active_users, unfinished, waiting_steps
from ..store.server import Bloat, ServerStatistics
from . import catalogue as c
from .statements import spent
from .station import SYSTEM

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store.server import StatementFigures
    from .station import Station

ESTIMATE_S = 300.0
"""Seconds from one estimate of bloat to the next."""
ACTIVE_WITHIN = timedelta(minutes=5)
QUEUED = (c.WORKFLOWS, c.QUEUE_AGE, c.WAITING, c.ORCHESTRATORS)
"""What a look at the queue measures."""
OF_SERVER = (
    c.DB_CONNECTIONS, c.DB_BYTES, c.DB_LONGEST, c.DB_WAITING, c.DB_LAG, c.DB_TRANSACTIONS, c.DB_BLOCKS, c.DB_DEADLOCKS,
    c.DB_TEMPORARY, c.DB_PROBE_SECONDS,
)  # fmt: skip
"""What a look at Postgres measures."""
OF_TABLES = (c.DB_ROWS, c.DB_TABLE_BYTES, c.DB_BLOAT)
OF_STATEMENTS = (c.DB_STATEMENT_SECONDS, c.DB_STATEMENT_CALLS)
OF_BACKUPS = (c.BACKUP_AGE, c.BACKUP_INTERVAL, c.BACKUP_VERIFIED_AGE)
OF_ARTIFACTS = (c.ARTIFACT_SECONDS, c.ARTIFACT_FAILURES)


class Surveys:
    """Looks, and notes in the meter what it sees."""

    def __init__(self, station: Station, settings: Settings) -> None:
        self._database, self._meter, self._id = station.database, station.meter, station.id
        self._statistics = ServerStatistics(station.database)
        self._artifacts, self._settings = Artifacts(settings.artifacts), settings
        self._counted: dict[str, int] = {}
        """What the server has counted, as of the last look."""
        self._statements: dict[int, StatementFigures] | None = None
        """What it has counted of statements, as of the last look; None before the first."""
        self._bloat, self._estimated_at = list[Bloat](), -math.inf

    async def queue(self) -> None:
        """Workflows that have not ended, steps that wait, and who drives them."""
        for each in await unfinished(self._database):
            self._meter.note(c.WORKFLOWS, each.workflows, (each.project, each.status))
            if each.status == "queued":
                self._meter.note(c.QUEUE_AGE, each.age_s or 0.0, (each.project,))
        for project, reason, steps in await waiting_steps(self._database):
            self._meter.note(c.WAITING, steps, (project, reason))
        self._meter.note(c.ORCHESTRATORS, (await Vitals(self._database).drivers()).orchestrators)

    async def users(self) -> None:
        """Who is active."""
        for project, users in (await active_users(self._database, ACTIVE_WITHIN)).items():
            self._meter.note(c.ACTIVE_USERS, users, (project,))

    async def server(self) -> None:
        """Postgres as a whole, and how long a commit takes."""
        figures = await self._statistics.figures()
        for state, connections in (await self._statistics.connections()).items():
            self._meter.note(c.DB_CONNECTIONS, connections, (state,))
        self._meter.note(c.DB_BYTES, figures.size)
        self._meter.note(c.DB_LONGEST, figures.longest_s)
        self._meter.note(c.DB_WAITING, figures.waiting)
        self._meter.note(c.DB_LAG, figures.lag)
        grown = self._grown(asdict(figures))
        self._meter.add(c.DB_TRANSACTIONS, grown["xact_commit"], ("committed",))
        self._meter.add(c.DB_TRANSACTIONS, grown["xact_rollback"], ("rolled_back",))
        self._meter.add(c.DB_BLOCKS, grown["blks_hit"], ("cache",))
        self._meter.add(c.DB_BLOCKS, grown["blks_read"], ("disk",))
        self._meter.add(c.DB_DEADLOCKS, grown["deadlocks"])
        self._meter.add(c.DB_TEMPORARY, grown["temp_bytes"])
        began = time.perf_counter()
        await self._statistics.commit_something(SYSTEM, self._id)
        self._meter.observe(c.DB_PROBE_SECONDS, time.perf_counter() - began)

    async def tables(self) -> None:
        """Tables, their rows and their size."""
        for table in await self._statistics.tables():
            self._meter.note(c.DB_ROWS, table.live, (table.table, "live"))
            self._meter.note(c.DB_ROWS, table.dead, (table.table, "dead"))
            self._meter.note(c.DB_TABLE_BYTES, table.bytes, (table.table,))
        if time.monotonic() - self._estimated_at > ESTIMATE_S:
            self._bloat, self._estimated_at = await self._statistics.bloat(), time.monotonic()
        for bloat in self._bloat:
            self._meter.note(c.DB_BLOAT, bloat.bytes, (bloat.table, bloat.kind))

    async def statements(self) -> None:
        """What the server's time goes to; nothing where it does not count statements."""
        if self._settings.database_url is None and self._statements is None:
            await self._statistics.show_statements()
        before, self._statements = self._statements, await self._statistics.statements()
        if before is None:
            return
        for name, each in spent(self._statements, before).items():
            self._meter.add(c.DB_STATEMENT_CALLS, each.calls, (name,))
            self._meter.add(c.DB_STATEMENT_SECONDS, each.seconds, (name,))

    async def artifacts(self) -> None:
        """Whether the artifact store can be written and read, and how long that takes."""
        began = time.perf_counter()
        try:
            await asyncio.to_thread(self._artifacts.probe)
        except ArtifactError:
            self._meter.add(c.ARTIFACT_FAILURES)
        else:
            self._meter.add(c.ARTIFACT_FAILURES, 0)
            self._meter.observe(c.ARTIFACT_SECONDS, time.perf_counter() - began)

    async def backups(self) -> None:
        """How old the last backup is; nothing where none are wanted."""
        if self._settings.backup_url is None:
            return
        times, now = await BackupDesk(self._database).times(), datetime.now(UTC)
        self._meter.note(c.BACKUP_INTERVAL, self._settings.backup_every_hours * 3600)
        since = times.succeeded_at or times.failed_at
        if since is not None:
            self._meter.note(c.BACKUP_AGE, (now - since).total_seconds())
        if times.verified_at is not None:
            self._meter.note(c.BACKUP_VERIFIED_AGE, (now - times.verified_at).total_seconds())

    def _grown(self, figures: dict[str, int]) -> dict[str, int]:
        """What was counted since the last look; nothing the first time, or after a reset."""
        grown = {name: max(0, value - self._counted.get(name, value)) for name, value in figures.items()}
        self._counted = figures
        return grown
