"""From the gateway's JSON to the values that the store gives as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from ..errors import GatewayError
from ..model.ids import WorkflowId
from ..model.requests import Answer, Asked, Request, Verb
from ..model.status import Outcome, PhaseKind, StepStatus, WorkflowStatus
from ..model.tasks import TaskKey
from ..model.views import (
    AttemptView,
    DriverView,
    EventView,
    GivenUp,
    LogView,
    PlanVersion,
    RejectReason,
    RejectView,
    SetAside,
    StepFacts,
    StepView,
    TaskView,
    WorkflowView,
)

View = TypeVar("View")
Json = Mapping[str, Any]


def workflow_view(value: Json) -> WorkflowView:
    """A workflow. Its plan is there if the answer has it; leases (``epoch``) are the system's own business."""
    asked = value.get("request")
    return _made(
        WorkflowView,
        value,
        id=WorkflowId(UUID(value["id"])),
        spec_json=json.dumps((value.get("inside") or {}).get("plan", {})),
        status=WorkflowStatus(value["status"]),
        epoch=0,
        trace_id=value.get("trace_id") or UUID(value["id"]).hex,
        request=asked and Asked(Verb(asked["verb"]), _moment(asked["at"]), Request(asked["by"], asked["why"])),
    )


def step_views(value: Json) -> list[StepView]:
    """The steps of a workflow, in the plan's order."""
    return [
        _made(StepView, step, position=at, kind=PhaseKind(step["kind"]), status=StepStatus(step["status"]))
        for at, step in enumerate(value["steps"])
    ]


def step_facts(value: Json) -> list[StepFacts]:
    """Figures for each step."""
    return [
        StepFacts(each["step"], each["peak_bytes"], {Outcome(name): n for name, n in each["attempts"].items()})
        for each in value["inside"]["facts"]
    ]


def driver_view(value: Json) -> DriverView | None:
    """Who drives a workflow; None if nobody does."""
    driver = value["inside"]["driver"]
    return None if driver is None else _made(DriverView, driver)


def event_view(value: Json) -> EventView:
    """An event."""
    return _made(EventView, value)


def log_view(value: Json) -> LogView:
    """A log line."""
    return _made(LogView, value)


def attempt_view(value: Json) -> AttemptView:
    """An attempt without a result."""
    return _made(AttemptView, value)


def plan_version(value: Json) -> PlanVersion:
    """A plan that a workflow follows or has followed."""
    return _made(PlanVersion, value)


def reject_view(value: Json) -> RejectView:
    """Rejected rows."""
    return _made(RejectView, value)


def reject_reason(value: Json) -> RejectReason:
    """Why rows were rejected."""
    return _made(RejectReason, value)


def task_view(value: Json, positions: Mapping[str, int]) -> TaskView:
    """A finished task.

    Args:
        positions: of the steps in the plan, by name.
    """
    return _made(TaskView, value, key=TaskKey(positions[value["step"]], value["partition"]))


def given_up(value: Json) -> GivenUp:
    """A task that has used up its attempts."""
    return _made(GivenUp, value, workflow_id=WorkflowId(UUID(value["workflow_id"])))


def set_aside(value: Json) -> SetAside:
    """A quarantined workflow."""
    return _made(SetAside, value, workflow_id=WorkflowId(UUID(value["workflow_id"])))


def answer_of(value: Json) -> Answer:
    """The outcome of a request to one of several workflows."""
    status = value["status"]
    return Answer(
        WorkflowId(UUID(value["id"])),
        value["name"],
        None if status is None else WorkflowStatus(status),
        value["refusal"],
    )


def _made(view: type[View], value: Json, /, **known: Any) -> View:
    """A view of the fields that it has; what a newer gateway says besides is left out.

    Raises:
        GatewayError: a field is missing, or makes no sense.
    """
    try:
        named = {field.name: field.type for field in fields(view)}  # type: ignore[arg-type]
        given = {name: _read(kind, value[name]) for name, kind in named.items() if name not in known}
        return view(**given, **known)
    except (KeyError, ValueError, TypeError) as error:
        raise GatewayError(f"the gateway's answer has no {view.__name__} in it: {error!r}; is it of this version?") \
            from error  # fmt: skip


def _read(kind: Any, value: Any) -> Any:
    return _moment(value) if value is not None and "datetime" in str(kind) else value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
