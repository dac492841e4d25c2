"""How the system is: health, metrics, performance and logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ...model.access import Role
from ...model.filters import LogFilter
from ...model.status import WorkflowStatus
from ...store import Vitals
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..bodies import ViewBody
from ..documented import READS
from ..exposition import exposed
from ..readiness import HealthBody, PartBody
from ..representation import CursorParameter, Limit, Page, number_at, page_of, reply
from ..routing import Resource

if TYPE_CHECKING:
    pass

router = Resource(tags=["monitoring"])

LONGEST_WINDOW_S = 31 * 24 * 3600


class CountBody(ViewBody):
    """How many workflows of a project have a status."""

    project: str
    status: WorkflowStatus
    workflows: int


class MetricsBody(BaseModel):
    """Figures of the whole system, as far as the caller can see it."""

    orchestrators: int
    workflows: list[CountBody]
    longest_queued_s: float = Field(description="Age of the oldest queued workflow.")


class EndedBody(ViewBody):
    """How many workflows ended with a status, and how long they took."""

    status: WorkflowStatus
    workflows: int
    p50_s: float
    p95_s: float
    p99_s: float


class StepPerformanceBody(ViewBody):
    """What a step took, over all workflows of one name."""

    workflow: str
    step: str
    runs: int
    tasks: int
    cached: int
    rejects: int
    wall_s: float
    cpu_s: float


class PerformanceBody(BaseModel):
    """What workflows and their steps took within a window of time."""

    since: datetime
    ended: list[EndedBody]
    steps: list[StepPerformanceBody] = Field(description="Those that took most, first.")


class SystemLogBody(ViewBody):
    """A log line, with the workflow that it belongs to."""

    id: int
    at: datetime
    workflow_id: UUID
    workflow: str
    project: str
    step: str | None
    partition: int
    level: str
    message: str


@router.get("/health/live", operation_id="get_liveness", response_model=PartBody)
async def get_liveness() -> Response:
    """Whether this replica answers at all."""
    return reply(PartBody(name="gateway", status="ok"))


@router.get("/health", operation_id="get_health", response_model=HealthBody, responses={503: {"model": HealthBody}})
@router.get(
    "/health/ready", operation_id="get_readiness", response_model=HealthBody, responses={503: {"model": HealthBody}}
)
async def get_readiness(system: SystemDep) -> Response:
    """Whether the system can do its work, and which part of it cannot."""
    body = await system.readiness.look()
    return reply(body, HTTPStatus.OK if body.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)


@router.get(
    "/metrics", operation_id="get_metrics", response_model=MetricsBody,
    responses=READS | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)  # fmt: skip
async def get_metrics(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    format: Literal["prometheus", "json"] = "prometheus",
) -> Response:
    """Figures of the whole system, as far as the caller can see it, for Prometheus or as JSON."""
    vitals = Vitals(system.database)
    counts = await vitals.counts(projects_for(caller, project, Role.VIEWER))
    drivers = await vitals.drivers()
    if format == "prometheus":
        return exposed(counts, drivers)
    return reply(
        MetricsBody(
            orchestrators=drivers.orchestrators,
            workflows=[CountBody.model_validate(count) for count in counts],
            longest_queued_s=max((count.longest_queued.total_seconds() for count in counts), default=0.0),
        )
    )


@router.get("/performance", operation_id="get_performance", response_model=PerformanceBody, responses=READS)
async def get_performance(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    window_s: Annotated[int, Query(ge=1, le=LONGEST_WINDOW_S, description="How far to look back.")] = 24 * 3600,
    limit: Annotated[int, Query(ge=1, le=1000, description="Steps at most.")] = 50,
) -> Response:
    """What workflows and their steps took."""
    projects, since = projects_for(caller, project, Role.VIEWER), datetime.now(UTC) - timedelta(seconds=window_s)
    vitals = Vitals(system.database)
    ended = [
        EndedBody(
            status=each.status,
            workflows=each.workflows,
            **dict(zip(("p50_s", "p95_s", "p99_s"), each.took_s, strict=True)),
        )
        for each in await vitals.ended(projects, since)
    ]
    steps = [StepPerformanceBody.model_validate(step) for step in await vitals.steps(projects, since, limit)]
    return reply(PerformanceBody(since=since, ended=ended, steps=steps))


@router.get("/logs", operation_id="list_system_logs", response_model=Page[SystemLogBody], responses=READS)
async def list_system_logs(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    level: Annotated[str | None, Query(max_length=20, description="This level and above.")] = None,
    text: Annotated[str | None, Query(max_length=200, description="Only lines that contain this.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """The latest log lines of all workflows that the caller can see, newest first."""
    before = number_at(cursor) or None
    projects = projects_for(caller, project, Role.VIEWER)
    lines = await Vitals(system.database).logs(projects, before, LogFilter(level=level).levels(), text, limit)
    return reply(
        page_of([SystemLogBody.model_validate(line) for line in lines], limit, lines[-1].id if lines else None)
    )
