"""What workflows look like on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from ..model.policies import Resources, RetryPolicy
from ..model.requests import Mode, Timers, Verb
from ..model.status import Outcome, PhaseKind, StepStatus, WorkflowStatus
from .representation import Body, Number, Page, WholeNumber

if TYPE_CHECKING:
    from ..model.requests import Answer
    from ..store import AttemptView, EventView, LogView, StepView, TaskView, WorkflowView

Labels = Annotated[dict[str, str], Field(examples=[{"team": "research"}])]
EXAMPLE_ID = "0197b3c0-5b1e-7d2a-8f4c-2f6d1a9be001"


class ViewBody(BaseModel):
    """A row of the store, as it is."""

    model_config = ConfigDict(from_attributes=True)


class AskedBody(ViewBody):
    """The last request to a workflow."""

    verb: Verb
    at: datetime
    by: str
    why: str


class WorkflowBody(ViewBody):
    """A workflow."""

    id: UUID = Field(examples=[EXAMPLE_ID])
    project: str = Field(examples=["default"])
    name: str = Field(examples=["nightly"])
    status: WorkflowStatus
    owner: str = Field(examples=["anna"])
    priority: int
    labels: Labels
    plan_version: int = Field(description="Counted from 1; an update makes the next one.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    drained_at: datetime | None = Field(description="Since when no task is in flight, if it is paused.")
    in_flight: int = Field(description="Tasks that are waited for while it is pausing or cancelling.")
    frozen_s: float = Field(description="Seconds of all ended pauses during which timers stood still.")
    error: dict[str, Any] | None = Field(description="Why it failed or was quarantined.")
    trace_id: str = Field(
        description="The trace that it belongs to: that of the request's `traceparent`, or else its own.",
        examples=[EXAMPLE_ID.replace("-", "")],
    )
    request: AskedBody | None = Field(description="The last pause, resume, cancel or retry.")

    @classmethod
    def of(cls, view: WorkflowView) -> Self:
        """The workflow as seen."""
        return cls(**_facts(view))


def _facts(view: WorkflowView) -> dict[str, Any]:
    asked = view.request
    request = asked and AskedBody(verb=asked.verb, at=asked.at, by=asked.request.by, why=asked.request.why)
    names = WorkflowBody.model_fields.keys() - {"request"}
    return {name: getattr(view, name) for name in names} | {"request": request}


class StepBody(ViewBody):
    """A step of a workflow."""

    name: str
    phase: str
    kind: PhaseKind
    status: StepStatus
    partitions: int | None = Field(description="How many, once known.")
    done: int
    running: int
    reason: str = Field(description="Why none of its tasks runs though some could.")
    rows: int
    rejects: int
    cached: int
    wall_s: float = Field(description="Summed over its tasks.")
    cpu_s: float
    started_at: datetime | None
    finished_at: datetime | None


class ProgressBody(BaseModel):
    """How far a workflow is."""

    steps: int
    steps_done: int
    tasks_done: int
    tasks_known: int = Field(description="Sources may still add some.")
    tasks_running: int

    @classmethod
    def of(cls, steps: Sequence[StepView]) -> Self:
        """Progress by the steps' counters."""
        return cls(
            steps=len(steps),
            steps_done=sum(step.status is StepStatus.SUCCEEDED for step in steps),
            tasks_done=sum(step.done for step in steps),
            tasks_known=sum(step.partitions or step.done for step in steps),
            tasks_running=sum(step.running for step in steps),
        )


class CostBody(BaseModel):
    """What a workflow has used so far."""

    cpu_s: float = Field(description="CPU seconds of its tasks.")
    wall_s: float = Field(description="Seconds that its tasks took, summed.")


class DriverBody(ViewBody):
    """The orchestrator that drives a workflow."""

    name: str
    host: str
    pid: int
    started_at: datetime


class StepFactsBody(ViewBody):
    """Figures for a step, besides its counters."""

    step: str
    peak_bytes: int = Field(description="The most memory that a worker held for one of its tasks; 0 if not measured.")
    attempts: dict[Outcome, int] = Field(description="Attempts without a result that no retry has forgiven.")


class InsideBody(BaseModel):
    """What a workflow consists of, and who is at work on it."""

    plan: dict[str, Any]
    driver: DriverBody | None = Field(description="Null if nobody drives it.")
    facts: list[StepFactsBody] = Field(description="For each step, in the plan's order.")


