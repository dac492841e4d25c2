"""From what a caller sends to a workflow: which plan, and whether they may run it.

Nothing that a caller sends is executed or unpickled here. Code travels to the workers as it came, under the digest of
its content.
"""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from ..authoring.plans.reading import read_registered
from ..errors import ParameterError, PlanError
from ..model.access import Role
from ..model.names import check_free_labels, check_labels, check_name
from ..model.plan import PlanSpec, ordered
from ..model.status import PhaseKind
from ..store import NewWorkflow
from .access import check_role
from .problems import Problem
from .registered import known_phase, planned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.access import Caller
    from ..settings import Settings
    from .bodies import NewWorkflowBody
    from .system import System

_OUTSIDE = {PhaseKind.SOURCE, PhaseKind.SINK}
"""Kinds of phases that read or change what is outside: files, other systems."""
MOST_VALUES = 1_000_000
"""Partitions that a plan can bring with it."""


class Planned(NamedTuple):
    """A plan with the code of its phases."""

    spec: PlanSpec
    code: Mapping[str, bytes]
    labels: Mapping[str, str]
    priority: int


async def new_workflow(
    body: NewWorkflowBody, caller: Caller, project: str, key: str | None, system: System
) -> NewWorkflow:
    """The workflow that the caller wants.

    Raises:
        Problem: they may not run this, or it says nothing to run.
        PlanError, ParameterError: the plan or an option is invalid.
    """
    check_labels(body.labels)
    check_free_labels(body.labels)
    check_name("the idempotency key", key or "")
    found = await _planned(body, caller, project, system)
    check_free_labels(found.labels)
    return NewWorkflow(
        found.spec,
        found.code,
        project=project,
        owner=caller.name,
        priority=found.priority if body.priority is None else body.priority,
        labels={**found.labels, **body.labels},
        idempotency_key=key,
    )


async def _planned(body: NewWorkflowBody, caller: Caller, project: str, system: System) -> Planned:
    if isinstance(body.plan, str):
        registered, spec, code = await planned(system, project, body.plan, body.parameters)
        return Planned(spec, code, registered.labels, registered.priority)
    if body.parameters:
        raise ParameterError("parameters are for a registered plan; put them into the steps of this one")
    if body.plan is not None:
        return _document(body.plan, caller, project)
    if body.spec is not None:
        return _with_code(body, caller, project, system.settings)
    hint = "send `plan`, a document or a registered plan's name, or `spec` with `code`"
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "plan-missing", "the request has no plan", hint)


def _document(value: Mapping[str, Any], caller: Caller, project: str) -> Planned:
    plan = read_registered(value)
    spec = plan.spec()
    check_environments(spec, caller, project)
    outside = next((step for step in spec.steps if step.phase.kind in _OUTSIDE), None)
    if outside is not None and not caller.may(Role.DEVELOPER, project):
        hint = "run the pipeline, or ask a developer of the project"
        detail = f"step {outside.name!r} is a {outside.phase.kind}: only developers may let it reach what is outside"
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, hint)
    return Planned(spec, plan.code(), plan.labels, plan.priority)


def check_environments(spec: PlanSpec, caller: Caller, project: str) -> None:
    """Check that no step brings code by its runtime environment, unless the caller may send code.

    Raises:
        Problem: one does.
    """
    if caller.may(Role.DEVELOPER, project):
        return
    for step in spec.steps:
        wanted, phase = step.policy.resources.runtime_env, known_phase(step.phase)
        if wanted and (phase is None or wanted != phase.policy.resources.runtime_env):
            detail = (
                f"step {step.name!r} has a runtime environment of its own, which is code: only developers send that"
            )
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, "ask a developer of the project")


def _with_code(body: NewWorkflowBody, caller: Caller, project: str, settings: Settings) -> Planned:
    check_role(caller, Role.DEVELOPER, project)
    if not settings.gateway_allows_code:
        hint = "name registered phases in a plan document"
        raise Problem(HTTPStatus.FORBIDDEN, "code-forbidden", "this system takes no code over HTTP", hint)
    assert body.spec is not None
    spec = _checked(body.spec)
    wanted = {step.phase.digest: step.name for step in spec.steps}
    code = {digest: _decoded(digest, text) for digest, text in body.code.items() if digest in wanted}
    missing = next((name for digest, name in wanted.items() if digest not in code), None)
    if missing is not None:
        raise PlanError(f"the code of step {missing!r} is missing; send it in `code`, under its phase's digest")
    return Planned(spec, code, {}, 0)


def _checked(value: dict[str, Any]) -> PlanSpec:
    """The plan, which may have been written by any program.

    Raises:
        PlanError: no builder could have made it.
    """
    spec = PlanSpec.from_value(value)
    check_name("the plan", spec.name)
    sorted_spec = ordered(spec.name, list(spec.steps))
    for step in spec.steps:
        if step.phase.kind is PhaseKind.VALUES:
            _check_values(step.name, step.parameters)
    return sorted_spec


def _check_values(step: str, parameters: Mapping[str, Any]) -> None:
    count = parameters.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_VALUES:
        raise PlanError(f"step {step!r} gives {count!r} values; that must be a number up to {MOST_VALUES:,}")


def _decoded(digest: str, text: str) -> bytes:
    try:
        code = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ParameterError(f"the code with digest {digest[:32]} is not base64") from error
    if blake3(code).hexdigest(16) != digest:
        raise ParameterError(f"the code under digest {digest[:32]} has another digest")
    return code
