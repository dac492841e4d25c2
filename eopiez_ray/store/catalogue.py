"""Plans that projects have registered: whoever may run but not send code starts them by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import ProjectNotFoundError
from ..model.plan import PlanSpec
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .database import Database
    from .intake import NewWorkflow


@dataclass(frozen=True, slots=True)
class RegisteredPlan:
    """A version of a plan, as a project has registered it."""

    project: str
    name: str
    version: int
    """Counted from 1."""
    description: str
    labels: dict[str, str]
    priority: int
    parameters: dict[str, dict[str, Any]]
    """What may be given at the start: by its name, the ``step`` and the phase's ``parameter`` that it sets."""
    registered_by: str
    registered_at: datetime


class Catalogue:
    """Registers, finds and forgets plans."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(
        self, new: NewWorkflow, name: str, description: str, parameters: Mapping[str, Any]
    ) -> RegisteredPlan:
        """The next version of a plan.

        Args:
            new: a workflow of the plan: its project, its owner, its plan and code, its usual labels and priority. The
                intake has kept its code.
            name: what the plan is called in its project.
            description: what it is for.
            parameters: what may be given at the start.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        row = await self._database.fetchrow(
            sql("register_plan"), new.project, name, new.plan.digest, description, dict(new.labels), new.priority,
            dict(parameters), new.owner,
        )  # fmt: skip
        if row is None:
            raise ProjectNotFoundError(new.project)
        return RegisteredPlan(**dict(row))

    async def get(self, project: str, name: str, version: int | None = None) -> tuple[RegisteredPlan, PlanSpec] | None:
        """A plan, the newest version by default; None if the project has none of that name."""
        row = await self._database.fetchrow(sql("registered_plan"), project, name, version)
        if row is None:
            return None
        known = dict(row)
        return RegisteredPlan(**{key: known[key] for key in known if key != "spec"}), PlanSpec.from_value(row["spec"])

    async def page(self, projects: Collection[str] | None, after: tuple[str, str], limit: int) -> list[RegisteredPlan]:
        """The newest version of each plan, by project and name; ``after`` is the last one of an earlier page."""
        rows = await self._database.fetch(sql("registered_plans"), project_names(projects), *after, limit)
        return [RegisteredPlan(**dict(row)) for row in rows]

    async def forget(self, project: str, name: str) -> bool:
        """Forget all versions of a plan; false if there are none."""
        return bool(await self._database.fetch(sql("unregister_plan"), project, name))
