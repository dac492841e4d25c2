"""New workflows that an orchestrator drives from their first moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from ..machine import WorkflowState
from ..model.status import WorkflowStatus
from ..store import Claim

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId, WorkflowId
    from ..store import Created, Intake, NewWorkflow
    from .claims import Claims


class Creation:
    """Offers new workflows to the store, and holds them as soon as they are durable."""

    def __init__(self, orchestrator: OrchestratorId, intake: Intake, claims: Claims) -> None:
        self._orchestrator, self._intake, self._claims = orchestrator, intake, claims
        self._has_ended = False

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]]:
        """The new workflows, held here and durable, once that is so. From any thread.

        Its errors are ``IdempotencyConflictError`` for a key that was used for another plan, and those of the store.
        """
        place: Future[list[WorkflowId]] = Future()
        held = [new._replace(holder=self._orchestrator) for new in wanted]
        self._intake.offer(held, partial(self._created, wanted, place))
        return place

    def end(self) -> None:
        """Hold nothing more: what is created from now on waits for the next orchestrator."""
        self._has_ended = True

    def _created(
        self, wanted: Sequence[NewWorkflow], place: Future[list[WorkflowId]], answer: list[Created] | Exception
    ) -> None:
        is_awaited = place.set_running_or_notify_cancel()
        if isinstance(answer, Exception):
            if is_awaited:
                place.set_exception(answer)
            return
        for made, new in zip(answer, wanted, strict=True):
            self._hold(made, new)
        if is_awaited:
            place.set_result([made.id for made in answer])

    def _hold(self, made: Created, new: NewWorkflow) -> None:
        if not made.is_new or self._has_ended:
            self._claims.add(made.id)
            return
        state = WorkflowState.restore(new.plan)
        claim = Claim(made.id, 1, WorkflowStatus.RUNNING, state, new.owner, new.priority, new.labels)
        run = self._claims.hold(claim, dict(new.code))
        if run is not None:
            self._claims.begin(claim, run)
