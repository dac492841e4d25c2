"""New workflows that an orchestrator drives from the moment they are created."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from ..machine import WorkflowState
from ..model.limits import Owner
from ..model.status import WorkflowStatus
from ..store import Claim
from .collector import spare_all, spare_new

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId, WorkflowId
    from ..store import Created, Intake, NewWorkflow
    from .claims import Claims

AT_ONCE = 500
"""How many workflows are taken on in one go."""
FIRST_EPOCH = 1
"""Epoch of a workflow that is held from its creation."""


class Creation:
    """Submits new workflows to the store, and holds them as soon as they are durable."""

    def __init__(self, orchestrator: OrchestratorId, intake: Intake, claims: Claims) -> None:
        self._orchestrator, self._intake, self._claims = orchestrator, intake, claims
        self._has_ended = False
        self._coming: dict[WorkflowId, int] = {}
        self._holding: set[asyncio.Future[None]] = set()
        self._has_spared = False
        """Whether the collector skips workflows that were many at once."""

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]]:
        """The new workflows, once they are durable and held here. Callable from any thread.

        Its errors are ``IdempotencyConflictError`` for a key that was used for another plan, and those of the store.
        """
        place: Future[list[WorkflowId]] = Future()
        held = [new._replace(holder=self._orchestrator) for new in wanted]
        self._intake.offer(held, partial(self._created, wanted, place))
        return place

    def end(self) -> None:
        """Hold no more: workflows created from now on wait for the next orchestrator."""
        self._has_ended = True

    def rest(self) -> None:
        """There has been no workflow for a while: collect what was spared when there were many."""
        if self._has_spared:
            spare_all()
        self._has_spared = False

    def _created(
        self, wanted: Sequence[NewWorkflow], place: Future[list[WorkflowId]], answer: list[Created] | Exception
    ) -> None:
        is_awaited = place.set_running_or_notify_cancel()
        if isinstance(answer, Exception):
            if is_awaited:
                place.set_exception(answer)
            return
        both = [*zip(answer, wanted, strict=True)]
        for made, new in both[:AT_ONCE]:
            self._hold(made, new)
        if len(both) > AT_ONCE:
            self._coming.update({made.id: FIRST_EPOCH for made, _ in both[AT_ONCE:] if made.is_new})
            rest = asyncio.ensure_future(self._hold_rest(both[AT_ONCE:]))
            self._holding.add(rest)
            rest.add_done_callback(self._holding.discard)
        if is_awaited:
            place.set_result([made.id for made in answer])

    @property
    def coming(self) -> dict[WorkflowId, int]:
        """Epochs of durable workflows that are too many to be all held yet."""
        return self._coming

    async def _hold_rest(self, both: Sequence[tuple[Created, NewWorkflow]]) -> None:
        """Hold the others in batches, so that those already held make progress meanwhile."""
        for start in range(0, len(both), AT_ONCE):
            await asyncio.sleep(0)
            for made, new in both[start : start + AT_ONCE]:
                self._coming.pop(made.id, None)
                self._hold(made, new)
            spare_new()
            self._has_spared = True

    def _hold(self, made: Created, new: NewWorkflow) -> None:
        if not made.is_new or self._has_ended:
            self._claims.add(made.id)
            return
        state = WorkflowState.restore(new.plan)
        owner = Owner(new.project, new.owner)
        claim = Claim(made.id, FIRST_EPOCH, WorkflowStatus.RUNNING, state, owner, new.priority, new.labels)
        run = self._claims.hold(claim, dict(new.code))
        if run is not None:
            self._claims.begin(claim, run)
