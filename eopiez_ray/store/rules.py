"""Limits and weights in the store, and the permits by which several orchestrators share one limit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError, ProjectNotFoundError
from ..model.limits import LEAST_WEIGHT, MOST_WEIGHT, LimitKey, LimitKind, Owner, Rules, StandingLimit
from ..model.names import DEFAULT_PROJECT, check_name, check_project_name
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId
    from .database import Database

Grant = Callable[[int, int, int, Sequence[tuple[int, int]]], int]


class RuleBook:
    """Reads and changes rules. A change takes effect within moments, for workflows under way too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Rules:
        """All rules."""
        limits = await self._database.fetch(sql("limits"))
        weights = await self._database.fetch(sql("weights"))
        projects = await self._database.fetch(sql("project_weights"))
        return Rules(
            {_key(dict(row)): row["maximum"] for row in limits},
            {Owner(row["project"], row["owner"]): row["weight"] for row in weights},
            {row["name"]: row["weight"] for row in projects},
        )

    async def standing(self, projects: Collection[str] | None = None) -> list[StandingLimit]:
        """All limits and their current use; with ``projects``, only limits of and on these."""
        rows = await self._database.fetch(sql("standing_limits"), project_names(projects))
        return [StandingLimit(_key(dict(row)), row["maximum"], row["held"], row["wanted"]) for row in rows]

    async def limit(self, key: LimitKey, maximum: int | None) -> None:
        """Allow at most ``maximum`` concurrent calls; None lifts the limit.

        Raises:
            ParameterError: the maximum is negative, a label is not named ``key=value``, or the name cannot be one.
        """
        if maximum is not None and maximum < 0:
            raise ParameterError(
                f"a limit cannot be negative, but {maximum} is; 0 stops all calls, none lifts the limit"
            )
        if key.kind is LimitKind.LABEL and "=" not in key.name:
            raise ParameterError(f"a limit on a label is named key=value, not {key.name!r}")
        _check_key(key)
        if maximum is None:
            await self._database.fetch(sql("lift_limit"), *key)
        else:
            await self._database.fetch(sql("set_limit"), *key, maximum)

    async def weigh(self, owner: str, weight: float, project: str = DEFAULT_PROJECT) -> None:
        """Set an owner's share of what the project has, relative to its other owners, whose weight is 1 unless set.

        Raises:
            ParameterError: the weight is below 0.001 or above 1,000, or the project cannot be called so.
        """
        _check_weight(weight)
        check_project_name(project)
        await self._database.fetch(sql("set_weight"), project, owner, weight)

    async def weigh_project(self, project: str, weight: float) -> None:
        """Set a project's share of the cluster relative to other projects, whose weight is 1 unless set.

        Raises:
            ParameterError: the weight is below 0.001 or above 1,000.
            ProjectNotFoundError: there is no such project.
        """
        _check_weight(weight)
        if not await self._database.fetch(sql("set_project_weight"), project, weight):
            raise ProjectNotFoundError(project)

    async def permits(
        self, orchestrator: OrchestratorId, wanted: Mapping[LimitKey, tuple[int, int]], grant: Grant
    ) -> dict[LimitKey, int]:
        """Acquire permits for as many calls as ``grant`` allows given what other living orchestrators hold.

        Args:
            orchestrator: who asks. It releases the permits that it no longer asks for.
            wanted: running calls, and calls that could run.
            grant: from the maximum, the two of ``wanted``, and what others hold and want, to the number of permits.
        """
        async with self._database.transaction() as connection:
            columns = [[key[column] for key in wanted] for column in range(3)]
            await connection.execute(sql("drop_permits"), orchestrator, *columns)
            held: dict[LimitKey, int] = {}
            for key in sorted(wanted):
                maximum = await connection.fetchval(sql("lock_limit"), *key)
                if maximum is None:
                    continue
                others = await connection.fetch(sql("other_permits"), *key, orchestrator)
                busy, could = wanted[key]
                held[key] = grant(maximum, busy, could, [(row["held"], row["wanted"]) for row in others])
                await connection.execute(sql("save_permits"), *key, orchestrator, held[key], could)
            return held


def _key(row: Mapping[str, Any]) -> LimitKey:
    return LimitKey(LimitKind(row["kind"]), row["name"], row["project"])


def _check_key(key: LimitKey) -> None:
    if key.project:
        check_project_name(key.project)
    if key.kind is LimitKind.PROJECT:
        check_project_name(key.name)
        if key.project:
            raise ParameterError(f"a limit on the project {key.name!r} belongs to no project")
    else:
        check_name(f"the {key.kind}", key.name)


def _check_weight(weight: float) -> None:
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise ParameterError(f"the weight is {weight:g}; it must be from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}")
