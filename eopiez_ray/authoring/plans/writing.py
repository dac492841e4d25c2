"""From a plan to its document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import PlanError
from ...model.policies import StepPolicy
from ..built_in import is_built_in
from ..contract import FILE_MODULE, find_phase
from ..json_values import is_json
from .notation import Written, check
from .policies import written_policy

if TYPE_CHECKING:
    from ..contract import Phase
    from .declared import Declaration, Declared


def document_of(plan: Declaration) -> dict[str, Any]:
    """The plan's document as JSON values; empty and default values are left out.

    Raises:
        PlanError: a phase is not registered by an import, or a value is not a JSON value.
    """
    policies = {step.name: step.policy for step in plan.spec.steps}
    phases = [declared.phase for declared in plan.steps if declared.phase is not None]
    imports = dict.fromkeys(name for phase in phases for name in _import_of(phase))
    steps = {declared.name: _written_step(declared, policies) for declared in plan.steps}
    facts = {"import": list(imports), "labels": plan.labels, "priority": plan.priority}
    document = {"plan": plan.name, **{key: value for key, value in facts.items() if value}, "steps": steps}
    check(Written(f"plan {plan.name!r}", Path(), document))
    return document


def _written_step(declared: Declared, policies: dict[str, StepPolicy]) -> dict[str, Any]:
    usual = StepPolicy() if declared.phase is None else declared.phase.policy
    policy = written_policy(_policy(declared, policies), usual)
    if declared.phase is not None:
        facts = {"inputs": list(declared.inputs), "parameters": declared.parameters}
        return {"phase": declared.phase.name, **{key: value for key, value in facts.items() if value}, **policy}
    if not is_json(declared.values):
        raise PlanError(
            f"the values of step {declared.name!r} cannot be written: not all are JSON values; let a source make them"
        )
    return {"values": declared.values, **policy}


def _policy(declared: Declared, policies: dict[str, StepPolicy]) -> StepPolicy:
    """The policy of all the step's levels."""
    policy = policies[declared.name]
    for level in declared.levels:
        if policies[level] != policy:
            raise PlanError(
                f"step {level!r} cannot be written: its policy differs from that of {declared.name!r}; tune both alike"
            )
    return policy


def _import_of(phase: Phase) -> list[str]:
    """What registers the phase: a module, a file, or nothing for a built-in one."""
    if find_phase(phase.name).ref != phase.ref:
        raise PlanError(f"the plan's phase {phase.name!r} is not the one now registered under that name")
    name = phase.function.__module__
    if is_built_in(name):
        return []
    if name == "__main__" or "<locals>" in phase.function.__qualname__:
        raise PlanError(
            f"phase {phase.name!r} is made by the running program, so no document can import it; "
            "move it to the top level of a module or file of its own"
        )
    return [str(sys.modules[name].__file__) if name.startswith(FILE_MODULE) else name]
