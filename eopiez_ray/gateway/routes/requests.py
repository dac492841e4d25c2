"""Pause, resume, cancel and retry: of one workflow, or of all that a selection names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response

from ...model.access import Caller, Role
from ...model.filters import Order
from ...model.ids import WorkflowId
from ...model.requests import Answer, Request, Selection
from ..access import CallerDep, OperatedDep, ProjectParameter, SystemDep, projects_for
from ..bodies import AnswersBody, RequestBody, SelectionBody, StandingBody, WorkflowBody
from ..documented import READS, WRITES
from ..listing import OperatedListDep
from ..representation import CursorParameter, Page, id_at, reply
from ..representation import cursor as cursor_at
from ..routing import Resource

if TYPE_CHECKING:
    from ...store import WorkflowView
    from ..system import System

router = Resource(prefix="/workflows", tags=["workflows"])
_PLAINLY = RequestBody()
MOST_IDS = 10_000
"""Ids in one answer, as many as one request may name."""
Ask = Callable[[Selection, Request], Awaitable[list[Answer]]]


@router.post("/{workflow:uuid}/pause", operation_id="pause_workflow", response_model=WorkflowBody, responses=WRITES)
async def pause_workflow(
    view: OperatedDep, system: SystemDep, caller: CallerDep, body: RequestBody = _PLAINLY
) -> Response:
    """Start no more tasks of it; it is `paused` once none is in flight."""
    await system.workflows.pause(view.id, _request(body, caller))
    return await _now(view, system)


@router.post("/{workflow:uuid}/resume", operation_id="resume_workflow", response_model=WorkflowBody, responses=WRITES)
async def resume_workflow(
    view: OperatedDep, system: SystemDep, caller: CallerDep, body: RequestBody = _PLAINLY
) -> Response:
    """Queue it again after a pause; nothing that is finished runs twice."""
    await system.workflows.resume(view.id, _request(body, caller))
    return await _now(view, system)


@router.post("/{workflow:uuid}/retry", operation_id="retry_workflow", response_model=WorkflowBody, responses=WRITES)
async def retry_workflow(
    view: OperatedDep, system: SystemDep, caller: CallerDep, body: RequestBody = _PLAINLY
) -> Response:
    """Queue it again after it failed, was cancelled or quarantined: finished work is kept, the rest starts afresh."""
    await system.workflows.retry(view.id, _request(body, caller))
    return await _now(view, system)


@router.get("/ids", operation_id="list_workflow_ids", response_model=Page[StandingBody], responses=READS)
async def list_workflow_ids(
    system: SystemDep,
    where: OperatedListDep,
    order: Order = Order.NEWEST,
    cursor: CursorParameter = None,
    limit: Annotated[int, Query(ge=1, le=MOST_IDS, description="How many at most.")] = 1000,
) -> Response:
    """Ids of workflows that the caller may steer and that meet every condition.

    Pause, resume, cancel or retry them by these ids, and nothing else is touched, whatever matches by then.
    """
    begin = id_at(cursor)
    ids = await system.workflows.listed_ids(where, order, None if begin is None else WorkflowId(begin), limit)
    statuses = await system.workflows.statuses(ids)
    found = [StandingBody(id=workflow, status=statuses[workflow]) for workflow in ids if workflow in statuses]
    return reply(Page[StandingBody](items=found, next=cursor_at(str(ids[-1])) if len(ids) == limit else None))


@router.post("/pause", operation_id="pause_workflows", response_model=AnswersBody, responses=WRITES)
async def pause_workflows(
    body: SelectionBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Pause all selected workflows, with an answer for each."""
    return await _answers(system.workflows.pause_all, body, caller, project)


@router.post("/resume", operation_id="resume_workflows", response_model=AnswersBody, responses=WRITES)
async def resume_workflows(
    body: SelectionBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Resume all selected workflows, with an answer for each."""
    return await _answers(system.workflows.resume_all, body, caller, project)


@router.post("/cancel", operation_id="cancel_workflows", response_model=AnswersBody, responses=WRITES)
async def cancel_workflows(
    body: SelectionBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Cancel all selected workflows, with an answer for each."""
    return await _answers(system.workflows.cancel_all, body, caller, project)


@router.post("/retry", operation_id="retry_workflows", response_model=AnswersBody, responses=WRITES)
async def retry_workflows(
    body: SelectionBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Retry all selected workflows, with an answer for each."""
    return await _answers(system.workflows.retry_all, body, caller, project)


async def _answers(ask: Ask, body: SelectionBody, caller: Caller, project: str | None) -> Response:
    """The answer for each workflow that is selected."""
    return reply(AnswersBody.of(await ask(_selection(body, caller, project), _request(body, caller))))


def _request(body: RequestBody, caller: Caller) -> Request:
    return Request(caller.name, body.why, body.mode, body.timers)


def _selection(body: SelectionBody, caller: Caller, project: str | None) -> Selection:
    return Selection(
        ids=None if body.ids is None else tuple(map(WorkflowId, body.ids)),
        labels=body.labels,
        owner=body.owner,
        name=body.name,
        statuses=None if body.statuses is None else tuple(body.statuses),
        error_type=body.error_type,
        everything=body.everything,
        projects=projects_for(caller, project, Role.OPERATOR),
    )


async def _now(view: WorkflowView, system: System) -> Response:
    return reply(WorkflowBody.of(await system.workflows.get(view.id)))
