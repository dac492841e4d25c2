"""Limits and weights: how projects and owners share the cluster."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from ...model.access import Role
from ...model.limits import LEAST_WEIGHT, MOST_WEIGHT, LimitKey, LimitKind
from ...store.rules import RuleBook
from ..access import CallerDep, ProjectParameter, SystemAdministratorDep, SystemDep, projects_for
from ..documented import READS, WRITES
from ..representation import Body, reply
from ..routing import Resource

router = Resource(tags=["sharing"])

MOST = 2**31 - 1
Weight = Annotated[
    float,
    Field(
        ge=LEAST_WEIGHT, le=MOST_WEIGHT, strict=True, description="Relative to others, which have 1.", examples=[3.0]
    ),
]
LimitName = Annotated[
    str, Path(max_length=200, description="The project, owner, label (`key=value`) or phase.", examples=["anna"])
]
Within = Annotated[
    str | None,
    Query(alias="project", max_length=100, description="Limit the calls of this project alone; else of all together."),
]


class LimitBody(BaseModel):
    """A limit, and how much of it is in use."""

    kind: LimitKind
    name: str
    project: str | None = Field(description="Whose calls alone count; null if those of all projects count together.")
    maximum: int = Field(description="Calls at once; 0 stops them.")
    held: int = Field(description="Calls that orchestrators run under it, or may start at once.")
    wanted: int = Field(description="Calls that they could run without it.")


class OwnerWeightBody(BaseModel):
    """An owner's share of what a project has."""

    project: str
    owner: str
    weight: float


class ProjectWeightBody(BaseModel):
    """A project's share of the cluster."""

    project: str
    weight: float


class SharingBody(BaseModel):
    """Limits and weights; whoever has no weight has 1."""

    limits: list[LimitBody]
    owners: list[OwnerWeightBody]
    projects: list[ProjectWeightBody]


class MaximumBody(Body):
    """A limit to set."""

    maximum: int = Field(ge=0, le=MOST, strict=True, description="Calls at once; 0 stops them.", examples=[4])


class WeightBody(Body):
    """A weight to set."""

    weight: Weight


@router.get("/limits", operation_id="list_limits", response_model=SharingBody, responses=READS)
async def list_limits(caller: CallerDep, system: SystemDep, project: ProjectParameter = None) -> Response:
    """Limits on and of the caller's projects with their use, and weights there; system administrators see all."""
    among = projects_for(caller, project, Role.OBSERVER)
    book = RuleBook(system.database)
    standing, rules = await book.standing(among), await book.read()
    sharing = SharingBody(
        limits=[
            LimitBody(
                kind=key.kind, name=key.name, project=key.project or None, maximum=maximum, held=held, wanted=wanted
            )
            for key, maximum, held, wanted in standing
        ],
        owners=[
            OwnerWeightBody(project=owner.project, owner=owner.name, weight=weight)
            for owner, weight in rules.weights.items()
            if among is None or owner.project in among
        ],
        projects=[
            ProjectWeightBody(project=name, weight=weight)
            for name, weight in rules.project_weights.items()
            if among is None or name in among
        ],
    )
    return reply(sharing)


@router.put(
    "/limits/{kind}/{name:path}", operation_id="set_limit", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def set_limit(
    kind: LimitKind, name: LimitName, body: MaximumBody, _: SystemAdministratorDep, system: SystemDep,
    within: Within = None,
) -> Response:  # fmt: skip
    """Limit concurrent calls across all orchestrators. It takes effect within a second, for workflows under way too;
    running calls are left to finish. For system administrators.
    """
    await RuleBook(system.database).limit(LimitKey(kind, name, within or ""), body.maximum)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(
    "/limits/{kind}/{name:path}", operation_id="lift_limit", status_code=HTTPStatus.NO_CONTENT,
    response_class=Response, responses=WRITES,
)  # fmt: skip
async def lift_limit(
    kind: LimitKind, name: LimitName, _: SystemAdministratorDep, system: SystemDep, within: Within = None
) -> Response:
    """Lift a limit; nothing happens if there is none. For system administrators."""
    await RuleBook(system.database).limit(LimitKey(kind, name, within or ""), None)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put(
    "/weights/{project}", operation_id="weigh_project", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def weigh_project(project: str, body: WeightBody, _: SystemAdministratorDep, system: SystemDep) -> Response:
    """Give a project a larger or smaller share of the cluster than others. For system administrators."""
    await RuleBook(system.database).weigh_project(project, body.weight)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put(
    "/weights/{project}/owners/{owner:path}", operation_id="weigh_owner", status_code=HTTPStatus.NO_CONTENT,
    response_class=Response, responses=WRITES,
)  # fmt: skip
async def weigh_owner(
    project: str, owner: str, body: WeightBody, _: SystemAdministratorDep, system: SystemDep
) -> Response:
    """Give an owner a larger or smaller share of what the project has. For system administrators."""
    await RuleBook(system.database).weigh(owner, body.weight, project)
    return Response(status_code=HTTPStatus.NO_CONTENT)
