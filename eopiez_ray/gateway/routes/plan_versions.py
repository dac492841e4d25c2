"""The plans that a workflow has followed, one for each update."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from ..access import SystemDep, ViewedDep
from ..bodies import FollowedPlanBody, PlanVersionBody, PlanVersionsBody
from ..documented import READS
from ..problems import not_found
from ..representation import reply
from ..routing import Resource

router = Resource(prefix="/workflows/{workflow:uuid}/plans", tags=["workflows"])


@router.get("", operation_id="list_plan_versions", response_model=PlanVersionsBody, responses=READS)
async def list_plan_versions(view: ViewedDep, system: SystemDep) -> Response:
    """The plans that it has followed, the latest last, which is what it follows now."""
    found = await system.updates.versions(view.id)
    return reply(PlanVersionsBody(items=[PlanVersionBody.model_validate(each) for each in found]))


@router.get("/{version}", operation_id="get_plan_version", response_model=FollowedPlanBody, responses=READS)
async def get_plan_version(
    view: ViewedDep,
    system: SystemDep,
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="As `plan_version` counts it, from 1.")],
) -> Response:
    """One of these plans, whole."""
    found = await system.updates.version(view.id, version)
    if found is None:
        kept = ", ".join(str(each.version) for each in await system.updates.versions(view.id))
        raise not_found("version", version, f"kept are {kept}")
    followed, plan = found
    facts = PlanVersionBody.model_validate(followed)
    return reply(FollowedPlanBody(**facts.model_dump(), plan=plan))
