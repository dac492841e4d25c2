"""The steps of a workflow and when its tasks ran, in columns for whoever draws them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ...model.status import PhaseKind, StepStatus
from ...store.pictures import STATES, TimelinePlace
from ..access import ObservedDep, SystemDep
from ..documented import READS
from ..representation import CursorParameter, bad_cursor, place
from ..representation import cursor as cursor_at
from ..routing import Resource

router = Resource(prefix="/workflows/{workflow:uuid}", tags=["history"])


class GraphBody(BaseModel):
    """The steps of a plan as columns, in the plan's order, and how far they are."""

    name: list[str] = Field(examples=[["words", "length"]])
    kind: list[PhaseKind]
    inputs: list[list[str]] = Field(
        description="Names of the steps whose results it takes.", examples=[[[], ["words"]]]
    )
    status: list[StepStatus]
    partitions: list[int | None] = Field(description="How many, once known.", examples=[[3, 3]])
    done: list[int] = Field(examples=[[3, 1]])
    running: list[int] = Field(examples=[[0, 2]])


class TimelineBody(BaseModel):
    """Tasks and attempts as columns: the values at one index of `step` to `run_us` belong together."""

    origin: datetime = Field(description="The moment from which times are counted: the workflow's creation.")
    states: list[str] = Field(description="How tasks and attempts end.", examples=[list(STATES)])
    workers: list[str] = Field(description="Workers by name; other pages have lists of their own.")
    step: list[int] = Field(description="Position of the step in the plan.", examples=[[1, 1, 1]])
    partition: list[int] = Field(examples=[[0, 1, 1]])
    attempt: list[int] = Field(description="Which attempt it was, counted from 1.", examples=[[1, 2, 1]])
    state: list[int] = Field(description="Position in `states`.", examples=[[0, 0, 2]])
    worker: list[int] = Field(description="Position in `workers`.", examples=[[0, 0, 1]])
    start_us: list[int] = Field(
        description="Microseconds from the origin to its start, by its worker's clock; may be negative.",
        examples=[[1500, 2500, 1400]],
    )
    run_us: list[int] = Field(
        description="Microseconds that it took; negative if clocks differ.", examples=[[900, 800, 400]]
    )
    next: str | None = Field(description="The cursor of the next page; null if there is no more for now.")
    after: str = Field(
        description="Give it as `after` later, for what has happened since; finished tasks may then come again."
    )


@router.get("/graph", operation_id="get_graph", response_model=GraphBody, responses=READS)
async def get_graph(view: ObservedDep, system: SystemDep) -> Response:
    """What comes after what, and how far each step is: enough to draw 10,000 steps, in a tenth of the whole plan."""
    return Response(await system.pictures.graph(view.id), media_type="application/json")


@router.get("/timeline", operation_id="get_timeline", response_model=TimelineBody, responses=READS)
async def get_timeline(
    view: ObservedDep,
    system: SystemDep,
    cursor: CursorParameter = None,
    after: Annotated[
        str | None, Query(max_length=1000, description="Only what has happened since: `after` of an earlier answer.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100_000, description="How many tasks, and attempts, at most.")] = 10_000,
) -> Response:
    """When finished tasks ran, and attempts that ended without a result, in columns.

    Tasks come in order of step and partition, attempts in the order of their ends. What has happened since is asked for
    with `after`; a task that an earlier page had may then come a second time, with the same values.
    """
    page = await system.pictures.timeline(view.id, view.created_at, _place(cursor or after), limit)
    following = {"next": page.next and _cursor(page.next), "after": _cursor(page.after)}
    # The columns are JSON already: reading them here only to write them again would take longer than all else.
    content = f"{page.columns.rstrip('} ')}, {json.dumps(following)[1:]}"
    return Response(content, media_type="application/json")


def _cursor(at: TimelinePlace) -> str:
    times = [None if each is None else each.isoformat() for each in (at.since, at.horizon)]
    return cursor_at([*times, at.step, at.partition, at.attempt])


def _place(text: str | None) -> TimelinePlace:
    """The place that a cursor names. Errors as in ``place``."""
    held = place(text)
    if held is None:
        return TimelinePlace()
    if not (isinstance(held, list) and len(held) == 5):
        raise bad_cursor()
    since, horizon, step, partition, attempt = held
    bounds = ((step, 0, 2**15), (partition, -1, 2**31), (attempt, 0, 2**63))
    if not all(type(each) is int and least <= each < most for each, least, most in bounds):
        raise bad_cursor()
    return TimelinePlace(_moment(since), step, partition, attempt, _moment(horizon))


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise bad_cursor() from error
    if moment.tzinfo is None:
        raise bad_cursor()
    return moment
