"""What took how long: by any group in any window, and where the time of one workflow went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ...engine.accounting import Use
from ...model.access import Role
from ...monitoring.comparison import Verdict
from ...monitoring.critical import Diagnoses
from ...monitoring.performance import Performance, Window
from ...store.performance import WorkflowTimes
from ..access import CallerDep, ObservedDep, ProjectParameter, SystemDep, projects_for
from ..bodies import ViewBody
from ..documented import READS
from ..representation import reply
from ..routing import Resource
from ..spreadsheets import FORMS, AcceptHeader, FormatParameter, Sheets, sheet_for
from ..windows import UntilParameter, WindowParameter, bounds

router = Resource(tags=["monitoring"])

Group = Literal["project", "plan", "step", "phase", "version", "node"]
Name = Annotated[str | None, Query(max_length=255)]


class SpreadBody(ViewBody):
    """How durations are distributed, in seconds; percentiles are off by 1 % at most."""

    count: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float


class ComparisonBody(ViewBody):
    """Run times against those of the baseline."""

    p50_ratio: float = Field(description="Median now over median then.")
    p95_ratio: float
    p_value: float = Field(description="Probability of such a difference if nothing had changed (Mann-Whitney).")
    verdict: Verdict


class GroupBody(ViewBody):
    """What the tasks of a group did."""

    group: dict[str, str] = Field(examples=[{"step": "themes.communities"}])
    tasks: int = Field(description="Those that ended, however they did.")
    failed: int
    cached: int
    tasks_per_s: float
    run: SpreadBody
    wait: SpreadBody = Field(description="From when all inputs were there; not known by node.")
    commit: SpreadBody = Field(description="From the end until the result was committed; not known by node.")
    run_share: float = Field(description="Part of the time that all tasks ran.")
    variability: float = Field(description="95th percentile of the run time over its median.")
    comparison: ComparisonBody | None = None


class EndedBody(ViewBody):
    """How many workflows ended with a status, and how long after their creation."""

    status: str
    workflows: int
    took: SpreadBody


class UtilisationBody(ViewBody):
    """Where the time of slots went, which are CPUs, and what held work back, whatever tasks are chosen."""

    slots: float | None = Field(
        description="How many standing orchestrators had, as a mean over the window. Null for callers who do not see "
        "the whole system, and where nothing was measured.",
        examples=[8.0],
    )
    uses: dict[Use, float] = Field(
        description="Shares of their time, which add up to 1: `work`; held back by a `limit`, by lack of `room`, by "
        "the pause before a `retry`, or by a `dependency` on what has not been given yet; `idle` if there was "
        "nothing to do. Empty where `slots` is null.",
        examples=[{"work": 0.71, "limit": 0.2, "room": 0.0, "retry": 0.0, "dependency": 0.09, "idle": 0.0}],
    )
    computing: float | None = Field(
        description="Share of the time at work in which tasks used a CPU; in the rest they waited, such as for input "
        "and output.",
        examples=[0.86],
    )
    held_back_s: dict[str, float] = Field(
        description="Seconds, times the slots that it needs, for which work could not start although its inputs were "
        "there, by what held it back: `limit`, `room`, `retry`. Of the projects that the caller sees.",
        examples=[{"limit": 3120.5}],
    )


class PerformanceBody(BaseModel):
    """What workflows and tasks took within a window of time."""

    since: datetime
    until: datetime
    ended: list[EndedBody]
    utilisation: UtilisationBody
    groups: list[GroupBody] = Field(description="In the order that was asked for.")


class LinkBody(ViewBody):
    """A task on the critical path."""

    step: str
    partition: int
    waited_s: float = Field(description="From the end of the task before it, or the workflow's creation.")
    run_s: float
    spare_s: float = Field(description="How much more than its step's median it took.")


class StragglerBody(ViewBody):
    """A task that took much longer than others of its step."""

    step: str
    partition: int
    run_s: float
    times_median: float
    rows: int
    worker: str


class SkewBody(ViewBody):
    """A step whose largest partition has many times the rows of the mean."""

    step: str
    most_rows: int
    mean_rows: float


class ForecastBody(ViewBody):
    """In how many seconds it ends; between the earliest and the latest with a probability of 90 %."""

    expected_s: float
    earliest_s: float
    latest_s: float


class DiagnosisBody(ViewBody):
    """Where the time of one workflow went."""

    path: list[LinkBody] = Field(description="The chain of tasks that determined when it ended, first to last.")
    advice: list[str] = Field(description="What would shorten it, the most effective first.")
    stragglers: list[StragglerBody]
    skewed: list[SkewBody]
    forecast: ForecastBody | None = Field(description="Null once it has ended, and while nothing is known.")


@router.get(
    "/performance", operation_id="get_performance", response_model=PerformanceBody,
    responses=READS | FORMS,
)  # fmt: skip
async def get_performance(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    window_s: WindowParameter = 24 * 3600,
    until: UntilParameter = None,
    group: Annotated[list[Group] | None, Query(description="`plan` and `step` by default.", max_length=6)] = None,
    plan: Name = None,
    step: Name = None,
    phase: Name = None,
    version: Name = None,
    node: Name = None,
    baseline: Annotated[
        Literal["before", "day", "week"] | None,
        Query(description="Compare with the window before it, or with the same one a day or a week earlier."),
    ] = None,
    baseline_version: Annotated[
        str | None, Query(max_length=255, description="Compare with this version of the phase instead.")
    ] = None,
    order: Annotated[
        Literal["time", "slowest", "variable", "failing"],
        Query(description="First come those that ran longest in all, have the longest median, vary or fail most."),
    ] = "time",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Groups at most.")] = 100,
    format: FormatParameter = None,
    accept: AcceptHeader = "",
) -> Response:
    """What tasks took, by group, in any window; a table of it as CSV or Parquet.

    It is read from rollups, so that a month is as quick as an hour. Percentiles are off by 1 % at most. A window of two
    days or more begins and ends at full hours.
    """
    given = {"plan": plan, "step": step, "phase": phase, "version": version, "node": node}
    where = {name: value for name, value in given.items() if value is not None}
    length = timedelta(seconds=window_s)
    window = Window(*bounds(until, length), where, projects_for(caller, project, Role.OBSERVER))
    then = _baseline(window, length, baseline, baseline_version)
    reader = Performance(system.samples)
    most = limit if order == "time" else None
    found = await reader.groups(window, group or ["plan", "step"], then, most)
    chosen = _ordered([GroupBody.model_validate(each) for each in found], order)[:limit]
    form = sheet_for(accept, format)
    if form is not Sheets.JSON:
        return form.answer("performance", [_flat(each) for each in chosen])
    ended = [EndedBody.model_validate(each) for each in await reader.ended(window)]
    used = UtilisationBody.model_validate(await reader.utilisation(window))
    return reply(PerformanceBody(since=window.since, until=window.until, ended=ended, utilisation=used, groups=chosen))


@router.get(
    "/workflows/{workflow:uuid}/performance", operation_id="get_workflow_performance", response_model=DiagnosisBody,
    responses=READS,
)  # fmt: skip
async def get_workflow_performance(view: ObservedDep, system: SystemDep) -> Response:
    """Where the time of a workflow went: its critical path, and what would shorten it; stragglers, skewed partitions,
    and, while it runs, a forecast of its end."""
    now = None if view.status.is_at_rest else time.time()
    diagnoses = Diagnoses(WorkflowTimes(system.database))
    found = await diagnoses.of(view.id, view.plan, view.created_at.timestamp(), now)
    return reply(DiagnosisBody.model_validate(found))


def _baseline(window: Window, length: timedelta, before: str | None, version: str | None) -> Window | None:
    """What to compare with."""
    if version is not None:
        return Window(window.since, window.until, {**window.where, "version": version}, window.projects)
    if before is None:
        return None
    shift = {"before": length, "day": timedelta(days=1), "week": timedelta(days=7)}[before]
    return Window(window.since - shift, window.until - shift, window.where, window.projects)


def _ordered(groups: Sequence[GroupBody], order: str) -> list[GroupBody]:
    by = {
        "time": lambda each: each.run_share,
        "slowest": lambda each: each.run.p50_s,
        "variable": lambda each: each.variability if each.run.count > 2 else 0.0,
        "failing": lambda each: each.failed / max(1, each.tasks),
    }
    return sorted(groups, key=by[order], reverse=True)


def _flat(each: GroupBody) -> dict[str, object]:
    """A group as a row of a table."""
    row: dict[str, object] = dict(each.group)
    row |= each.model_dump(include={"tasks", "failed", "cached", "tasks_per_s", "run_share", "variability"})
    for name in ("run", "wait", "commit"):
        row |= {f"{name}_{key}": value for key, value in getattr(each, name).model_dump().items()}
    compared = each.comparison
    names = ComparisonBody.model_fields
    return row | {name: None if compared is None else getattr(compared, name) for name in names}
