"""Holding on to workflows: an orchestrator renews its lease before it runs out, and makes sure of what it holds."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError
from ..logs import get_logger
from .moments import set_within

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId, WorkflowId
    from ..store import Ledger
    from .conductor import Conductor
    from .creation import Creation
    from .journal import Journal
    from .roster import Roster

RENEWALS = 3
"""How often a lease is renewed before it would run out; as often, all that is held is compared with the store."""

log = get_logger(__name__)


class Leases:
    """Renews one orchestrator's lease, which covers all that it holds."""

    def __init__(
        self,
        orchestrator: OrchestratorId,
        lease_s: float,
        ledger: Ledger,
        roster: Roster,
        creation: Creation,
        journal: Journal,
        conductor: Conductor,
    ) -> None:
        self._orchestrator, self._lease_s, self._ledger = orchestrator, lease_s, ledger
        self._roster, self._creation, self._journal, self._conductor = roster, creation, journal, conductor
        self._in_doubt = asyncio.Event()
        self._strays: dict[WorkflowId, int] = {}
        """What the store said last time that it holds, and it did not know."""

    def doubt(self) -> None:
        """Others may have taken something, since the session was interrupted: renew and compare now."""
        self._in_doubt.set()

    async def run(self) -> None:
        """Keep renewing."""
        for number in itertools.count(1):
            await set_within(self._in_doubt, self._lease_s / RENEWALS)
            is_due = self._in_doubt.is_set() or number % RENEWALS == 0
            self._in_doubt.clear()
            try:
                if not await self._ledger.renew(self._orchestrator) or is_due:
                    await self._compare()
            except DatabaseUnavailableError:
                continue  # The session notices it too, and is in doubt when it is open again.

    async def _compare(self) -> None:
        """Drop what others have taken, and let others take what is held here only by the store's account.

        The latter happens if an answer to a claim is lost. Twice in a row, for it may be on its way.
        """
        known = self._creation.coming | self._roster.epochs
        held = await self._ledger.held(self._orchestrator)
        await self._journal.flush()  # Those that came to rest meanwhile are then no longer held.
        for workflow in known.keys() - held.keys():
            self._conductor.lose(workflow)
        unknown = {workflow: epoch for workflow, epoch in held.items() if workflow not in known}
        strays = {workflow: epoch for workflow, epoch in unknown.items() if self._strays.get(workflow) == epoch}
        if strays:
            log.warning("workflows held by mistake are released", workflows=len(strays))
            await self._ledger.release(strays)
        self._strays = unknown
