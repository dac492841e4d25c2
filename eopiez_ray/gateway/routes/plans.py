"""Plans that a project has registered, and how plans are written."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import Field
from pydantic_core import to_json

from ...authoring.plans.models import plan_schema
from ...errors import ParameterError
from ...model.access import Role
from ...model.names import check_name
from ..access import CallerDep, ProjectParameter, SystemDep, project_for, projects_for
from ..bodies import Labels, NewWorkflowBody, ViewBody
from ..documented import READS, WRITES
from ..plans import new_workflow
from ..problems import not_found
from ..registered import ParameterBody, check_parameters
from ..representation import CursorParameter, Limit, Page, bad_cursor, page_of, place, reply
from ..routing import Resource

router = Resource(prefix="/plans", tags=["workflows"])

PlanName = Annotated[str, Path(max_length=255, description="The plan's name in its project.")]


class NewPlanBody(NewWorkflowBody):
    """A plan to register: like a workflow to create, with what may be given at the start."""

    description: str = Field(default="", max_length=10_000)
    exposes: dict[str, ParameterBody] = Field(
        default_factory=dict, max_length=100, description="Parameters that may be given at the start, by name."
    )


class PlanBody(ViewBody):
    """A version of a registered plan."""

    project: str
    name: str
    version: int
    description: str
    labels: Labels
    priority: int
    parameters: dict[str, ParameterBody]
    registered_by: str
    registered_at: datetime


class PlanDetailBody(PlanBody):
    """A registered plan with its steps."""

    spec: dict[str, Any]


@router.get("/schema", operation_id="get_plan_schema", responses=READS)
async def get_plan_schema(_: CallerDep) -> Response:
    """The JSON Schema of plan documents, for editors and validators."""
    return Response(to_json(plan_schema()), media_type="application/json")


@router.get("", operation_id="list_plans", response_model=Page[PlanBody], responses=READS)
async def list_plans(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """The newest version of each registered plan, by project and name."""
    after = place(cursor)
    if after is not None and not (isinstance(after, list) and [type(each) for each in after] == [str, str]):
        raise bad_cursor()
    start = ("", "") if after is None else (after[0], after[1])
    found = await system.catalogue.page(projects_for(caller, project, Role.VIEWER), start, limit)
    bodies = [PlanBody.model_validate(each) for each in found]
    return reply(page_of(bodies, limit, [found[-1].project, found[-1].name] if found else None))


@router.get("/{name}", operation_id="get_plan", response_model=PlanDetailBody, responses=READS)
async def get_plan(
    name: PlanName,
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The newest by default.")] = None,
) -> Response:
    """A registered plan with its steps."""
    chosen = project_for(caller, project, Role.VIEWER)
    found = await system.catalogue.get(chosen, name, version)
    if found is None:
        raise not_found("plan", repr(name), f"GET /v1/plans?project={chosen} lists those of the project")
    body = PlanBody.model_validate(found[0])
    return reply(PlanDetailBody(**body.model_dump(), spec=found[1].to_value()))


@router.put("/{name}", operation_id="register_plan", status_code=201, response_model=PlanBody, responses=WRITES)
async def register_plan(
    name: PlanName, body: NewPlanBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Register a plan, or its next version, so that operators can start it by name. Takes a developer."""
    chosen = project_for(caller, project, Role.DEVELOPER)
    check_name("the plan", name)
    if name == "schema":
        raise ParameterError("a plan cannot be called 'schema', under which the schema of plans is served")
    new = await new_workflow(body, caller, chosen, None, system)
    check_parameters(new.plan, body.exposes)
    await system.intake.keep(new)
    exposed = {each: target.model_dump() for each, target in body.exposes.items()}
    registered = await system.catalogue.register(new, name, body.description, exposed)
    place_of_it = {"Location": f"/v1/plans/{name}?project={chosen}"} if name.isascii() and name.isprintable() else {}
    return reply(PlanBody.model_validate(registered), HTTPStatus.CREATED, place_of_it)


@router.delete("/{name}", operation_id="unregister_plan", status_code=204, responses=WRITES)
async def unregister_plan(
    name: PlanName, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Forget all versions of a plan. Workflows that follow one go on. Takes a developer."""
    chosen = project_for(caller, project, Role.DEVELOPER)
    if not await system.catalogue.forget(chosen, name):
        raise not_found("plan", repr(name), f"GET /v1/plans?project={chosen} lists those of the project")
    return Response(status_code=HTTPStatus.NO_CONTENT)
