"""Which services run elsewhere, and which of their instances are there.

An instance is there from its registration on, as long as its last heartbeat is no older than its lease. The clock is
the database's, so that all replicas agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..model.ids import uuid7
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .database import Database

FAILED_CHECKS = 2
"""Checks in a row after whose failure an instance is not healthy."""
MOST_INSTANCES = 1000
"""Instances that a project may have at once."""


@dataclass(frozen=True, slots=True)
class NewService:
    """An instance that wants to be called."""

    project: str
    name: str
    version: str
    url: str
    """Where it is; what is called is below."""
    health_path: str | None
    """What answers a GET with 2xx while it is healthy; None if that is not to be asked."""
    weight: int
    """Its share of the calls, against that of other instances; 1 to 1,000."""
    metadata: Mapping[str, str]
    registered_by: str
    lease: timedelta
    """How long a heartbeat counts."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """An instance of a service that is there."""

    id: UUID
    project: str
    name: str
    version: str
    url: str
    health_path: str | None
    weight: int
    metadata: dict[str, str]
    registered_by: str
    registered_at: datetime
    heartbeat_at: datetime
    lease: timedelta
    checked_at: datetime | None
    failed_checks: int
    """Checks of its health in a row that it has not passed."""

    @property
    def is_healthy(self) -> bool:
        """Whether it is called. A new instance is, until checks say otherwise."""
        return self.failed_checks < FAILED_CHECKS


class Services:
    """Registers, finds and forgets instances of services."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, new: NewService) -> ServiceView | None:
        """An instance that is there from now on; one that registers again under its URL keeps its id.

        None if there is no such project, or if it has ``MOST_INSTANCES`` others.
        """
        row = await self._database.fetchrow(
            sql("register_service"), uuid7(), new.project, new.name, new.version, new.url, new.health_path, new.weight,
            dict(new.metadata), new.registered_by, MOST_INSTANCES, new.lease,
        )  # fmt: skip
        return _seen(row)

    async def get(self, instance: UUID, projects: Collection[str] | None = None) -> ServiceView | None:
        """An instance; None if these projects have none with that id now."""
        return _seen(await self._database.fetchrow(sql("service"), instance, project_names(projects)))

    async def page(
        self,
        projects: Collection[str] | None,
        name: str | None = None,
        version: str | None = None,
        after: UUID | None = None,
        limit: int = MOST_INSTANCES,
    ) -> list[ServiceView]:
        """Instances that are there, in the order of their registration, after one."""
        rows = await self._database.fetch(sql("services"), project_names(projects), name, version, after, limit)
        return [ServiceView(**dict(row)) for row in rows]

    async def beat(self, instance: UUID) -> ServiceView | None:
        """Renew an instance's lease; None if it was gone, so that it has to register again."""
        return _seen(await self._database.fetchrow(sql("beat_service"), instance))

    async def unregister(self, instance: UUID) -> None:
        """Forget an instance."""
        await self._database.fetch(sql("unregister_service"), instance)

    async def take_checks(self, every: timedelta, limit: int) -> list[ServiceView]:
        """Instances whose health the caller, and nobody else, has to ask for now.

        If the caller dies, they are taken again after ``every``.
        """
        rows = await self._database.fetch(sql("take_service_checks"), every.total_seconds(), limit)
        return [ServiceView(**dict(row)) for row in rows]

    async def note_check(self, instance: UUID, is_passed: bool) -> None:
        """Keep what a check has found."""
        await self._database.fetch(sql("note_service_check"), instance, is_passed)

    async def forget(self, gone_for: timedelta) -> None:
        """Forget instances that have been gone for so long."""
        await self._database.fetch(sql("forget_services"), gone_for)


def _seen(row: Any) -> ServiceView | None:
    return None if row is None else ServiceView(**dict(row))