class WorkflowDetailBody(WorkflowBody):
    """A workflow with its steps."""

    progress: ProgressBody
    cost: CostBody
    waiting: dict[str, str] = Field(description="Why steps wait, by name.", examples=[{"count": "needs 1 GPU, 0 free"}])
    steps: list[StepBody]
    inside: InsideBody | None = Field(default=None, description="If it was asked for.")

    @classmethod
    def of_steps(cls, view: WorkflowView, steps: Sequence[StepView], inside: InsideBody | None = None) -> Self:
        """The workflow as seen, with its steps."""
        progress = ProgressBody.of(steps)
        cost = CostBody(cpu_s=sum(step.cpu_s for step in steps), wall_s=sum(step.wall_s for step in steps))
        waiting = {step.name: step.reason for step in steps if step.reason}
        bodies = [StepBody.model_validate(step) for step in steps]
        return cls(**_facts(view), progress=progress, cost=cost, waiting=waiting, steps=bodies, inside=inside)


class WorkflowsBody(Page[WorkflowBody]):
    """A page of workflows."""

    count: int | None = Field(default=None, description="How many meet the conditions; 1,001 stands for more.")


class NewWorkflowBody(Body):
    """A workflow to create: a plan document, or a plan with its code as the Python client sends it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "plan": {"plan": "lengths", "steps": {"words": {"values": ["a", "bcd"]}}},
        "labels": {"team": "research"},
    }]})  # fmt: skip

    plan: dict[str, Any] | str | None = Field(
        None, description="A plan document, as `GET /v1/plans/schema` describes it, or the name of a registered plan."
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="Parameters of a registered plan.")
    spec: dict[str, Any] | None = Field(default=None, description="A plan as the Python client sends it.")
    code: dict[str, str] = Field(default_factory=dict, description="Pickled phases in base64, by digest; with `spec`.")
    priority: WholeNumber | None = Field(default=None, ge=-32768, le=32767, description="Higher goes first.")
    labels: Labels = Field(default_factory=dict)


def _without_truth(value: Any) -> Any:
    """Refuse true and false where numbers belong, at any depth; a runtime environment may have them."""
    inner = [each for key, each in value.items() if key != "runtime_env"] if isinstance(value, Mapping) else value
    for each in inner if isinstance(inner, list | tuple) else ():
        if isinstance(each, bool):
            raise ValueError("true and false are no numbers")  # noqa: TRY004 - pydantic takes these
        _without_truth(each)
    return value


class StepChangeBody(Body):
    """What to change of a step: parameters if its tasks have not begun, policies if it is not done."""

    step: str
    parameters: dict[str, Any] = Field(default_factory=dict, description="Those that change; the others stay.")
    resources: Annotated[Resources | None, BeforeValidator(_without_truth)] = None
    retry: Annotated[RetryPolicy | None, BeforeValidator(_without_truth)] = None
    timeout_s: Number | None = Field(default=None, gt=0, description="Seconds that one attempt may take.")
    step_timeout_s: Number | None = Field(default=None, gt=0)
    wait_timeout_s: Number | None = Field(default=None, gt=0)
    max_rejects: Number | None = Field(default=None, ge=0, le=1)


class ChangeBody(Body):
    """What to change of a workflow that has not ended."""

    steps: list[StepChangeBody] = Field(default_factory=list, max_length=1000)
    priority: WholeNumber | None = Field(default=None, ge=-32768, le=32767)
    labels: Labels | None = None
    why: str = Field(default="", max_length=10_000)


class RequestBody(Body):
    """How to pause, resume, cancel or retry, and why."""

    why: str = Field(default="", max_length=10_000, description="Kept in the history.")
    mode: Mode = Field(default=Mode.DRAIN, description="Whether tasks in flight finish, or are stopped and requeued.")
    timers: Timers = Field(default=Timers.RUNNING, description="For a pause: whether retry backoff goes on.")


class SelectionBody(RequestBody):
    """Which workflows, and how: all that meet every condition."""

    ids: list[UUID] | None = Field(default=None, max_length=10_000)
    labels: Labels = Field(default_factory=dict)
    owner: str | None = None
    name: str | None = None
    statuses: list[WorkflowStatus] | None = None
    error_type: str | None = None
    everything: StrictBool = Field(default=False, description="Must be true if there is no other condition.")


class AnswerBody(ViewBody):
    """The outcome of a request to one of several workflows."""

    id: UUID
    name: str
    status: WorkflowStatus | None = Field(description="Its status now; null if there is none that you can see.")
    refusal: str = Field(description="Why the request was refused; empty if it was granted.")


class AnswersBody(BaseModel):
    """The outcome of a request, for each workflow."""

    answers: list[AnswerBody]

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Self:
        """The answers as given."""
        return cls(answers=[AnswerBody.model_validate(answer) for answer in answers])


class StandingBody(BaseModel):
    """A workflow's id, and where it stands."""

    id: UUID = Field(examples=[EXAMPLE_ID])
    status: WorkflowStatus


