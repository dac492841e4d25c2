"""Projects: whoever works for one sees what belongs to it, and nobody else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError, ProjectExistsError, ProjectNotEmptyError, ProjectNotFoundError
from ..model.names import DEFAULT_PROJECT, check_name, check_project_name
from .encoding import clean
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from .database import Database


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project."""

    name: str
    """Stays as it is for good."""
    title: str
    """How people call it."""
    created_at: datetime
    weight: float
    """Its share of the cluster relative to other projects."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ProjectView:
        return cls(**row)


def project_names(projects: Collection[str] | None) -> list[str] | None:
    """Names of projects as the argument of a statement; None stands for all."""
    return None if projects is None else [clean(project) for project in projects]


class Projects:
    """Creates, lists and deletes projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, title: str = "") -> ProjectView:
        """A new project.

        Raises:
            ParameterError: it cannot be called so.
            ProjectExistsError: there is one of this name.
        """
        check_project_name(name)
        check_name("the title", title)
        row = await self._database.fetchrow(sql("add_project"), name, title)
        if row is None:
            raise ProjectExistsError(name)
        return ProjectView.from_row(dict(row))

    async def get(self, name: str) -> ProjectView:
        """One project.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        for view in await self.list([name]):
            return view
        raise ProjectNotFoundError(name)

    async def list(self, names: Collection[str] | None = None) -> list[ProjectView]:
        """Projects in order of their names: those named that exist, or all."""
        rows = await self._database.fetch(sql("projects"), project_names(names))
        return [ProjectView.from_row(dict(row)) for row in rows]

    async def rename(self, name: str, title: str) -> ProjectView:
        """Give a project another title; its name stays.

        Raises:
            ParameterError: this cannot be a title.
            ProjectNotFoundError: there is no such project.
        """
        check_name("the title", title)
        row = await self._database.fetchrow(sql("rename_project"), name, title)
        if row is None:
            raise ProjectNotFoundError(name)
        return ProjectView.from_row(dict(row))

    async def delete(self, name: str) -> None:
        """Delete a project that has no workflows, with its limits and weights.

        A workflow that is created at the same time either keeps the project or is refused.

        Raises:
            ParameterError: it is ``default``, to which belongs whatever is created without a gateway.
            ProjectNotEmptyError: it still has workflows.
            ProjectNotFoundError: there is no such project.
        """
        if name == DEFAULT_PROJECT:
            raise ParameterError(f"the project {name!r} stays: whatever is created without a gateway belongs to it")
        async with self._database.transaction() as connection:
            # New workflows wait until this transaction ends, and then look whether their project is still there.
            await connection.execute("lock table workflows in share row exclusive mode")
            if await connection.fetchval(sql("has_workflows"), name):
                raise ProjectNotEmptyError(name)
            if not await connection.fetch(sql("delete_project"), name):
                raise ProjectNotFoundError(name)
