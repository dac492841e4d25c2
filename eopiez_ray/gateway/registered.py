"""Registered plans: what a developer has put under a name, and an operator starts with parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..authoring.contract import find_phase
from ..errors import ParameterError, PlanError
from ..model.changes import Change, StepChange
from .problems import not_found
from .representation import Body

if TYPE_CHECKING:
    from ..authoring.contract import Phase
    from ..model.plan import PhaseRef, PlanSpec
    from ..store.catalogue import RegisteredPlan
    from .system import System


class ParameterBody(Body):
    """What may be given when a registered plan is started."""

    step: str = Field(description="The step that takes it.")
    parameter: str = Field(description="The phase's parameter that it sets.")
    description: str = Field(default="", max_length=1000)


def check_parameters(spec: PlanSpec, parameters: Mapping[str, ParameterBody]) -> None:
    """Check that each parameter leads to a step.

    Raises:
        PlanError: the plan has no such step.
    """
    steps = spec.index()
    for name, target in parameters.items():
        if target.step not in steps:
            raise PlanError(f"the parameter {name!r} is for step {target.step!r}, which the plan does not have")


async def planned(
    system: System, project: str, name: str, given: Mapping[str, Any]
) -> tuple[RegisteredPlan, PlanSpec, dict[str, bytes]]:
    """A registered plan with these parameters, and its code.

    Raises:
        Problem: the project has no such plan.
        ParameterError: a parameter is unknown, or a phase rejects it.
    """
    found = await system.catalogue.get(project, name)
    if found is None:
        raise not_found("plan", repr(name), f"GET /v1/plans?project={project} lists those of the project")
    registered, spec = found
    changed = _with_parameters(registered, spec, given)
    code = await system.workflows.code([step.phase.digest for step in changed.steps])
    return registered, changed, code


def _with_parameters(registered: RegisteredPlan, spec: PlanSpec, given: Mapping[str, Any]) -> PlanSpec:
    for name in given:
        if name not in registered.parameters:
            known = ", ".join(registered.parameters) or "none"
            raise ParameterError(f"plan {registered.name!r} takes no parameter {name!r}; it takes {known}")
    targets = [(registered.parameters[name], value) for name, value in given.items()]
    changes = tuple(StepChange(target["step"], {target["parameter"]: value}) for target, value in targets)
    changed = Change(changes).applied(spec)
    check_known(changed, [change.step for change in changes])
    return changed


def check_known(spec: PlanSpec, steps: Sequence[str]) -> None:
    """Let phases that are registered here check the parameters of these steps; the code of others is not loaded.

    Raises:
        ParameterError: one is unknown, missing, of the wrong type or out of range.
    """
    positions = spec.index()
    for name in steps:
        step = spec.steps[positions[name]]
        phase = known_phase(step.phase)
        if phase is not None:
            phase.checked(step.name, len(step.inputs), step.parameters)


def known_phase(ref: PhaseRef) -> Phase | None:
    """The phase with that very code, if it is registered here."""
    try:
        phase = find_phase(ref.name)
        is_same = phase.ref.digest == ref.digest
    except PlanError:  # None has that name, or the one that has it cannot be sent to workers.
        return None
    return phase if is_same else None
