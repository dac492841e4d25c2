"""Whose the files are that callers of the gateway upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import ProjectNotFoundError
from ..model.ids import uuid7
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from .database import Database


@dataclass(frozen=True, slots=True)
class UploadView:
    """A file that is, or is being, uploaded."""

    id: UUID
    project: str
    owner: str
    name: str
    size: int
    """Bytes that it will have."""
    created_at: datetime
    completed_at: datetime | None


class Uploads:
    """Creates, finds and forgets uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project: str, owner: str, name: str, size: int) -> UploadView:
        """A new upload.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        row = await self._database.fetchrow(sql("add_upload"), uuid7(), project, owner, name, size)
        if row is None:
            raise ProjectNotFoundError(project)
        return UploadView(**dict(row))

    async def get(self, upload: UUID, projects: Collection[str] | None = None) -> UploadView | None:
        """One upload; None if these projects have none with that id."""
        row = await self._database.fetchrow(sql("upload"), upload, project_names(projects))
        return None if row is None else UploadView(**dict(row))

    async def page(self, projects: Collection[str] | None, before: UUID | None, limit: int) -> list[UploadView]:
        """Uploads, newest first; ``before`` continues an earlier page."""
        rows = await self._database.fetch(sql("uploads"), project_names(projects), before, limit)
        return [UploadView(**dict(row)) for row in rows]

    async def complete(self, upload: UUID) -> None:
        """All of it has arrived."""
        await self._database.fetch(sql("complete_upload"), upload)

    async def delete(self, upload: UUID) -> None:
        """Forget it."""
        await self._database.fetch(sql("delete_upload"), upload)
