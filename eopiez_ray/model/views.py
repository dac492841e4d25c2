"""What readers of workflows get, from the store or over HTTP: frozen rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .ids import WorkflowId
from .plan import PlanSpec
from .requests import Asked
from .status import Outcome, PhaseKind, StepStatus, WorkflowStatus
from .tasks import TaskKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """The current state of a workflow."""

    id: WorkflowId
    project: str
    name: str
    spec_json: str
    """The plan as stored, unread: most who look at a workflow do not look at its plan, which may have megabytes."""
    plan_version: int
    """Counted from 1; an update makes the next one."""
    status: WorkflowStatus
    owner: str
    priority: int
    labels: dict[str, str]
    epoch: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    drained_at: datetime | None
    error: dict[str, Any] | None
    request: Asked | None
    """The last pause, resume, cancel or retry that was requested."""
    frozen_s: float
    """Seconds of all ended pauses during which timers stood still."""
    in_flight: int
    """Tasks that are waited for while it is pausing or cancelling; 0 otherwise."""
    trace_id: str
    """Of the trace that it belongs to, in 32 hexadecimal digits: its caller's, or else its own."""

    @property
    def spec(self) -> dict[str, Any]:
        """The plan as stored."""
        found: dict[str, Any] = json.loads(self.spec_json)
        return found

    @property
    def plan(self) -> PlanSpec:
        """The plan it follows.

        Raises:
            PlanError: it cannot be read; everything else about the workflow can.
        """
        return PlanSpec.from_value(self.spec)

    @property
    def step_names(self) -> list[str]:
        """Names of its steps, as far as they can be read."""
        steps = self.spec.get("steps")
        return [str(step.get("name")) for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> WorkflowView:
        request = Asked.from_value(row["request"]) if row["request"] else None
        known = {"status": WorkflowStatus(row["status"]), "id": WorkflowId(row["id"]), "request": request}
        return cls(**dict(row) | known)


@dataclass(frozen=True, slots=True)
class StepView:
    """The current state of a step."""

    position: int
    name: str
    phase: str
    kind: PhaseKind
    status: StepStatus
    partitions: int | None
    """The number of partitions, once known."""
    done: int
    running: int
    reason: str
    """Why none of its tasks runs though some could; empty while one does."""
    rows: int
    rejects: int
    cached: int
    wall_s: float
    """Summed over its tasks."""
    cpu_s: float
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> StepView:
        known = {name: row[name] for name in cls.__slots__}
        return cls(**known | {"kind": PhaseKind(row["kind"]), "status": StepStatus(row["status"])})


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A plan that a workflow follows or has followed."""

    version: int
    """Counted from 1."""
    digest: str
    replaced_at: datetime | None
    """None while it is followed."""


@dataclass(frozen=True, slots=True)
class EventView:
    """A line of a workflow's history."""

    id: int
    at: datetime
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogView:
    """A line that a phase logged or printed."""

    id: int
    at: datetime
    step: str
    partition: int
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class AttemptView:
    """An attempt that ended without a result."""

    step: str
    partition: int
    attempt: int
    outcome: str
    error_type: str
    message: str
    traceback: str
    worker: str
    started_at: datetime
    ended_at: datetime
    retry_at: datetime | None
    retry_memory_bytes: int
    """Memory of the next attempt if this one had too little; otherwise 0."""
    is_forgiven: bool
    id: int
    """Higher for attempts of a workflow that ended later."""
    node: str
    """Ray's id of the node it ran on; empty if the worker ended before reporting it."""
    host: str
    pid: int | None
    actor: str
    """Ray's id of the worker's actor."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A finished task, and where it ran."""

    key: TaskKey
    step: str
    partition: int
    rows: int
    rejects: int
    size: int
    """Bytes of its output as stored."""
    started_at: datetime
    wall_s: float
    cpu_s: float
    peak_bytes: int
    """Peak memory of its worker during it; 0 if it was too short to be measured."""
    is_cached: bool
    worker: str
    """Empty for a result from the cache."""
    node: str
    """Ray's id of the node; empty if no worker ran it."""
    host: str
    pid: int | None
    actor: str
    """Ray's id of the worker's actor."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """Figures for a step, besides its counters."""

    step: str
    peak_bytes: int
    """The most memory that a worker held for one of its tasks; 0 if none was long enough to be measured."""
    attempts: Mapping[Outcome, int]
    """Attempts that ended without a result and were not forgiven by a retry."""


@dataclass(frozen=True, slots=True)
class DriverView:
    """The orchestrator that drives a workflow."""

    name: str
    host: str
    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A task of a failed workflow that has used up its attempts."""

    id: int
    """Grows from one to the next."""
    workflow_id: WorkflowId
    workflow: str
    """Its name."""
    step: str
    partition: int
    attempts: int
    """How many attempts there were, including lost ones."""
    outcome: str
    """Error type of the last one."""
    error_type: str
    message: str
    worker: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class SetAside:
    """A quarantined workflow, and why it could not be driven any further."""

    workflow_id: WorkflowId
    workflow: str
    """Its name."""
    error_type: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RejectView:
    """A quarantined row, or many with the same reason if a task has very many."""

    step: str
    partition: int
    source: str
    reason: str
    sample: str
    rows: int
    """How many rows it represents."""


@dataclass(frozen=True, slots=True)
class RejectReason:
    """Why a step rejected rows, and how many."""

    step: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class TaskTime:
    """When a finished task ran."""

    step: int
    partition: int
    started_at: datetime
    wall_s: float
    cpu_s: float
    worker: str
    is_cached: bool
