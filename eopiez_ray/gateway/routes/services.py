"""Services: phases that run elsewhere, in any language; registered, found, and called through the gateway."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import Field

from ...model.access import Role
from ...outbound.places import check_path, check_url
from ...store.projects import Projects
from ...store.services import MOST_INSTANCES, NewService, ServiceView
from ..access import CallerDep, ProjectParameter, SystemDep, check_role, project_for, projects_for
from ..bodies import ViewBody
from ..documented import READS, WRITES, answers
from ..problems import Problem, not_found
from ..queries import takes_any_query
from ..representation import Body, CursorParameter, Limit, Page, WholeNumber, id_at, page_of, reply
from ..routing import Resource
from ..services.incoming import wanted_of
from ..system import System

router = Resource(prefix="/services", tags=["services"])

_NAME, _VERSION = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$", r"^[A-Za-z0-9._+-]{1,63}$"
ServiceName = Annotated[str, Path(pattern=_NAME, max_length=63, description="The service's name in its project.")]
InstanceParameter = Annotated[UUID, Path(description="The instance's id.")]
CALLS = answers(400, 413, 502, 504)
BODY: dict[str, Any] = {"requestBody": {"content": {"application/json": {"schema": {}}}, "required": False}}


class NewServiceBody(Body):
    """An instance of a service that wants to be called."""

    name: str = Field(pattern=_NAME, max_length=63, examples=["shout"])
    version: str = Field(default="1", pattern=_VERSION, max_length=63)
    url: str = Field(
        max_length=2000, examples=["http://10.1.2.3:4000"], description="Where it is; calls go to paths below."
    )
    health_path: str | None = Field(
        default=None, max_length=1000, examples=["/health"], description="What answers a GET with 2xx while it is well."
    )
    weight: WholeNumber = Field(default=1, ge=1, le=1000, description="Its share of the calls.")
    metadata: dict[str, Annotated[str, Field(max_length=1000)]] = Field(default_factory=dict, max_length=50)
    lease_s: WholeNumber = Field(
        default=30, ge=2, le=3600, description="Seconds for which it is there after each heartbeat."
    )


class ServiceBody(ViewBody):
    """An instance of a service."""

    id: UUID
    project: str
    name: str
    version: str
    url: str
    health_path: str | None
    weight: int
    metadata: dict[str, str]
    registered_by: str
    registered_at: datetime
    heartbeat_at: datetime
    lease_s: float
    expires_at: datetime = Field(description="When it is gone, unless a heartbeat comes before.")
    checked_at: datetime | None = Field(description="When its health was last asked for.")
    is_healthy: bool = Field(description="Whether calls are sent there; a new instance is healthy until checks fail.")

    @classmethod
    def of(cls, view: ServiceView) -> ServiceBody:
        """What the store knows of it."""
        facts = {name: getattr(view, name) for name in cls.model_fields.keys() - {"lease_s", "expires_at"}}
        return cls(**facts, lease_s=view.lease.total_seconds(), expires_at=view.heartbeat_at + view.lease)


@router.post("", operation_id="register_service", status_code=201, response_model=ServiceBody, responses=WRITES)
async def register_service(
    body: NewServiceBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Register an instance, until its heartbeats stop. Under the URL of an earlier one, it takes that one's place and
    id. Takes a developer.
    """
    chosen = project_for(caller, project, Role.DEVELOPER)
    url = check_url(body.url)
    check_path(body.health_path or "/")
    await _check_place(system, url)
    view = await system.services.register(NewService(
        chosen, body.name, body.version, url, body.health_path, body.weight, body.metadata, caller.name,
        timedelta(seconds=body.lease_s),
    ))  # fmt: skip
    if view is None:
        await Projects(system.database).get(chosen)
        detail = f"project {chosen} has {MOST_INSTANCES:,} instances, which is the most"
        raise Problem(HTTPStatus.CONFLICT, "too-many-instances", detail, "unregister some")
    return reply(ServiceBody.of(view), HTTPStatus.CREATED)


