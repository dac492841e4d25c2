"""What went wrong for good, across workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

from ...model.requests import Selection
from ..access import SystemDep
from ..bodies import FailuresBody, GivenUpBody, SetAsideBody
from ..documented import READS
from ..listing import ListedDep
from ..representation import CursorParameter, Limit, number_at, reply
from ..representation import cursor as cursor_at
from ..routing import Resource

if TYPE_CHECKING:
    from ...model.filters import WorkflowFilter

router = Resource(prefix="/workflows", tags=["history"])


@router.get("/failures", operation_id="list_failures", response_model=FailuresBody, responses=READS)
async def list_failures(
    where: ListedDep, system: SystemDep, cursor: CursorParameter = None, limit: Limit = 100
) -> Response:
    """Tasks that have used up their attempts, latest first, and on the first page the quarantined workflows."""
    chosen, before = _selection(where), number_at(cursor)
    tasks = await system.workflows.given_up(chosen, before or None, limit)
    aside = [] if before else await system.workflows.set_aside(chosen, limit)
    body = FailuresBody(
        items=[GivenUpBody.model_validate(each) for each in tasks],
        quarantined=[SetAsideBody.model_validate(each) for each in aside],
        next=cursor_at(tasks[-1].id) if len(tasks) >= limit else None,
    )
    return reply(body)


def _selection(where: WorkflowFilter) -> Selection:
    """The workflows that a list would have; what it says besides does not apply to failures."""
    return Selection(
        labels=where.labels, owner=where.owner, name=where.name, statuses=where.statuses, error_type=where.error_type,
        projects=where.projects, everything=True,
    )  # fmt: skip
