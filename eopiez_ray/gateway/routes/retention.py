"""How long data is kept, by project and kind."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from ...model.access import Role
from ...model.retention import Kept, RetentionRule
from ...store.retention import Retention
from ..access import CallerDep, ProjectParameter, SystemAdministratorDep, SystemDep, projects_for
from ..documented import READS, WRITES
from ..representation import Body, reply
from ..routing import Resource

router = Resource(prefix="/retention", tags=["retention"])

MOST_DAYS = 999_999
ProjectName = Annotated[str, Path(max_length=100, description="The project.", examples=["default"])]
Data = Annotated[Kept, Path(description="What is kept.", examples=["logs"])]
Days = Annotated[
    float | None,
    Field(
        ge=0, le=MOST_DAYS, strict=True, examples=[30.0],
        description="Days from the end of the workflow, or from when an upload began to arrive; null for ever.",
    ),
]  # fmt: skip


class RetentionRuleBody(BaseModel):
    """How long a project keeps a kind of data."""

    project: str
    data: Kept
    days: float | None = Field(description="Null for ever.")


class RetentionBody(BaseModel):
    """The system's rules, which its settings give, and those of projects, which come first."""

    system: dict[Kept, float | None] = Field(description="Days by kind of data; null for ever.")
    projects: list[RetentionRuleBody]


class DaysBody(Body):
    """A rule to set."""

    days: Days


@router.get("", operation_id="list_retention", response_model=RetentionBody, responses=READS)
async def list_retention(caller: CallerDep, system: SystemDep, project: ProjectParameter = None) -> Response:
    """How long the caller's projects keep what; system administrators see all."""
    among = projects_for(caller, project, Role.OBSERVER)
    rules = await Retention(system.database).rules()
    body = RetentionBody(
        system={kind: getattr(system.settings, f"retain_{kind.value}_days") for kind in Kept},
        projects=[
            RetentionRuleBody(project=rule.project, data=rule.kind, days=rule.days)
            for rule in rules
            if among is None or rule.project in among
        ],
    )
    return reply(body)


@router.put(
    "/{project}/{data}", operation_id="set_retention", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def set_retention(
    project: ProjectName, data: Data, body: DaysBody, _: SystemAdministratorDep, system: SystemDep
) -> Response:
    """Let a project keep a kind of data for so many days, and no longer: what is older is deleted within five minutes.
    For system administrators.
    """
    await Retention(system.database).set(RetentionRule(project, data, body.days))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(
    "/{project}/{data}", operation_id="lift_retention", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def lift_retention(project: ProjectName, data: Data, _: SystemAdministratorDep, system: SystemDep) -> Response:
    """Let the system's rule hold for a project again; nothing happens if it has none of its own. For system
    administrators.
    """
    await Retention(system.database).lift(project, data)
    return Response(status_code=HTTPStatus.NO_CONTENT)
