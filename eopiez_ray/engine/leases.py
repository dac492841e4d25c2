"""Holding on to workflows: leases are renewed before they expire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from ..model.ids import WorkflowId
    from ..store import Ledger
    from .conductor import Conductor
    from .creation import Creation
    from .journal import Journal
    from .roster import Roster


class Leases:
    """Renews the leases of all held workflows."""

    def __init__(
        self,
        lease_s: float,
        ledger: Ledger,
        roster: Roster,
        creation: Creation,
        journal: Journal,
        conductor: Conductor,
    ) -> None:
        self._lease_s, self._ledger, self._roster, self._creation = lease_s, ledger, roster, creation
        self._journal, self._conductor = journal, conductor

    async def run(self) -> None:
        """Keep renewing."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            held = self._creation.coming | self._roster.epochs
            if held:
                await self._renew(held)

    async def _renew(self, held: dict[WorkflowId, int]) -> None:
        try:
            kept = await self._ledger.renew(held)
        except DatabaseUnavailableError:
            return  # Nobody can claim them either while the database is unavailable.
        await self._journal.flush()  # Those that came to rest meanwhile are then no longer held.
        for workflow in held.keys() - kept:
            self._conductor.lose(workflow)
