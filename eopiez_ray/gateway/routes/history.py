"""What a workflow has done: its events, tasks, attempts and log lines, in pages or as they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header, Query, Request, Response

from ...model.filters import AttemptFilter, LogFilter, TaskFilter
from ...model.status import Outcome
from ...model.tasks import TaskKey
from ..access import ObservedDep, SystemDep, ViewedDep
from ..bodies import AttemptBody, EventBody, LogBody, TaskBody
from ..documented import READS
from ..representation import CursorParameter, Limit, Page, bad_cursor, number_at, page_of, place, reply
from ..routing import Resource
from ..streaming import ALIVE, LastEventId, Pulse, elsewhere, last_event_id, message, stream

if TYPE_CHECKING:
    from ...model.ids import WorkflowId
    from ...store import WorkflowView
    from ..system import System

router = Resource(prefix="/workflows/{workflow:uuid}", tags=["history"])

PAGE = 1000

Accept = Annotated[str, Header(alias="Accept", description="`text/event-stream` to follow.", include_in_schema=False)]
After = Annotated[int, Query(ge=0, le=2**62, description="Only those after the one with this id.")]
StepParameter = Annotated[str | None, Query(description="Only of this step.", max_length=255)]
WorkerParameter = Annotated[str | None, Query(max_length=255)]
Seconds = Annotated[float | None, Query(ge=0, allow_inf_nan=False, description="Only those that took longer.")]
_FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "It is at rest, and there is nothing more to follow."},
    307: {"description": "Followers are served there."},
}


@router.get("/events", operation_id="list_events", response_model=Page[EventBody], responses=READS | _FOLLOWED)
async def list_events(
    request: Request,
    view: ViewedDep,
    system: SystemDep,
    accept: Accept = "",
    after: After = 0,
    cursor: CursorParameter = None,
    limit: Limit = 100,
    last_event: LastEventId = None,
) -> Response:
    """History, oldest first. With `Accept: text/event-stream`, each event as it happens, and how far it is.

    A stream ends once the workflow is at rest. Messages with an id are events; `progress` has none, and says how far
    the workflow is, a few times a second at most.
    """
    if "text/event-stream" in accept:
        return elsewhere(request, system) or await _follow(view, system, last_event_id(last_event, after))
    events = await system.workflows.events(view.id, number_at(cursor, after), limit)
    return reply(page_of([EventBody.of(event) for event in events], limit, events[-1].id if events else None))


@router.get("/tasks", operation_id="list_tasks", response_model=Page[TaskBody], responses=READS)
async def list_tasks(
    view: ObservedDep,
    system: SystemDep,
    step: StepParameter = None,
    worker: WorkerParameter = None,
    host: WorkerParameter = None,
    node: WorkerParameter = None,
    slower_than_s: Seconds = None,
    more_than_bytes: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    is_cached: bool = False,
    has_rejects: bool = False,
    after: Annotated[
        str | None,
        Query(
            pattern=r"^\d{1,4}/\d{1,9}$",
            description="Only those after this one: the step's position, a slash, the partition.",
        ),
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Finished tasks and where they ran, in order of step and partition."""
    where = TaskFilter(
        step=step, worker=worker, host=host, node=node, slower_than_s=slower_than_s, more_than_bytes=more_than_bytes,
        is_cached=is_cached, has_rejects=has_rejects,
    )  # fmt: skip
    tasks = await system.workflows.tasks(view.id, where, _task_key(cursor) or _key_after(after), limit)
    return reply(page_of([TaskBody.of(task) for task in tasks], limit, list(tasks[-1].key) if tasks else None))


