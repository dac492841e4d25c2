"""What work has cost, by whom and for what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ...model.access import Role
from ...monitoring.costs import costs
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..bodies import ViewBody
from ..documented import READS
from ..representation import reply
from ..routing import Resource
from ..spreadsheets import FORMS, AcceptHeader, FormatParameter, Sheets, sheet_for
from ..windows import UntilParameter, WindowParameter, bounds

router = Resource(tags=["monitoring"])

By = Literal["project", "owner", "plan", "phase"]


class CostBody(ViewBody):
    """What the tasks of a group used, and what that cost."""

    group: dict[str, str] = Field(examples=[{"project": "default", "owner": "anna"}])
    cpu_hours: float
    gpu_hours: float
    memory_gib_hours: float
    cost: float = Field(description="By the prices that were set when the tasks were counted.")


class CostsBody(BaseModel):
    """What work has cost within a window of time."""

    since: datetime
    until: datetime
    groups: list[CostBody] = Field(description="Those that cost most, first.")


@router.get(
    "/costs", operation_id="get_costs", response_model=CostsBody,
    responses=READS | FORMS,
)  # fmt: skip
async def get_costs(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    window_s: WindowParameter = 30 * 24 * 3600,
    until: UntilParameter = None,
    group: Annotated[list[By] | None, Query(description="`project` and `owner` by default.", max_length=4)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Groups at most.")] = 100,
    format: FormatParameter = None,
    accept: AcceptHeader = "",
) -> Response:
    """What tasks used of CPUs, GPUs and memory in a window, and what that cost, by group.

    A window of two days or more begins and ends at full hours.
    """
    since, end = bounds(until, timedelta(seconds=window_s))
    projects, by = projects_for(caller, project, Role.OBSERVER), list(dict.fromkeys(group or ("project", "owner")))
    found = await costs(system.samples, by, projects=projects, since=since, until=end)
    bodies = [CostBody.model_validate(each) for each in found[:limit]]
    form = sheet_for(accept, format)
    if form is not Sheets.JSON:
        return form.answer("costs", [each.group | each.model_dump(exclude={"group"}) for each in bodies])
    return reply(CostsBody(since=since, until=end, groups=bodies))
