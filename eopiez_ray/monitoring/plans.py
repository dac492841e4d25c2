"""What metrics say of the steps of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..model.status import PhaseKind
from ..store.happenings import Wire

if TYPE_CHECKING:
    from ..model.plan import PlanSpec


class StepFacts(NamedTuple):
    """What a step is called, and what its tasks hold while they run."""

    plan: str
    step: str
    phase: str
    version: str
    cpus: float
    gpus: float
    memory_bytes: int

    @property
    def names(self) -> tuple[str, str, str, str]:
        """Its phase, plan, step and version."""
        return self.phase, self.plan, self.step, self.version


NOWHERE = StepFacts("", "", "", "", 0.0, 0.0, 0)
"""Of a step that an update has removed."""


def facts_of(plan: PlanSpec) -> tuple[StepFacts, ...]:
    """What is known of each step."""
    return tuple(
        StepFacts(
            plan.name, step.name, step.phase.name, step.phase.version, step.policy.resources.cpu,
            step.policy.resources.gpu, step.policy.resources.memory_bytes,
        )
        for step in plan.steps
    )  # fmt: skip


def wires_of(digest: str, plan: PlanSpec) -> list[Wire]:
    """Which steps take which. A map's partition takes the same partition, unless its input is one value for all."""
    return [
        Wire(digest, position, source, step.phase.kind is PhaseKind.MAP and not plan.wires[source].is_single)
        for position, step in enumerate(plan.steps)
        for source in plan.wires[position].inputs
    ]