@router.get("", operation_id="list_services", response_model=Page[ServiceBody], responses=READS)
async def list_services(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    name: Annotated[str | None, Query(max_length=63, description="Only the service called so.")] = None,
    version: Annotated[str | None, Query(max_length=63, description="Only this version.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Instances of services that are there, healthy or not, in the order of their registration."""
    projects = projects_for(caller, project, Role.VIEWER)
    return await _listed(system, projects, name, version, cursor, limit)


@router.get("/{name}/instances", operation_id="list_instances", response_model=Page[ServiceBody], responses=READS)
async def list_instances(
    name: ServiceName,
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Instances of one service of one project that are there, healthy or not."""
    chosen = project_for(caller, project, Role.VIEWER)
    return await _listed(system, (chosen,), name, None, cursor, limit)


@router.put("/{instance:uuid}/heartbeat", operation_id="send_heartbeat", response_model=ServiceBody, responses=WRITES)
async def send_heartbeat(
    instance: InstanceParameter, request: Request, system: SystemDep, caller: CallerDep
) -> Response:
    """Say that an instance is still there. If it was gone already, this is 404: register it again."""
    request.state.is_recorded = True  # The audit log keeps the registration; a heartbeat changes nothing more.
    await _seen(system, caller, instance)
    view = await system.services.beat(instance)
    if view is None:
        raise _no_instance(instance)
    return reply(ServiceBody.of(view))


@router.delete("/{instance:uuid}", operation_id="unregister_service", status_code=204, responses=WRITES)
async def unregister_service(instance: InstanceParameter, system: SystemDep, caller: CallerDep) -> Response:
    """Let an instance be called no more; calls under way go on. Takes a developer."""
    await _seen(system, caller, instance)
    await system.services.unregister(instance)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@takes_any_query
async def call_service(
    name: ServiceName,
    path: Annotated[str, Path(description="What is called below the instance's URL; its query goes with it.")],
    request: Request,
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
) -> Response:
    """Call an instance of a service: the less loaded of two random healthy ones. Its answer comes back as it is.

    If it cannot be reached, or breaks off a call that may be repeated (GET, PUT, DELETE, or anything with an
    `Idempotency-Key`), another one is asked.
    """
    request.state.is_recorded = True  # A workflow makes a million calls; its history has them, and refusals are kept.
    chosen = project_for(caller, project, Role.OPERATOR)
    return await system.relay.call(wanted_of(request, chosen, name))


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    router.add_api_route(
        "/{name}/call/{path:path}", call_service, methods=[_method], operation_id=f"call_service_by_{_method.lower()}",
        responses=CALLS, response_class=Response, openapi_extra=None if _method in {"GET", "DELETE"} else BODY,
        summary=f"Call a service ({_method})",
    )  # fmt: skip
router.add_api_route("/{name}/call/{path:path}", call_service, methods=["HEAD"], include_in_schema=False)


async def _listed(
    system: System, projects: tuple[str, ...] | None, name: str | None, version: str | None, at: str | None, limit: int
) -> Response:
    views = await system.services.page(projects, name, version, id_at(at), limit)
    return reply(page_of([ServiceBody.of(view) for view in views], limit, str(views[-1].id) if views else None))


async def _check_place(system: System, url: str) -> None:
    """Check that a service may be where the URL leads. What a name leads to is not told: names may be internal.

    Raises:
        Problem: it may not.
    """
    if system.relay.places.is_nowhere:
        hint = "ask an operator of the system for EOPIEZ_GATEWAY_SERVICES"
        raise Problem(HTTPStatus.CONFLICT, "services-off", "this system calls no services", hint)
    if not await system.relay.resolver.leads_somewhere(url):
        detail = f"the URL {url[:200]!r} leads to no address at which a service may be"
        hint = "ask an operator of the system for EOPIEZ_GATEWAY_SERVICES"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "place-forbidden", detail, hint)


async def _seen(system: System, caller: CallerDep, instance: UUID) -> ServiceView:
    """An instance, for a developer of its project.

    Raises:
        Problem: there is none that they can see, or their role is too small.
    """
    view = await system.services.get(instance, projects_for(caller, None, Role.OBSERVER))
    if view is None:
        raise _no_instance(instance)
    check_role(caller, Role.DEVELOPER, view.project)
    return view


def _no_instance(instance: UUID) -> Problem:
    return not_found("instance", instance, "GET /v1/services lists those that you can see; register it again")
