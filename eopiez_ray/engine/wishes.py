"""Requests to workflows held here: a pause, a cancel, an update, another priority."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError
from ..machine import refusal
from ..model.requests import Mode
from ..model.status import WorkflowStatus
from .moments import set_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.ids import OrchestratorId
    from ..store import Ledger
    from ..store.ledger import Requested
    from .conductor import Conductor
    from .roster import Roster
    from .run import Run
    from .turns import Turns

POLL_S = 2.0
"""Seconds between looks when no notification comes."""
CANCEL_GRACE_S = 5.0
"""Grace period in seconds: how long running tasks get to end after a cancel before their workers are stopped."""
NOW_GRACE_S = 0.25
"""The same for a pause or cancel with ``now``: calls of short tasks end within 0.05 s by themselves."""


class Wishes:
    """Reads requests and carries them out."""

    def __init__(
        self,
        orchestrator: OrchestratorId,
        ledger: Ledger,
        roster: Roster,
        turns: Turns,
        conductor: Conductor,
        on_news: Callable[[], None],
    ) -> None:
        self._orchestrator, self._ledger, self._roster = orchestrator, ledger, roster
        self._turns, self._conductor, self._on_news = turns, conductor, on_news
        self._has_some = asyncio.Event()

    def look(self) -> None:
        """Note that there may be a request."""
        self._has_some.set()

    async def run(self) -> None:
        """Keep carrying out requests."""
        while True:
            await set_within(self._has_some, POLL_S)
            self._has_some.clear()
            try:
                wanted = await self._ledger.requested(self._orchestrator)
            except DatabaseUnavailableError:
                continue
            for wish in wanted:
                await self._see_to(wish)

    async def _see_to(self, wish: Requested) -> None:
        run = self._roster.get(wish.id)
        if run is None:
            return
        try:
            self._prioritize(run, wish.priority)
            if wish.plan is not None:
                await self._update(run, wish.plan)
            if wish.status.is_ending:
                self._end(run, wish)
        except Exception as error:  # noqa: BLE001 - the bulkhead
            self._conductor.quarantine(run, error)

    def _end(self, run: Run, wish: Requested) -> None:
        if run.state.status is not wish.status:
            self._conductor.wind_down(run, wish.status)
        if wish.mode is Mode.NOW:
            self._conductor.limit(run, NOW_GRACE_S)
        elif wish.status is WorkflowStatus.CANCELLING:
            self._conductor.limit(run, CANCEL_GRACE_S)

    def _prioritize(self, run: Run, priority: int) -> None:
        if priority != run.priority:
            self._turns.leave(run)
            run.priority = priority
            self._turns.look(run)
            self._on_news()

    async def _update(self, run: Run, digest: str) -> None:
        """Continue with a changed plan if the workflow still can; whoever asked reads the answer in its history."""
        try:
            plan = await self._ledger.plan(digest)
            reason = "" if plan == run.state.plan else refusal(run.state, plan)
            if reason is not None:
                await self._ledger.answer_update(run.id, run.epoch, reason)
                return
        except DatabaseUnavailableError:
            return  # It will be asked for again.
        self._conductor.update(run, plan)
