"""Why steps wait, recorded for those who ask."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..machine import UpdateStep
from .admission import reasons
from .run import RunFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .admission import Room
    from .conductor import Conductor
    from .journal import Journal
    from .roster import Roster
    from .run import Run

EXPLAIN_S = 1.0
"""Minimum seconds between looks at why steps wait."""
EXPLAIN_SHARE = 0.02
"""Maximum share of the time spent on these looks: with thousands of workflows they are further apart."""
EXPLAINED_AT_ONCE = 500
"""How many workflows are looked at before the event loop gets a turn."""


class Explainer:
    """Checks now and then why steps of held workflows wait, and journals what has changed."""

    def __init__(self, roster: Roster, room: Callable[[], Room], journal: Journal, conductor: Conductor) -> None:
        self._roster, self._room, self._journal, self._conductor = roster, room, journal, conductor
        self.has_moved = False
        """Whether anything may have started, ended or arrived since the last look."""

    async def run(self) -> None:
        """Keep looking."""
        pause_s = EXPLAIN_S
        while True:
            await asyncio.sleep(pause_s)
            began = time.perf_counter()
            try:
                await self._look()
            except RunFault as fault:
                self._conductor.quarantine(fault.run, fault.error)
            pause_s = max(EXPLAIN_S, (time.perf_counter() - began) / EXPLAIN_SHARE)

    async def _look(self) -> None:
        runs = [run for run in self._roster if self.has_moved or run.state.waiting]
        self.has_moved = False
        if not runs:
            return
        room = self._room()
        for number, run in enumerate(runs, 1):
            if run in self._roster:
                self._explain(run, room)
            if number % EXPLAINED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _explain(self, run: Run, room: Room) -> None:
        try:
            self._note(run, room)
        except Exception as error:  # noqa: BLE001 - the bulkhead
            self._conductor.quarantine(run, error)

    def _note(self, run: Run, room: Room) -> None:
        found = reasons(run, room, time.time())
        changed = [step for step in run.state.steps if step.reason != found.get(step.position, "")]
        for step in changed:
            step.reason = found.get(step.position, "")
        if changed:
            updates = [UpdateStep(step.position) for step in changed]
            self._journal.add(run.id, run.epoch, run.state, updates)
