"""Finished work, as it is exported to a collector of traces, and how far that has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.plan import PlanSpec
from .queries import sql
from .samples import LONGEST_COMMIT

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from .database import Connection, Database

    Row = dict[str, Any]

OLDEST = timedelta(days=7)
"""What ended longer ago, while no collector could be reached, is not exported any more."""


class Window(NamedTuple):
    """What is left to export."""

    through: datetime
    """Up to when work is exported."""
    horizon: datetime
    """Until when all that happens is committed."""


class Finished(NamedTuple):
    """What ended in a period, as rows of the statements of ``sql/traces.sql``."""

    workflows: list[Row]
    steps: list[Row]
    """Of those workflows."""
    holds: list[Row]
    """By whom those of these workflows were driven that were taken up more than once."""
    tasks: list[Row]
    attempts: list[Row]
    plans: dict[str, PlanSpec]
    """By digest."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing ended in the period."""
        return not (self.workflows or self.tasks or self.attempts)


class TraceStore:
    """What the exporter of traces reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def window(self) -> Window:
        """What is left to export; the first call ever begins with its own time."""
        row = await self._database.fetchrow(sql("trace_window"), LONGEST_COMMIT, OLDEST)
        if row is None:
            await self._database.fetch(sql("begin_tracing"))
            return await self.window()
        return Window(*row)

    async def finished(self, since: datetime, until: datetime) -> Finished:
        """What ended from ``since`` until before ``until``."""
        async with self._database.transaction() as connection:
            await connection.fetch(sql("prefer_indexes"))
            workflows, tasks, attempts = [
                [dict(row) for row in await connection.fetch(sql(name), since, until)]
                for name in ("traced_workflows", "traced_tasks", "traced_attempts")
            ]
            steps, holds = [
                [dict(row) for row in await connection.fetch(sql(name), _ids(workflows))]
                for name in ("traced_steps", "traced_holds")
            ]
            digests = {row["plan"] for row in (*workflows, *tasks, *attempts)}
            plans = await connection.fetch(sql("plans_by_digest"), list(digests))
        specs = {row["digest"]: PlanSpec.from_value(row["spec"]) for row in plans}
        return Finished(workflows, steps, holds, tasks, attempts, specs)

    async def callers(self, workflows: Collection[UUID]) -> dict[UUID, str | None]:
        """The ``traceparent`` that each of these was created with, if there was one; none of those that are gone."""
        rows = await self._database.fetch(sql("traceparents"), list(workflows))
        return {row["id"]: row["traceparent"] for row in rows}

    async def idle_until(self, since: datetime, horizon: datetime) -> datetime:
        """Until when nothing has ended since then, as far as a few looks can tell; ``horizon`` at most."""
        async with self._database.transaction() as connection:
            await connection.fetch(sql("prefer_indexes"))
            until: datetime = await connection.fetchval(sql("idle_trace_period"), since, horizon)
        return until

    async def advance(self, connection: Connection, until: datetime) -> None:
        """What ended until then is exported."""
        await connection.execute(sql("end_trace_window"), until)


def _ids(rows: Collection[Row]) -> list[UUID]:
    return [row["workflow_id"] for row in rows]
