"""Limits and weights in the store, and the permits by which several orchestrators share one limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ParameterError
from ..model.limits import LimitKey, LimitKind, Rules
from .queries import sql

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId
    from .database import Database

Grant = Callable[[int, int, int, Sequence[tuple[int, int]]], int]


class StandingLimit(NamedTuple):
    """A limit, and how much of it is in use."""

    key: LimitKey
    maximum: int
    held: int
    """Calls that living orchestrators run under it, or may start at once."""
    wanted: int
    """Calls that they could run without it."""


class RuleBook:
    """Reads and changes rules. A change takes effect within moments, for workflows under way too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Rules:
        """All rules."""
        limits = await self._database.fetch(sql("limits"))
        weights = await self._database.fetch(sql("weights"))
        return Rules(
            {LimitKey(LimitKind(row["kind"]), row["name"]): row["maximum"] for row in limits},
            {row["owner"]: row["weight"] for row in weights},
        )

    async def standing(self) -> list[StandingLimit]:
        """All limits and their current use."""
        return [
            StandingLimit(LimitKey(LimitKind(row["kind"]), row["name"]), row["maximum"], row["held"], row["wanted"])
            for row in await self._database.fetch(sql("standing_limits"))
        ]

    async def limit(self, key: LimitKey, maximum: int | None) -> None:
        """Allow at most ``maximum`` concurrent calls; None lifts the limit.

        Raises:
            ParameterError: the maximum is negative, or a label is not named ``key=value``.
        """
        if maximum is not None and maximum < 0:
            raise ParameterError(
                f"a limit cannot be negative, but {maximum} is; 0 stops all calls, none lifts the limit"
            )
        if key.kind is LimitKind.LABEL and "=" not in key.name:
            raise ParameterError(f"a limit on a label is named key=value, not {key.name!r}")
        if maximum is None:
            await self._database.fetch(sql("lift_limit"), key.kind, key.name)
        else:
            await self._database.fetch(sql("set_limit"), key.kind, key.name, maximum)

    async def weigh(self, owner: str, weight: float) -> None:
        """Set an owner's share of the cluster relative to others, whose weight is 1 unless set.

        Raises:
            ParameterError: the weight is not above 0.
        """
        if not weight > 0:
            raise ParameterError(f"the weight is {weight:g}; it must be above 0")
        await self._database.fetch(sql("set_weight"), owner, weight)

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
            kinds, names = [key.kind for key in wanted], [key.name for key in wanted]
            await connection.execute(sql("drop_permits"), orchestrator, kinds, names)
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
