"""How long projects keep what, and what is kept too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ..errors import ParameterError, ProjectNotFoundError
from ..model.retention import Kept, RetentionRule
from .erasing import results_folder
from .queries import sql

if TYPE_CHECKING:
    from .database import Database

AT_ONCE = 500
STATEMENTS = {Kept.LOGS: "expire_logs", Kept.REJECTS: "expire_rejects", Kept.ERRORS: "expire_errors"}


class Expired(NamedTuple):
    """Something that was kept too long, and its folder below the gateway's, if it has one."""

    id: UUID
    folder: str | None


class Retention:
    """Rules of projects, and what follows from them; where a project has none, the system's holds, in days."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rules(self) -> list[RetentionRule]:
        """Rules of projects."""
        rows = await self._database.fetch(sql("retentions"))
        return [RetentionRule(row["project"], Kept(row["kind"]), row["days"]) for row in rows]

    async def set(self, rule: RetentionRule) -> None:
        """Let a rule hold.

        Raises:
            ParameterError: the number of days is negative.
            ProjectNotFoundError: there is no such project.
        """
        if rule.days is not None and not 0 <= rule.days < 10**6:
            raise ParameterError(f"{rule.days} is no number of days to keep {rule.kind}; give 0 or more, or forever")
        if not await self._database.fetch(sql("set_retention"), rule.project, rule.kind, rule.days):
            raise ProjectNotFoundError(rule.project)

    async def lift(self, project: str, kind: Kept) -> bool:
        """Let the system's rule hold again; False if the project had none."""
        return bool(await self._database.fetch(sql("lift_retention"), project, kind))

    async def expired_workflows(self, days: float | None, limit: int = AT_ONCE) -> list[Expired]:
        """Workflows that are kept too long."""
        rows = await self._database.fetch(sql("expired_workflows"), Kept.RESULTS, days, limit)
        return [Expired(row["id"], results_folder(row["project"], row["labels"])) for row in rows]

    async def expired_uploads(self, days: float | None, limit: int = AT_ONCE) -> list[Expired]:
        """Uploads that are kept too long."""
        rows = await self._database.fetch(sql("expired_uploads"), Kept.UPLOADS, days, limit)
        return [Expired(row["id"], f"uploads/{row['project']}/{row['id']}") for row in rows]

    async def expire(self, kind: Kept, days: float | None) -> int:
        """Forget lines, rejected rows or what errors say, where they are kept too long; gives of how many workflows."""
        count = 0
        while gone := len(await self._database.fetch(sql(STATEMENTS[kind]), kind, days, AT_ONCE)):
            count += gone
        return count
