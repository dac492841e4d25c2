"""What people decide about alerts: rules, channels and silences, with versions, so that nobody overwrites another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import ParameterError
from ..model.alerts import Silence, StoredChannel, StoredRule
from ..model.ids import uuid7
from .projects import Projects, project_names
from .queries import sql

if TYPE_CHECKING:
    from .database import Database

FIRST = UUID(int=0)
MOST_RULES = 10_000
"""Rules of one project."""
Check = Callable[[int | None], None]
"""Is told the version that holds, None for none, and raises if the change was not based on it."""


class AlertDesk:
    """Reads and changes rules, channels and silences. A project of None is the system."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_rules(self) -> list[StoredRule]:
        """Every rule that somebody has written."""
        return [StoredRule(**dict(row)) for row in await self._database.fetch(sql("all_alert_rules"))]

    async def urgent_conditions(self) -> list[Mapping[str, Any]]:
        """What rules that fire at once look at, without their bounds."""
        return [row["condition"] for row in await self._database.fetch(sql("urgent_conditions"))]

    async def rules(self, projects: Sequence[str] | None, after: tuple[str, str], limit: int) -> list[StoredRule]:
        """Rules by project and name, after one; None means all, and those of the system."""
        rows = await self._database.fetch(sql("alert_rules"), project_names(projects), *after, limit)
        return [StoredRule(**dict(row)) for row in rows]

    async def rule(self, project: str | None, name: str) -> StoredRule | None:
        """A rule, if there is one."""
        row = await self._database.fetchrow(sql("alert_rule"), project, name)
        return None if row is None else StoredRule(**dict(row))

    async def put_rules(
        self, project: str | None, documents: Mapping[str, Mapping[str, Any]], by: str, check: Check | None = None
    ) -> list[StoredRule]:
        """Write rules by their names, all or none.

        Raises:
            ProjectNotFoundError: there is no such project.
            ParameterError: the project would have too many.
        """
        await self._exists(project)
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_alert_rules"), project)
            written = []
            for name, document in documents.items():
                row = await connection.fetchrow(sql("alert_rule"), project, name)
                if check is not None:
                    check(None if row is None else row["version"])
                written.append(await connection.fetchrow(sql("put_alert_rule"), project, name, dict(document), by))
            count = await connection.fetchval(sql("count_alert_rules"), project)
            if count > MOST_RULES:
                raise ParameterError(f"this would be {count:,} rules; a project has {MOST_RULES:,} at most")
            await connection.execute(sql("change_alerting"))
        return [StoredRule(**dict(row)) for row in written if row is not None]

    async def drop_rule(self, project: str | None, name: str, check: Check | None = None) -> bool:
        """Delete a rule; False if there is none."""
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_alert_rules"), project)
            row = await connection.fetchrow(sql("alert_rule"), project, name)
            if row is None:
                return False
            if check is not None:
                check(row["version"])
            await connection.execute(sql("drop_alert_rule"), project, name)
            await connection.execute(sql("change_alerting"))
        return True

    async def all_channels(self) -> list[StoredChannel]:
        """Every channel."""
        return [StoredChannel(**dict(row)) for row in await self._database.fetch(sql("all_alert_channels"))]

    async def channels(self, projects: Sequence[str] | None, after: tuple[str, str], limit: int) -> list[StoredChannel]:
        """Channels by project and name, after one; None means all, and those of the system."""
        rows = await self._database.fetch(sql("alert_channels"), project_names(projects), *after, limit)
        return [StoredChannel(**dict(row)) for row in rows]

    async def channel(self, project: str | None, name: str) -> StoredChannel | None:
        """A channel, if there is one."""
        row = await self._database.fetchrow(sql("alert_channel"), project, name)
        return None if row is None else StoredChannel(**dict(row))

    async def put_channel(
        self, project: str | None, name: str, target: str, document: Mapping[str, Any], by: str, check: Check
    ) -> StoredChannel:
        """Write a channel.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        await self._exists(project)
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_alert_rules"), project)
            row = await connection.fetchrow(sql("alert_channel"), project, name)
            check(None if row is None else row["version"])
            row = await connection.fetchrow(
                sql("put_alert_channel"), uuid7(), project, name, target, dict(document), by
            )
            await connection.execute(sql("change_alerting"))
        assert row is not None
        return StoredChannel(**dict(row))

    async def drop_channel(self, project: str | None, name: str, check: Check) -> bool:
        """Delete a channel, and what was to be sent to it; False if there is none."""
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_alert_rules"), project)
            row = await connection.fetchrow(sql("alert_channel"), project, name)
            if row is None:
                return False
            check(row["version"])
            await connection.execute(sql("drop_alert_channel"), project, name)
            await connection.execute(sql("change_alerting"))
        return True

    async def silences(
        self, projects: Sequence[str] | None, ended_after: datetime, after: UUID = FIRST, limit: int = 10_000
    ) -> list[Silence]:
        """Silences that end after a time, in the order of their creation; None means all, and those of the system."""
        rows = await self._database.fetch(sql("alert_silences"), project_names(projects), after, ended_after, limit)
        return [Silence(**dict(row)) for row in rows]

    async def silence(self, silence: UUID, projects: Sequence[str] | None) -> Silence | None:
        """A silence; None if these projects have none with that id."""
        row = await self._database.fetchrow(sql("alert_silence"), silence, project_names(projects))
        return None if row is None else Silence(**dict(row))

    async def add_silence(
        self, project: str | None, rule: str | None, labels: Mapping[str, str], begin: datetime | None, end: datetime,
        comment: str, by: str,
    ) -> Silence:  # fmt: skip
        """A new silence, from now on or from a time.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        await self._exists(project)
        row = await self._database.fetchrow(
            sql("add_alert_silence"), uuid7(), project, rule, dict(labels), begin, end, comment, by
        )
        assert row is not None
        return Silence(**dict(row))

    async def change_silence(self, silence: UUID, version: int, end: datetime, comment: str) -> Silence | None:
        """Let a silence end at another time; None if it has changed since that version."""
        row = await self._database.fetchrow(sql("change_alert_silence"), silence, version, end, comment)
        return None if row is None else Silence(**dict(row))

    async def end_silence(self, silence: UUID) -> bool:
        """End a silence; False if there is none."""
        return bool(await self._database.fetch(sql("end_alert_silence"), silence))

    async def _exists(self, project: str | None) -> None:
        if project is not None:
            await Projects(self._database).get(project)
