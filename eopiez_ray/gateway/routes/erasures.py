"""Erasures of a project's data, for its administrators: looked at first, then carried out, with a certificate."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Response
from pydantic import Field

from ...engine.erasing import SHORTEST_VALUE, Eraser
from ...errors import ParameterError, WorkflowNotFoundError
from ...model.erasure import Found, Scope
from ...model.ids import WorkflowId
from ...store.erasing import Erasures
from ..access import SystemDep
from ..acting import KeeperDep
from ..bodies import ViewBody
from ..documented import READS, WRITES
from ..representation import Body, CursorParameter, Limit, Page, id_at, page_of, reply
from ..routing import Resource

if TYPE_CHECKING:
    from ..system import System

router = Resource(prefix="/projects/{project}/erasures", tags=["projects"])

SHOWN = 1000
"""Ids that a look lists."""


class NewErasureBody(Body):
    """What is to be erased from the project."""

    scope: Scope = Field(description="All data of the project, one workflow, or whatever holds a value.")
    workflow: UUID | None = Field(default=None, description="For `workflow`.")
    value: Annotated[
        str | None,
        Field(
            default=None, min_length=SHORTEST_VALUE, max_length=1000, examples=["anna@example.com"],
            description="For `subject`: it is found as it is written, whatever the case, in everything that workflows "
            "hold and in uploads; not where it is compressed, split or written in another way.",
        ),
    ]  # fmt: skip


class FoundBody(ViewBody):
    """What would be erased."""

    scope: Scope
    workflows: list[UUID] = Field(description="The first thousand.")
    workflow_count: int
    uploads: list[UUID] = Field(description="The first thousand.")
    upload_count: int
    at_work_count: int = Field(description="How many of the workflows are under way; cancel them first.")


class ErasureBody(ViewBody):
    """An erasure, which is carried out within seconds, whatever happens meanwhile."""

    id: UUID
    kind: Scope
    target: str = Field(description="The project or the workflow; of a data subject, nothing that tells who it was.")
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None = Field(description="Since when all of it is gone; the audit log has the certificate.")
    counts: dict[str, int] = Field(examples=[{"workflows": 3, "results": 12, "artifacts": 4}])
    digests_hash: str = Field(description="SHA-256 over the digests of all results that have gone.")
    workflows: int = Field(description="How many belong to it.")


@router.post("/preview", operation_id="preview_erasure", response_model=FoundBody, responses=WRITES)
async def preview_erasure(project: str, body: NewErasureBody, _: KeeperDep, system: SystemDep) -> Response:
    """Look what would be erased; nothing is. For administrators of the project."""
    found = await _found(system, project, body)
    return reply(
        FoundBody(
            scope=found.scope, workflows=list(found.workflows[:SHOWN]), workflow_count=len(found.workflows),
            uploads=list(found.uploads[:SHOWN]), upload_count=len(found.uploads), at_work_count=len(found.at_work),
        )
    )  # fmt: skip


@router.post(
    "", operation_id="create_erasure", status_code=HTTPStatus.ACCEPTED, response_model=ErasureBody, responses=WRITES
)
async def create_erasure(project: str, body: NewErasureBody, acting: KeeperDep, system: SystemDep) -> Response:
    """Erase for good. Workflows under way have to be cancelled first. For administrators of the project."""
    found = await _found(system, project, body)
    key = await Erasures(system.database).begin(found, acting.caller.name)
    await acting.record("erasure.begin", key, project, scope=found.scope.value, target=found.target)
    views = await Erasures(system.database).page((project,))
    return reply(_body(next(view for view in views if view.id == key)), HTTPStatus.ACCEPTED)


@router.get("", operation_id="list_erasures", response_model=Page[ErasureBody], responses=READS)
async def list_erasures(
    project: str, _: KeeperDep, system: SystemDep, cursor: CursorParameter = None, limit: Limit = 50
) -> Response:
    """Erasures of the project, the newest first. For its administrators."""
    views = await Erasures(system.database).page((project,), id_at(cursor), limit)
    return reply(page_of([_body(view) for view in views], limit, str(views[-1].id) if views else None))


async def _found(system: System, project: str, body: NewErasureBody) -> Found:
    """What the body names, in this project alone.

    Raises:
        ParameterError: it names too little or too much.
        WorkflowNotFoundError: the project has no such workflow.
    """
    eraser = Eraser(system.database, system.artifacts, system.settings)
    given = {name for name in ("workflow", "value") if getattr(body, name) is not None}
    wanted = {Scope.PROJECT: set[str](), Scope.WORKFLOW: {"workflow"}, Scope.SUBJECT: {"value"}}[body.scope]
    if given != wanted:
        needs = f"needs {wanted.pop()!r} alone" if wanted else "takes neither 'workflow' nor 'value'"
        raise ParameterError(f"an erasure of scope {body.scope.value!r} {needs}")
    if body.value is not None:
        return await eraser.find_subject(body.value, project)
    if body.workflow is None:
        return await eraser.find_project(project)
    found = await eraser.find_workflow(WorkflowId(body.workflow))
    if found.project != project:
        raise WorkflowNotFoundError(str(body.workflow))
    return found


def _body(view: Any) -> ErasureBody:
    return ErasureBody.model_validate(view)