class PlanVersionBody(ViewBody):
    """A plan that a workflow follows or has followed."""

    version: int = Field(description="Counted from 1; each update makes the next one.", examples=[1])
    digest: str
    replaced_at: datetime | None = Field(description="When an update replaced it; null while it is followed.")


class PlanVersionsBody(BaseModel):
    """The plans that a workflow has followed."""

    items: list[PlanVersionBody]


class FollowedPlanBody(PlanVersionBody):
    """One of them, and what it says."""

    plan: dict[str, Any]


class EventBody(ViewBody):
    """A line of a workflow's history."""

    id: int
    at: datetime
    kind: str = Field(examples=["created"])
    data: dict[str, Any]

    @classmethod
    def of(cls, view: EventView) -> Self:
        """The event as seen."""
        return cls.model_validate(view)


class TaskBody(ViewBody):
    """A finished task, and where it ran."""

    step: str
    partition: int
    rows: int
    rejects: int
    size: int = Field(description="Bytes of its output.")
    started_at: datetime
    wall_s: float
    cpu_s: float
    peak_bytes: int = Field(description="Peak memory of its worker during it; 0 if it was too short to be measured.")
    is_cached: bool
    worker: str
    node: str
    host: str
    pid: int | None
    actor: str

    @classmethod
    def of(cls, view: TaskView) -> Self:
        """The task as seen."""
        return cls.model_validate(view)


class AttemptBody(ViewBody):
    """An attempt that ended without a result."""

    id: int
    step: str
    partition: int
    attempt: int
    outcome: Outcome
    error_type: str
    message: str
    traceback: str
    worker: str
    started_at: datetime
    ended_at: datetime
    retry_at: datetime | None
    retry_memory_bytes: int = Field(description="Memory of the next attempt if this one had too little, otherwise 0.")
    is_forgiven: bool
    node: str
    host: str
    pid: int | None
    actor: str

    @classmethod
    def of(cls, view: AttemptView) -> Self:
        """The attempt as seen."""
        return cls.model_validate(view)


class GivenUpBody(ViewBody):
    """A task of a failed workflow that has used up its attempts."""

    id: int
    workflow_id: UUID
    workflow: str = Field(description="Its name.")
    step: str
    partition: int
    attempts: int
    outcome: str
    error_type: str
    message: str
    worker: str
    ended_at: datetime


class SetAsideBody(ViewBody):
    """A quarantined workflow, and why it could not be driven any further."""

    workflow_id: UUID
    workflow: str = Field(description="Its name.")
    error_type: str
    message: str
    at: datetime


class FailuresBody(Page[GivenUpBody]):
    """What went wrong for good."""

    quarantined: list[SetAsideBody]


class LogBody(ViewBody):
    """A line that a phase logged or printed."""

    id: int
    at: datetime
    step: str
    partition: int
    level: str
    message: str

    @classmethod
    def of(cls, view: LogView) -> Self:
        """The line as seen."""
        return cls.model_validate(view)


class RejectBody(ViewBody):
    """A row that a step could not use."""

    step: str
    partition: int
    source: str = Field(description="Where it is from.", examples=["letters.csv, row 17"])
    reason: str = Field(examples=["the text is missing"])
    sample: str = Field(description="How it begins.")
    rows: int = Field(description="How many it stands for: beyond 10,000 of a task, rows are counted by reason.")


class ReasonBody(BaseModel):
    """Why a step rejected rows, and how many."""

    step: str
    reason: str
    rows: int


class ReasonsBody(BaseModel):
    """Why rows were rejected, most frequent first."""

    items: list[ReasonBody]


class PartitionBody(BaseModel):
    """A step's output on one partition."""

    partition: int
    form: str = Field(description="How it is stored: `arrow`, `pickle` or `buffers`.")
    size: int = Field(description="Bytes as stored.")
    digest: str


class ArtifactsBody(BaseModel):
    """The outputs of a workflow's finished steps."""

    steps: Mapping[str, list[PartitionBody]]


class ResultBody(BaseModel):
    """The output of a finished step as JSON values."""

    step: str
    is_partitioned: bool = Field(description="Whether the values are one for each partition.")
    partitions: int
    values: list[Any]
    next: str | None = Field(default=None, description="The cursor of the partitions that follow.")
