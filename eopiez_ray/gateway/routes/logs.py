"""The system's log: what its parts say and what tasks log and print, in pages, as it happens, and whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from ...model.access import Role
from ...model.log_lines import LineFilter, Part
from ...store.log_lines import NEWEST, Before, LogLines
from ..access import CallerDep, ProjectParameter, SystemAdministratorDep, SystemDep, projects_for
from ..bodies import ViewBody
from ..documented import READS, WRITES
from ..problems import Problem, not_found
from ..representation import Body, CursorParameter, Limit, Moment, Page, bad_cursor, place, reply
from ..representation import cursor as cursor_at
from ..routing import Resource
from ..streaming import ALIVE, LastEventId, Pulse, elsewhere, last_event_id, message, stream
from ..tailing import LOOK_S

if TYPE_CHECKING:
    from ..system import System

router = Resource(prefix="/logs", tags=["monitoring"])

PAGE = 1000
Level = Literal["debug", "info", "warning", "error", "critical"]
LoggerName = Annotated[
    str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,199}$", description="Such as `eopiez_ray.gateway`, or `root`.")
]
Accept = Annotated[str, Header(alias="Accept", description="`text/event-stream` to follow.", include_in_schema=False)]
_ID = Annotated[str | None, Query(max_length=64)]
_FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    307: {"description": "Followers are served there."},
}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "A line of the log a line.", "content": {"application/x-ndjson": {}}}
}


class LineBody(ViewBody):
    """A line of the system's log."""

    id: int
    at: datetime
    level: Level
    part: Part = Field(description="`task` for what phases log and print; any other for a part of the system.")
    project: str | None = Field(description="Null for what is the system's own.")
    process: str = Field(examples=["rack-1:4711"])
    logger: str
    message: str
    fields: dict[str, Any]
    request_id: str
    trace_id: str
    workflow_id: UUID | None
    workflow: str | None = Field(description="The workflow's name.")
    step: str | None
    partition: int | None


class LinesBody(Page[LineBody]):
    """A page of the system's log."""

    is_text_indexed: bool | None = Field(
        default=None,
        description="Whether the text was looked for by an index; if not (the database has no pg_trgm, the text has "
        "fewer than 3 characters, or lines are encrypted), the search reads every line, and is slow where there are "
        "many. Of encrypted lines it reads a part: there may be few items, or none, and still a `next`.",
    )


class LevelBody(Body):
    """From which level on a logger says something."""

    level: Level


class LevelSettingBody(ViewBody):
    """A logger whose level was set."""

    logger: str
    level: Level
    set_by: str
    set_at: datetime


class LevelsBody(BaseModel):
    """Loggers whose levels were set; all others have those that they began with."""

    items: list[LevelSettingBody]


async def conditions(
    caller: CallerDep,
    project: ProjectParameter = None,
    since: Annotated[Moment | None, Query(description="Said then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Said before then.")] = None,
    level: Annotated[str | None, Query(max_length=20, description="This level and above.")] = None,
    part: Annotated[Part | None, Query(description="Said by this part; `task` for what phases say.")] = None,
    workflow: Annotated[UUID | None, Query(description="About this workflow.")] = None,
    step: Annotated[
        str | None, Query(max_length=255, description="Of this step, or of steps whose names begin with it and a dot.")
    ] = None,
    request_id: _ID = None,
    trace_id: _ID = None,
    text: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Contains this, whatever the case.")
    ] = None,
) -> LineFilter:
    """Which lines, among those that the caller can see.

    Raises:
        ParameterError: there is no such level.
    """
    where = LineFilter(
        projects=projects_for(caller, project, Role.VIEWER), since=since, until=until, level=level, part=part,
        workflow=workflow, step=step, request_id=request_id, trace_id=trace_id, text=text,
    )  # fmt: skip
    where.levels()
    return where


LinesDep = Annotated[LineFilter, Depends(conditions)]


