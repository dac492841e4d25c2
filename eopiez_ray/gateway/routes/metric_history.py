"""What a metric was over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from ...errors import ParameterError
from ...model.access import Role
from ...monitoring.catalogue import CATALOGUE, Kind, Metric
from ...monitoring.covering import step_of
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..documented import READS
from ..problems import not_found
from ..representation import reply
from ..routing import Resource
from ..windows import UntilParameter, WindowParameter, bounds

router = Resource(tags=["monitoring"])

MetricName = Annotated[str, Path(max_length=100, pattern=r"^[a-z_]+$", examples=["eopiez_workflows"])]


class MetricLineBody(BaseModel):
    """A series of a metric."""

    labels: dict[str, str]
    values: list[float | None] = Field(description="One for each of `times`; null where nothing was measured.")


class MetricHistoryBody(BaseModel):
    """A metric over time."""

    name: str
    kind: Kind
    unit: str
    help: str
    step_s: int = Field(description="Seconds of a period.")
    times: list[datetime] = Field(description="When each period begins.")
    lines: list[MetricLineBody] = Field(description="The series with the largest values, first.")


@router.get(
    "/metrics/{metric}/history", operation_id="get_metric_history", response_model=MetricHistoryBody, responses=READS
)
async def get_metric_history(
    metric: MetricName,
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    window_s: WindowParameter = 3600,
    until: UntilParameter = None,
    by: Annotated[
        list[str] | None, Query(max_length=8, description="Labels to tell apart; all of the metric's by default.")
    ] = None,
    label: Annotated[
        list[str] | None, Query(max_length=20, description="Only series with this label, `key=value`; may be repeated.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Series at most.")] = 20,
) -> Response:
    """A metric over time, in some hundreds of periods: of a gauge its mean, of a counter what was added in each.

    Of a histogram, it is how many values were counted; `GET /performance` has percentiles.
    """
    known = CATALOGUE.get(metric)
    if known is None:
        raise not_found("metric", metric, "GET /v1/metrics?format=json lists them")
    since, end = bounds(until, timedelta(seconds=window_s))
    step = step_of(end - since)
    found = await system.samples.series(
        known, _chosen(known, label or []), projects=projects_for(caller, project, Role.OBSERVER),
        since=since, until=end, step_s=step, by=_labels(known, by),
    )  # fmt: skip
    times = sorted({point.at for line in found for point in line.points})
    lines = []
    for line in found:
        values = {point.at: point.value for point in line.points}
        lines.append(MetricLineBody(labels=dict(line.labels), values=[values.get(time) for time in times]))
    lines.sort(key=lambda line: -sum(value or 0 for value in line.values))
    return reply(
        MetricHistoryBody(
            name=known.name,
            kind=known.kind,
            unit=known.unit,
            help=known.help,
            step_s=step,
            times=times,
            lines=lines[:limit],
        )
    )


def _labels(metric: Metric, by: list[str] | None) -> list[str] | None:
    for each in by or ():
        _check(metric, each)
    return None if by is None else list(dict.fromkeys(by))


def _chosen(metric: Metric, labels: list[str]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for each in labels:
        key, sign, value = each.partition("=")
        if not sign:
            raise ParameterError(f"{each[:100]!r} is no label; write key=value")
        _check(metric, key)
        chosen.setdefault(key, []).append(value)
    return chosen


def _check(metric: Metric, label: str) -> None:
    if label not in metric.kept:
        known = ", ".join(metric.kept) or "none"
        raise ParameterError(f"{metric.name} has no label {label[:100]!r}; it has {known}")
