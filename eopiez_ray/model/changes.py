"""Changes to a workflow that is under way: to steps that have not started, its priority and its labels."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import PlanError
from .names import check_labels, check_priority
from .plan import PlanSpec, Step
from .policies import Resources, RetryPolicy


@dataclass(frozen=True, slots=True)
class StepChange:
    """A change to one step; fields that are None change nothing."""

    step: str
    parameters: Mapping[str, Any] | None = None
    """The parameters that change; the others stay."""
    resources: Resources | None = None
    retry: RetryPolicy | None = None
    timeout_s: float | None = None
    step_timeout_s: float | None = None
    wait_timeout_s: float | None = None
    max_rejects: float | None = None

    def applied(self, step: Step) -> Step:
        """The step with the change applied."""
        policies = ("resources", "retry", "timeout_s", "step_timeout_s", "wait_timeout_s", "max_rejects")
        changes = {name: getattr(self, name) for name in policies if getattr(self, name) is not None}
        parameters = {**step.parameters, **(self.parameters or {})}
        return replace(step, parameters=parameters, policy=replace(step.policy, **changes))

    def to_value(self) -> dict[str, Any]:
        """The change as JSON values for the workflow's history."""
        plain = ("parameters", "timeout_s", "step_timeout_s", "wait_timeout_s", "max_rejects")
        value = {name: getattr(self, name) for name in plain if getattr(self, name) is not None}
        if self.resources is not None:
            value["resources"] = self.resources.totals()
        if self.retry is not None:
            value["maximum_attempts"] = self.retry.maximum_attempts
        return {"step": self.step, **value}


@dataclass(frozen=True, slots=True)
class Change:
    """An update to a workflow, with who asks for it and why."""

    steps: tuple[StepChange, ...] = ()
    priority: int | None = None
    labels: Mapping[str, str] | None = None
    """Labels to add or replace."""
    by: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        check_labels(self.labels or {})
        if self.priority is not None:
            check_priority(self.priority)

    def applied(self, plan: PlanSpec) -> PlanSpec:
        """The plan with the update applied.

        Raises:
            PlanError: it has no such step.
        """
        steps = {step.name: step for step in plan.steps}
        for change in self.steps:
            if change.step not in steps:
                near = difflib.get_close_matches(change.step, steps, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(steps)}"
                raise PlanError(f"plan {plan.name!r} has no step {change.step!r}; {hint}")
            steps[change.step] = change.applied(steps[change.step])
        return PlanSpec(plan.name, tuple(steps.values()))

    def to_value(self) -> dict[str, Any]:
        """The update as JSON values for the workflow's history."""
        value: dict[str, Any] = {"by": self.by, "why": self.why, "steps": [step.to_value() for step in self.steps]}
        if self.priority is not None:
            value["priority"] = self.priority
        return value | ({"labels": dict(self.labels)} if self.labels else {})
