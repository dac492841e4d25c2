"""What has happened to workflows in a period, read from what was committed: nothing is counted twice or left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..model.plan import PlanSpec
from .queries import sql

if TYPE_CHECKING:
    from .database import Connection, Database


class FreshTasks(NamedTuple):
    """Tasks that belong together, and took about the same time."""

    project: str
    owner: str
    plan: str
    """The plan's digest."""
    step: int
    node: str
    is_cached: bool
    bucket: int
    tasks: int
    wall_s: float
    cpu_s: float
    rows: int
    rejects: int
    bytes: int
    artifact_bytes: int
    byte_s: float
    """Memory that they were seen to use, times the time that they ran."""


class FreshCommits(NamedTuple):
    """Tasks that were committed about as long after their end."""

    project: str
    plan: str
    step: int
    bucket: int
    tasks: int
    late_s: float


class FreshWaits(NamedTuple):
    """Tasks that waited for about as long."""

    project: str
    plan: str
    step: int
    bucket: int
    tasks: int
    wait_s: float


class FreshAttempts(NamedTuple):
    """Attempts without a result that belong together."""

    project: str
    owner: str
    plan: str
    step: int
    outcome: str
    error_type: str
    is_final: bool
    attempts: int
    held_s: float
    """Seconds for which they ran."""


class FreshEvent(NamedTuple):
    """Something that happened to a workflow."""

    project: str
    plan: str
    kind: str
    tasks: int
    age_s: float
    first_task_s: float | None
    drain_s: float | None


class Wire(NamedTuple):
    """A step of a plan that takes another one's output."""

    plan: str
    step: int
    input: int
    is_same: bool
    """Whether each of its partitions takes the same partition."""


class Unfinished(NamedTuple):
    """Workflows of a project that have not ended."""

    project: str
    status: str
    workflows: int
    age_s: float | None
    """Of the oldest."""


class Happenings:
    """What has happened from ``since`` until before ``until``, within one transaction."""

    def __init__(self, connection: Connection, since: datetime, until: datetime, log_gamma: float) -> None:
        """
        Args:
            connection: in the transaction.
            since, until: the period.
            log_gamma: logarithm of the ratio of the buckets by which durations are counted.
        """
        self._connection, self._period, self._log_gamma = connection, (since, until), log_gamma

    async def prefer_indexes(self) -> None:
        """Read no table as a whole from now on."""
        await self._connection.fetch(sql("prefer_indexes"))

    async def tasks(self) -> list[FreshTasks]:
        """Tasks that were committed."""
        rows = await self._connection.fetch(sql("fresh_tasks"), *self._period, self._log_gamma)
        return [FreshTasks(*row) for row in rows]

    async def commits(self) -> list[FreshCommits]:
        """How long after their end tasks were committed."""
        rows = await self._connection.fetch(sql("fresh_commits"), *self._period, self._log_gamma)
        return [FreshCommits(*row) for row in rows]

    async def waits(self, one_in: int, wires: Sequence[Wire]) -> list[FreshWaits]:
        """How long one in so many tasks waited."""
        columns = [list(column) for column in zip(*wires, strict=True)] or [[], [], [], []]
        rows = await self._connection.fetch(sql("fresh_waits"), *self._period, one_in, self._log_gamma, *columns)
        return [FreshWaits(*row) for row in rows]

    async def attempts(self) -> list[FreshAttempts]:
        """Attempts that ended without a result."""
        return [FreshAttempts(*row) for row in await self._connection.fetch(sql("fresh_attempts"), *self._period)]

    async def events(self) -> list[FreshEvent]:
        """What happened to workflows."""
        return [FreshEvent(*row) for row in await self._connection.fetch(sql("fresh_events"), *self._period)]

    async def plans(self, digests: Collection[str]) -> dict[str, PlanSpec]:
        """Plans by digest."""
        rows = await self._connection.fetch(sql("plans_by_digest"), list(digests))
        return {row["digest"]: PlanSpec.from_value(row["spec"]) for row in rows}


async def unfinished(database: Database) -> list[Unfinished]:
    """How many workflows have not ended, by project and status, zeros included."""
    return [Unfinished(*row) for row in await database.fetch(sql("unfinished_counts"))]


async def waiting_steps(database: Database) -> list[tuple[str, str, int]]:
    """How many steps wait, by project and what they wait for."""
    return [tuple(row) for row in await database.fetch(sql("waiting_steps"))]


async def active_users(database: Database, within: timedelta) -> dict[str, int]:
    """How many users sent a request lately, by project."""
    return {row["project"]: row["users"] for row in await database.fetch(sql("active_users"), within)}