@router.get("", operation_id="list_system_logs", response_model=LinesBody, responses=READS | _FOLLOWED)
async def list_system_logs(
    request: Request,
    system: SystemDep,
    where: LinesDep,
    accept: Accept = "",
    after: Annotated[
        int | None,
        Query(ge=0, le=2**62, description="Instead, those written down after the line with this id, oldest first."),
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
    last_event: LastEventId = None,
) -> Response:
    """Lines of all tasks that the caller can see and, for system administrators, of all parts of the system; the newest
    first.

    With `Accept: text/event-stream`, each line as it comes, from now on or after `Last-Event-ID`.
    """
    lines = LogLines(system.database)
    if "text/event-stream" in accept:
        begin = last_event_id(last_event, -1)
        return elsewhere(request, system) or stream(_follow(system, where, await lines.last() if begin < 0 else begin))
    if after is not None and cursor is None:
        found = await lines.after(where, after, limit)
        return reply(LinesBody(items=[LineBody.model_validate(line) for line in found]))
    searched = await lines.search(where, _before(cursor), limit)
    is_indexed = None if where.text is None else len(where.text) > 2 and await lines.has_text_index()
    following = None if searched.end is None else cursor_at([searched.end[0].isoformat(), searched.end[1]])
    items = [LineBody.model_validate(line) for line in searched.lines]
    return reply(LinesBody(items=items, next=following, is_text_indexed=is_indexed))


@router.get("/export", operation_id="export_logs", response_class=StreamingResponse, responses=READS | _EXPORTED)
async def export_logs(system: SystemDep, where: LinesDep) -> Response:
    """The same lines, all of them, oldest first, one JSON object a line."""
    lines = LogLines(system.database)
    return StreamingResponse(_exported(lines, where, await lines.last()), media_type="application/x-ndjson")


@router.get("/levels", operation_id="list_log_levels", response_model=LevelsBody, responses=READS)
async def list_log_levels(_: SystemAdministratorDep, system: SystemDep) -> Response:
    """Loggers whose levels were set while the system runs. For system administrators."""
    levels = await LogLines(system.database).levels()
    return reply(LevelsBody(items=[LevelSettingBody.model_validate(level) for level in levels]))


@router.put("/levels/{logger}", operation_id="set_log_level", response_model=LevelSettingBody, responses=WRITES)
async def set_log_level(
    logger: LoggerName, body: LevelBody, caller: SystemAdministratorDep, system: SystemDep
) -> Response:
    """Let a logger, and those below it, say something from a level on: on every replica and orchestrator within
    seconds, until it is lifted. For system administrators.
    """
    setting = await LogLines(system.database).set_level(logger, body.level, caller.name)
    return reply(LevelSettingBody.model_validate(setting))


@router.delete(
    "/levels/{logger}", operation_id="lift_log_level", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def lift_log_level(logger: LoggerName, _: SystemAdministratorDep, system: SystemDep) -> Response:
    """Give a logger the level back that it began with. For system administrators."""
    if not await LogLines(system.database).lift_level(logger):
        raise _not_set(logger)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _follow(system: System, where: LineFilter, last: int) -> AsyncIterator[bytes]:
    """Lines after the given one, until the gateway closes."""
    pulse = Pulse()
    while not system.watcher.is_over:
        found, last = await system.tail.after(where, last)
        for line in found:
            yield message("line", LineBody.model_validate(line), line.id)
        if found:
            pulse.sent()
        elif pulse.beats():
            yield ALIVE
        if len(found) < PAGE:
            await system.watcher.pause(LOOK_S)


async def _exported(lines: LogLines, where: LineFilter, newest: int) -> AsyncIterator[bytes]:
    last = 0
    while last < newest and (page := await lines.after(where, last, PAGE)):
        yield b"".join(LineBody.model_validate(line).model_dump_json().encode() + b"\n" for line in page)
        last = page[-1].id


def _before(cursor: str | None) -> Before:
    """Where a list goes on.

    Raises:
        Problem: the cursor is none of this list.
    """
    held = place(cursor)
    if held is None:
        return NEWEST
    try:
        at, number = held
        moment = datetime.fromisoformat(at)
        if type(number) is not int or not 0 <= number < 2**63 or moment.tzinfo is None:
            raise bad_cursor()
    except (TypeError, ValueError) as error:
        raise bad_cursor() from error
    return moment, number


def _not_set(logger: str) -> Problem:
    return not_found("level", f"of {logger}", "GET /v1/logs/levels lists those that were set")
