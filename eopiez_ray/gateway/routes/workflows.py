"""Workflows: create, list, look, update and cancel."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Response

from ...model.access import Role
from ...model.filters import Order
from ...model.ids import WorkflowId
from ...model.requests import Request
from ..access import (
    CallerDep,
    ObservedDep,
    OperatedDep,
    ProjectParameter,
    SystemDep,
    project_for,
    projects_for,
)
from ..bodies import (
    ChangeBody,
    DriverBody,
    InsideBody,
    NewWorkflowBody,
    StepFactsBody,
    WorkflowBody,
    WorkflowDetailBody,
    WorkflowsBody,
)
from ..concealing import shown_to
from ..documented import READS, WRITES, answers
from ..listing import ObservedListDep
from ..plans import new_workflow
from ..representation import CursorParameter, Limit, check_match, entity_tag, id_at, page_of, reply
from ..routing import Resource
from ..traceparent import TracedDep
from ..updating import update

if TYPE_CHECKING:
    from ...store import WorkflowView
    from ..system import System

router = Resource(prefix="/workflows", tags=["workflows"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255, description="Sending the same request again under one key has the effect of sending it once."
    ),
]
IfMatch = Annotated[
    str | None, Header(description="The ETag that was read; the change is refused if it is no longer it.")
]
LinksToOne: dict[str, Any] = {
    name: {"operationId": operation, "parameters": {"workflow": "$response.body#/id"}}
    for name, operation in {"get": "get_workflow", "cancel": "cancel_workflow", "events": "list_events"}.items()
}


@router.post(
    "", operation_id="create_workflow", status_code=HTTPStatus.ACCEPTED, response_model=WorkflowBody,
    responses=WRITES | {202: {"description": "Durable, and waiting to be driven.", "links": LinksToOne}},
)  # fmt: skip
async def create_workflow(
    body: NewWorkflowBody,
    system: SystemDep,
    caller: CallerDep,
    traced: TracedDep,
    project: ProjectParameter = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a workflow from a plan. It is durable once this answers, and an orchestrator will drive it."""
    chosen = project_for(caller, project, Role.OPERATOR)
    new = await new_workflow(body, caller, chosen, idempotency_key, system)
    (created,) = await system.intake.create(traced.placed(new))
    traced.note(created, chosen)
    view = await system.workflows.get(created.id)
    return reply(WorkflowBody.of(view), HTTPStatus.ACCEPTED, {"Location": f"/v1/workflows/{created.id}"})


@router.get("", operation_id="list_workflows", response_model=WorkflowsBody, responses=READS)
async def list_workflows(
    system: SystemDep,
    caller: CallerDep,
    where: ObservedListDep,
    order: Order = Order.NEWEST,
    counted: Annotated[bool, Query(description="Whether to say how many there are, up to 1,000.")] = False,
    after: Annotated[UUID | None, Query(description="Only those that come after this one in that order.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Workflows that the caller can see and that meet every condition."""
    begin = id_at(cursor) or after
    views = await system.workflows.page(where, order, None if begin is None else WorkflowId(begin), limit)
    page = page_of(
        [WorkflowBody.of(shown_to(caller, view)) for view in views], limit, str(views[-1].id) if views else None
    )
    count = await system.workflows.count_listed(where) if counted else None
    return reply(WorkflowsBody(items=page.items, next=page.next, count=count))


@router.get("/find", operation_id="find_workflow", response_model=WorkflowBody, responses=READS)
async def find_workflow(
    text: Annotated[str, Query(alias="id", min_length=1, max_length=64, description="As much of its id as is unique.")],
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
) -> Response:
    """The only workflow whose id begins or ends like this, among those that the caller can see."""
    projects = projects_for(caller, project, Role.OBSERVER)
    found = await system.workflows.resolve(text, projects)
    return reply(WorkflowBody.of(shown_to(caller, await system.workflows.get(found, projects))))


@router.get("/{workflow:uuid}", operation_id="get_workflow", response_model=WorkflowDetailBody, responses=READS)
async def get_workflow(
    view: ObservedDep,
    system: SystemDep,
    inside: Annotated[bool, Query(description="Also its plan, its driver, and figures of each step.")] = False,
) -> Response:
    """One workflow: its steps, how far it is, why steps wait, and what it has cost so far."""
    steps = await system.looks.steps(view.id)
    more = await _inside(view, system) if inside else None
    return reply(WorkflowDetailBody.of_steps(view, steps, more), headers={"ETag": _tag(view)})


@router.put(
    "/{workflow:uuid}",
    operation_id="update_workflow",
    response_model=WorkflowDetailBody,
    responses=WRITES | answers(412),
)
async def update_workflow(
    body: ChangeBody, view: OperatedDep, system: SystemDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Change what has not started: parameters of steps that have not begun, policies, the priority, labels."""
    check_match(if_match, _tag(view))
    await update(system, view, body, caller)
    return await get_workflow(await system.workflows.get(view.id), system)


@router.delete(
    "/{workflow:uuid}", operation_id="cancel_workflow", status_code=HTTPStatus.ACCEPTED, response_model=WorkflowBody,
    responses=WRITES,
)  # fmt: skip
async def cancel_workflow(view: OperatedDep, system: SystemDep, caller: CallerDep) -> Response:
    """Cancel it: tasks in flight get a moment to finish, and finished steps keep their results."""
    await system.workflows.cancel(view.id, Request(by=caller.name))
    return reply(WorkflowBody.of(await system.workflows.get(view.id)), HTTPStatus.ACCEPTED)


async def _inside(view: WorkflowView, system: System) -> InsideBody:
    driver = await system.workflows.driver(view.id)
    facts = await system.workflows.step_facts(view.id)
    return InsideBody(
        plan=view.spec,
        driver=None if driver is None else DriverBody.model_validate(driver),
        facts=[StepFactsBody.model_validate(each) for each in facts],
    )


def _tag(view: Any) -> str:
    """What an update would change."""
    return entity_tag(view.id, view.plan_version, view.priority, sorted(view.labels.items()))
