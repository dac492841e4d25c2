"""Limits, weights and neighbours, followed as they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError
from ..model.policies import Resources
from .limits import granted
from .moments import set_within
from .run import RunFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.ids import OrchestratorId
    from ..store import RuleBook
    from .claims import Claims
    from .conductor import Conductor
    from .executor import Executor
    from .limits import Limits
    from .roster import Roster

RULES_S = 1.0
"""Seconds between looks at limits and weights when no notification comes."""


class Rules:
    """Reads limits and weights, and acquires permits for what is limited."""

    def __init__(
        self,
        orchestrator: OrchestratorId,
        book: RuleBook,
        limits: Limits,
        claims: Claims,
        roster: Roster,
        conductor: Conductor,
        executor: Executor,
        on_news: Callable[[], None],
    ) -> None:
        self._orchestrator, self._book, self._limits = orchestrator, book, limits
        self._claims, self._roster, self._conductor = claims, roster, conductor
        self._executor, self._on_news = executor, on_news
        self._has_some = asyncio.Event()

    def look(self) -> None:
        """Note that rules, or what they apply to, may have changed."""
        self._has_some.set()

    async def read(self) -> None:
        """Begin with the current rules; nothing is permitted yet."""
        self._limits.adopt(await self._book.read(), {})

    async def run(self) -> None:
        """Keep following them."""
        while True:
            await set_within(self._has_some, RULES_S)
            self._has_some.clear()
            try:
                await self._follow()
            except DatabaseUnavailableError:
                continue  # The previous permits still hold.
            except RunFault as fault:
                self._conductor.quarantine(fault.run, fault.error)

    async def _follow(self) -> None:
        if await self._claims.see_peers():
            self._on_news()
        rules = await self._book.read()
        if rules != self._limits.rules:
            self._on_news()
        self._limits.adopt(rules, self._limits.permits)
        wanted = self._limits.wanted(self._roster, self._executor.slots(Resources()))
        if wanted or self._limits.permits:
            permits = await self._book.permits(self._orchestrator, wanted, granted)
            if permits != self._limits.permits:
                self._on_news()
            self._limits.adopt(self._limits.rules, permits)
