"""What can still change in a workflow's plan: whatever has not started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.plan import PlanSpec, Step
    from .state import StepState, WorkflowState


def refusal(state: WorkflowState, plan: PlanSpec) -> str | None:
    """Why the workflow cannot continue with this plan; None if it can.

    Steps, their phases and inputs cannot change. Parameters may change while no task of the step has started, so that
    all its results are made alike; policies may change until the step is done.
    """
    if [step.name for step in plan.steps] != [step.spec.name for step in state.steps]:
        return "it has other steps; only parameters and policies of steps can be updated"
    found = (_refusal_of_step(step, new) for step, new in zip(state.steps, plan.steps, strict=True))
    return next((reason for reason in found if reason is not None), None)


def _refusal_of_step(step: StepState, new: Step) -> str | None:
    old, place = step.spec, f"step {new.name!r}"
    if new == old:
        return None
    if (new.phase, new.inputs, new.fan_in) != (old.phase, old.inputs, old.fan_in):
        return f"{place} has another phase or other inputs; only parameters and policies can be updated"
    if step.is_done or step.has_failed:
        return f"{place} has {step.status}; there is nothing left to update"
    has_begun = step.done or step.running or step.failures or step.losses or step.shortages
    if new.parameters != old.parameters and has_begun:
        return f"tasks of {place} have started; its parameters can no longer be updated"
    return None
