"""How the system is: health, metrics, performance and logs."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Header, Query, Response
from pydantic import BaseModel, Field

from ...model.access import Role
from ...monitoring.catalogue import Kind, Metric
from ...monitoring.families import Buckets, Family, families
from ...monitoring.standing import Stand
from ..access import ProjectParameter, SystemDep, projects_for
from ..documented import READS
from ..exposition import Form, exposed, form_for
from ..readiness import HealthBody, PartBody
from ..representation import reply
from ..routing import Resource
from ..scraping import ReaderDep

router = Resource(tags=["monitoring"])


class HistogramBody(BaseModel):
    """How values of a histogram are distributed."""

    count: int
    sum: float
    buckets: dict[str, int] = Field(description="How many values were at most so large.", examples=[{"0.1": 4}])


class MeasuredBody(BaseModel):
    """A value of a metric."""

    labels: dict[str, str] = Field(examples=[{"project": "default", "status": "running"}])
    value: float | HistogramBody


class MetricBody(BaseModel):
    """A metric, as far as the caller can see it."""

    name: str = Field(examples=["eopiez_workflows"])
    kind: Kind
    unit: str = Field(examples=["seconds"])
    help: str
    samples: list[MeasuredBody]


class MetricsBody(BaseModel):
    """Metrics of the whole system, as far as the caller can see them."""

    metrics: list[MetricBody]


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
    responses=READS | {200: {"content": {
        "text/plain": {"schema": {"type": "string"}}, "application/openmetrics-text": {"schema": {"type": "string"}},
    }}},
)  # fmt: skip
async def get_metrics(
    system: SystemDep,
    caller: ReaderDep,
    project: ProjectParameter = None,
    format: Annotated[
        Literal["prometheus", "openmetrics", "json"] | None,
        Query(description="By default what `Accept` names, or else `prometheus`."),
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Metrics of the whole system, as far as the caller can see them, whichever replica answers."""
    projects, form = projects_for(caller, project, Role.OBSERVER), form_for(accept, format)
    stand = await system.standing.look()
    return await asyncio.to_thread(_shown, stand, projects, form)


def _shown(stand: Stand, projects: tuple[str, ...] | None, form: Form) -> Response:
    found = families(stand, projects)
    if form is Form.JSON:
        return reply(MetricsBody(metrics=[_body(family) for family in found]))
    return Response(exposed(found, form), headers={"Content-Type": form.value, "Vary": "Accept"})


def _body(family: Family) -> MetricBody:
    metric = family.metric
    samples = [
        MeasuredBody(labels=dict(zip(metric.labels, labels, strict=True)), value=_value(metric, value))
        for labels, value in family.values.items()
    ]
    return MetricBody(name=metric.name, kind=metric.kind, unit=metric.unit, help=metric.help, samples=samples)


def _value(metric: Metric, value: float | Buckets) -> float | HistogramBody:
    if not isinstance(value, Buckets):
        return value
    names = [*map(str, metric.bounds), "+Inf"]
    buckets = {name: int(count) for name, count in zip(names, value.counts, strict=True)}
    return HistogramBody(count=int(value.count), sum=value.sum, buckets=buckets)
