"""Limits and weights in the store, and the permits by which several orchestrators keep one limit together."""

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
    """A limit, and how much of it is taken."""

    key: LimitKey
    maximum: int
    held: int
    """Calls that living orchestrators have at work under it, or may start at once."""
    wanted: int
    """Calls that they could have at work if it did not hold."""


class RuleBook:
    """Reads and changes rules. A change holds within moments, also for what is under way."""

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
        """All limits as they stand."""
        return [
            StandingLimit(LimitKey(LimitKind(row["kind"]), row["name"]), row["maximum"], row["held"], row["wanted"])
            for row in await self._database.fetch(sql("standing_limits"))
        ]

    async def limit(self, key: LimitKey, maximum: int | None) -> None:
        """Let at most ``maximum`` calls be at work at once; None lifts the limit.

        Raises:
            ParameterError: the maximum is negative, or a label is not named ``key=value``.
        """
        if maximum is not None and maximum < 0:
            raise ParameterError(f"a limit cannot be negative, and {maximum} is; 0 stops all, none lifts it")
        if key.kind is LimitKind.LABEL and "=" not in key.name:
            raise ParameterError(f"a limit on a label is named key=value, not {key.name!r}")
        if maximum is None:
            await self._database.fetch(sql("lift_limit"), key.kind, key.name)
        else:
            await self._database.fetch(sql("set_limit"), key.kind, key.name, maximum)

    async def weigh(self, owner: str, weight: float) -> None:
        """Give an owner this part of the cluster beside others, whose weight is 1 unless it was set.

        Raises:
            ParameterError: the weight is not above 0.
        """
        if not weight > 0:
            raise ParameterError(f"a weight is above 0, and {weight:g} is not")
        await self._database.fetch(sql("set_weight"), owner, weight)

    async def permits(
        self, orchestrator: OrchestratorId, wanted: Mapping[LimitKey, tuple[int, int]], grant: Grant
    ) -> dict[LimitKey, int]:
        """Hold permits for as many calls as ``grant`` allows beside what other living orchestrators hold.

        Args:
            orchestrator: who asks. It gives back what it does not ask for any more.
            wanted: calls at work, and calls that could be.
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
