"""From a plan and its options to a new workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.names import DEFAULT_PROJECT, RAY_JOB, check_labels, check_name, check_priority, check_project_name
from ..settings import ray_job
from ..store import NewWorkflow

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..model.options import StartOptions


def new_workflow(plan: Plan, options: StartOptions) -> NewWorkflow:
    """The new workflow; options given at the start override the plan's own.

    Raises:
        ParameterError: the project, owner, key, labels or priority are invalid.
    """
    job = ray_job()
    origin = {} if job is None else {RAY_JOB: job}
    labels = {**plan.labels, **options.get("labels", {}), **origin}
    said = {"priority": plan.priority, **options, "labels": labels}
    check_project_name(options.get("project", DEFAULT_PROJECT))
    check_name("the owner", options.get("owner", ""))
    check_name("the idempotency key", options.get("idempotency_key") or "")
    check_priority(said["priority"])
    check_labels(labels)
    return NewWorkflow(plan.spec(), plan.code(), **said)  # type: ignore[arg-type]
