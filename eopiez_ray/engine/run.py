"""A workflow that an orchestrator holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ..machine import Packing, WorkflowState
    from ..model.ids import WorkflowId
    from ..model.policies import Resources
    from .inputs import InputResolver


@dataclass(slots=True, eq=False)
class Run:
    """A held workflow: its state, and what goes on outside it."""

    id: WorkflowId
    epoch: int
    state: WorkflowState
    packing: Packing
    inputs: InputResolver
    code: dict[str, bytes]
    """Pickled phases and values by digest."""
    owner: str
    priority: int
    order: int
    """Grows from one held workflow to the next."""
    wants: set[Resources] = field(default_factory=set)
    """Resources for which it has tasks that could start."""
    calls: dict[asyncio.Task[None], str] = field(default_factory=dict)
    """Running calls and their workers."""
    wake: asyncio.TimerHandle | None = None
    force: asyncio.TimerHandle | None = None
    """When the workers of its calls are stopped, since somebody wants it paused now or cancelled."""
    source_workers: dict[int, str] = field(default_factory=dict)
    """The worker that holds each source's iterator."""
    at_rest: asyncio.Future[None] | None = None
    """Resolved when its final status is durable."""

    def look(self) -> None:
        """See anew what it wants."""
        if self.state.ending is not None or self.state.status.is_at_rest:
            self.wants = set()
        else:
            self.wants = {step.spec.policy.resources for step in self.state.steps if step.ready}
