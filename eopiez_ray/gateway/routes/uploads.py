"""Uploads: files of many gigabytes, in parts that go on where they broke off."""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Header, Path, Request, Response
from pydantic import Field

from ...model.access import Role
from ...model.names import check_name
from ...store.uploads import UploadView
from ..access import CallerDep, ProjectParameter, SystemDep, check_role, project_for, projects_for
from ..bodies import ViewBody
from ..documented import READS, WRITES
from ..files import gathered
from ..problems import Problem, not_found
from ..representation import Body, CursorParameter, Limit, Page, WholeNumber, id_at, page_of, reply
from ..routing import Resource
from ..system import System

router = Resource(prefix="/uploads", tags=["pipeline"])

BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
UploadParameter = Annotated[UUID, Path(description="The upload's id.")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**50, description="How much has arrived before.")]


class NewUploadBody(Body):
    """A file to upload."""

    name: str = Field(min_length=1, max_length=255, examples=["letters.csv"], description="Its ending says its format.")
    size: WholeNumber = Field(ge=0, le=2**50, examples=[1048576], description="Bytes.")


class UploadBody(ViewBody):
    """A file that is, or is being, uploaded."""

    id: UUID
    project: str
    owner: str
    name: str
    size: int
    offset: int = Field(description="Bytes that have arrived.")
    created_at: datetime
    completed_at: datetime | None = Field(description="Since when all of it is here.")


@router.post("", operation_id="create_upload", status_code=201, response_model=UploadBody, responses=WRITES)
async def create_upload(
    body: NewUploadBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Announce a file. Send its bytes with `PATCH`, in as many parts as you like."""
    chosen = project_for(caller, project, Role.OPERATOR)
    check_name("the file", body.name)
    if body.size > system.settings.gateway_upload_bytes:
        detail = f"uploads have at most {system.settings.gateway_upload_bytes:,} bytes"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, "split the collection")
    view = await system.uploads.create(chosen, caller.name, body.name, body.size)
    if not body.size:
        async with system.files.written(view, 0):  # No part will come that makes the file.
            pass
        await system.uploads.complete(view.id)
    return reply(await _body(system, view), HTTPStatus.CREATED, {"Location": f"/v1/uploads/{view.id}"})


@router.get("", operation_id="list_uploads", response_model=Page[UploadBody], responses=READS)
async def list_uploads(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Uploads that the caller can see, newest first."""
    views = await system.uploads.page(projects_for(caller, project, Role.VIEWER), id_at(cursor), limit)
    bodies = [await _body(system, view) for view in views]
    return reply(page_of(bodies, limit, str(views[-1].id) if views else None))


@router.get("/{upload:uuid}", operation_id="get_upload", response_model=UploadBody, responses=READS)
async def get_upload(upload: UploadParameter, system: SystemDep, caller: CallerDep) -> Response:
    """How much of it has arrived."""
    view = await seen(system, caller, upload, Role.VIEWER)
    return _progress(await _body(system, view))


@router.patch(
    "/{upload:uuid}", operation_id="send_upload", response_model=UploadBody, responses=WRITES,
    openapi_extra={"requestBody": {"content": BYTES, "required": True}},
)  # fmt: skip
async def send_upload(
    upload: UploadParameter, offset: Offset, request: Request, system: SystemDep, caller: CallerDep
) -> Response:
    """Send the next bytes. What has arrived stays, also if the connection breaks: `GET` says where to go on."""
    view = await seen(system, caller, upload, Role.OPERATOR)
    async with system.files.written(view, offset) as arrival:
        async for part in gathered(request.stream()):
            await asyncio.to_thread(arrival.write, part)
    if await asyncio.to_thread(system.files.arrived, view) == view.size:
        cipher = await system.database.vault.cipher(view.project)
        if cipher is not None:
            await asyncio.to_thread(system.files.seal, view, cipher)
        await system.uploads.complete(view.id)
        view = await seen(system, caller, upload, Role.OPERATOR)
    return _progress(await _body(system, view))


@router.delete("/{upload:uuid}", operation_id="delete_upload", status_code=204, responses=WRITES)
async def delete_upload(upload: UploadParameter, system: SystemDep, caller: CallerDep) -> Response:
    """Delete an upload. Workflows that have not read it yet will fail."""
    view = await seen(system, caller, upload, Role.OPERATOR)
    await asyncio.to_thread(system.files.delete, view)
    await system.uploads.delete(view.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def seen(system: System, caller: CallerDep, upload: UUID, role: Role) -> UploadView:
    """An upload, for a caller who may do with it what the role may.

    Raises:
        Problem: there is none that they can see, or their role is too small.
    """
    view = await system.uploads.get(upload, projects_for(caller, None, Role.OBSERVER))
    if view is None:
        raise not_found("upload", upload, "GET /v1/uploads lists those that you can see")
    check_role(caller, role, view.project)
    return view


async def _body(system: System, view: UploadView) -> UploadBody:
    arrived = await asyncio.to_thread(system.files.arrived, view)
    return UploadBody(
        id=view.id, project=view.project, owner=view.owner, name=view.name, size=view.size, offset=arrived,
        created_at=view.created_at, completed_at=view.completed_at,
    )  # fmt: skip


def _progress(body: UploadBody) -> Response:
    return reply(body, headers={"Upload-Offset": str(body.offset)})
