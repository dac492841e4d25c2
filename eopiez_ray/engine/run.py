"""A workflow that an orchestrator holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..machine.packing import CALL_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from concurrent.futures import Future

    from ..machine import Packing, WorkflowState
    from ..model.ids import WorkflowId
    from ..model.limits import Owner
    from ..model.policies import Resources
    from .inputs import InputResolver


class RunFault(Exception):  # noqa: N818 - it blames, and is caught by the one who handles it
    """A decision for many workflows failed because of one of them."""

    def __init__(self, run: Run, error: Exception) -> None:
        super().__init__(run.id, error)
        self.run, self.error = run, error


@dataclass(slots=True, eq=False)
class Run:
    """A held workflow: its state, and what happens outside it."""

    id: WorkflowId
    epoch: int
    state: WorkflowState
    packing: Packing
    inputs: InputResolver
    code: dict[str, bytes]
    """Pickled phases and values by digest."""
    owner: Owner
    priority: int
    labels: Mapping[str, str]
    order: int
    """Grows from one held workflow to the next."""
    queued_for: frozenset[Resources] = frozenset()
    """Resources for which it waits its turn."""
    calls: dict[asyncio.Task[None], str] = field(default_factory=dict)
    """Running calls and their workers."""
    wake: asyncio.TimerHandle | None = None
    force: asyncio.TimerHandle | None = None
    """When its calls' workers are stopped, because it is to be paused at once or cancelled."""
    source_workers: dict[int, str] = field(default_factory=dict)
    """The worker that holds each source's iterator."""
    watchers: list[Future[None]] = field(default_factory=list)
    """Resolved when its final status is durable; threads add to them."""

    def disarm(self) -> None:
        """Cancel its timers."""
        for timer in (self.wake, self.force):
            if timer is not None:
                timer.cancel()

    def adopt_policies(self) -> None:
        """Reread how its steps are to run."""
        self.packing.cached_steps = self.state.plan.cached_steps
        self.inputs.forget_steps()

    def ready_s(self) -> float:
        """Estimated seconds of work that could start at once."""
        steps = self.state.steps
        return sum(len(step.ready) * self.packing.estimate_s(step) for step in steps if step.ready) + len(
            [step for step in steps if step.ready_larger]
        )

    def next_call_s(self) -> float:
        """Seconds that a call beginning with its work should last; infinite if a phase was never measured."""
        ready = [step for step in self.state.steps if step.ready or step.ready_larger]
        if not all(map(self.packing.knows, ready)):
            return math.inf
        return max([min(CALL_S, self.ready_s()), *map(self.packing.estimate_s, ready)])

    def wants(self) -> frozenset[Resources]:
        """Resources for which it has tasks that could start."""
        if self.state.ending is not None or self.state.status.is_at_rest:
            return frozenset()
        ready = [step for step in self.state.steps if step.ready or step.ready_larger]
        if len(ready) == 1 and not ready[0].ready_larger:
            return ready[0].spec.policy.alone
        return frozenset(wanted for step in ready for wanted in step.wanted())