@router.get("/attempts", operation_id="list_attempts", response_model=Page[AttemptBody], responses=READS)
async def list_attempts(
    view: ViewedDep,
    system: SystemDep,
    step: StepParameter = None,
    worker: WorkerParameter = None,
    host: WorkerParameter = None,
    node: WorkerParameter = None,
    slower_than_s: Seconds = None,
    outcome: Outcome | None = None,
    latest: Annotated[bool, Query(description="The newest ones instead, the newest last; no filter applies.")] = False,
    after: After = 0,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Attempts that ended without a result, oldest first, with their tracebacks."""
    if latest:
        newest = [AttemptBody.of(attempt) for attempt in await system.workflows.last_attempts(view.id, limit)]
        return reply(Page[AttemptBody](items=newest))
    where = AttemptFilter(
        step=step, worker=worker, host=host, node=node, slower_than_s=slower_than_s, outcome=outcome
    )  # fmt: skip
    attempts = await system.workflows.attempts(view.id, where, number_at(cursor, after), limit)
    found = [AttemptBody.of(attempt) for attempt in attempts]
    return reply(page_of(found, limit, attempts[-1].id if attempts else None))


@router.get("/logs", operation_id="list_logs", response_model=Page[LogBody], responses=READS | _FOLLOWED)
async def list_logs(
    request: Request,
    view: ViewedDep,
    system: SystemDep,
    accept: Accept = "",
    step: StepParameter = None,
    partition: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    level: Annotated[str | None, Query(max_length=20, description="This level and above.")] = None,
    after: After = 0,
    cursor: CursorParameter = None,
    limit: Limit = 100,
    last_event: LastEventId = None,
) -> Response:
    """What phases logged and printed, oldest first. With `Accept: text/event-stream`, each line as it comes."""
    where = LogFilter(step=step, partition=partition, level=level)
    if "text/event-stream" in accept:
        begin = last_event_id(last_event, after)
        redirected = elsewhere(request, system)
        if redirected is not None:
            return redirected
        await system.workflows.logs(view.id, begin, 1, where)  # Refuses an unknown step before the stream begins.
        return stream(_lines(view.id, system, where, begin))
    lines = await system.workflows.logs(view.id, number_at(cursor, after), limit, where)
    return reply(page_of([LogBody.of(line) for line in lines], limit, lines[-1].id if lines else None))


async def _follow(view: WorkflowView, system: System, last: int) -> Response:
    if view.status.is_at_rest and not await system.workflows.events(view.id, last, 1):
        return Response(status_code=HTTPStatus.NO_CONTENT)  # A browser then stops asking.
    return stream(_happenings(view.id, system, last))


async def _happenings(workflow: WorkflowId, system: System, last: int) -> AsyncIterator[bytes]:
    """Events after the given one, and progress when it changes, until the workflow is at rest."""
    pulse, shown = Pulse(), None
    async with system.watcher.follow(workflow) as topic:
        while not topic.is_over:
            events = await topic.events_after(last)
            for event in events:
                yield message(event.kind, EventBody.of(event), event.id)
            if events:
                last = events[-1].id
                pulse.sent()
                continue
            standing = await topic.standing()
            if standing.progress != shown:
                shown = standing.progress
                yield message("progress", shown)
                pulse.sent()
            elif pulse.beats():
                yield ALIVE
            if not standing.is_at_rest:
                await topic.changed()
            elif not await system.workflows.events(workflow, last, 1):
                return
            else:  # Its end was written after the events were read, and before its status was.
                topic.wake()


async def _lines(workflow: WorkflowId, system: System, where: LogFilter, last: int) -> AsyncIterator[bytes]:
    """Log lines after the given one, until the workflow is at rest."""
    pulse = Pulse()
    async with system.watcher.follow(workflow) as topic:
        while not topic.is_over:
            is_at_rest = (await topic.standing()).is_at_rest  # Before the lines, so that none comes after it.
            lines = await system.workflows.logs(workflow, last, PAGE, where)
            for line in lines:
                yield message("log", LogBody.of(line), line.id)
            if lines:
                last = lines[-1].id
                pulse.sent()
            elif is_at_rest:
                return
            elif pulse.beats():
                yield ALIVE
            if len(lines) < PAGE:
                await topic.changed()


def _key_after(text: str | None) -> TaskKey | None:
    return None if text is None else TaskKey(*map(int, text.split("/")))


def _task_key(cursor: str | None) -> TaskKey | None:
    found = place(cursor)
    if found is None:
        return None
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(each, int) for each in found):
        raise bad_cursor()
    if not (0 <= found[0] < 2**15 and -1 <= found[1] < 2**31):
        raise bad_cursor()
    return TaskKey(*found)
