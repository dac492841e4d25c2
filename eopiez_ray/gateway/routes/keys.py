"""API keys: for programs, in one project, with a role of their own."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import Response

from ...model.access import Caller, Role
from ...store.keys import NewKey
from ...store.projects import Projects
from ..access import ProjectParameter, SystemDep, project_for
from ..acting import ActingDep, PersonDep
from ..documented import READS, WRITES
from ..identity import opaque
from ..identity.opaque import Purpose
from ..identity.tokens import now
from ..people import KeyBody, NewKeyBody, ShownKeyBody
from ..representation import CursorParameter, Limit, Page, id_at, page_of, reply
from ..routing import Resource
from ..system import System

router = Resource(prefix="/keys", tags=["keys"])


async def managed(caller: Caller, system: System) -> list[str]:
    """The projects all of whose keys the caller may see and revoke."""
    if caller.is_system_administrator:
        return [view.name for view in await Projects(system.database).list()]
    return [project for project, role in caller.roles.items() if role is Role.ADMINISTRATOR]


@router.get("", operation_id="list_keys", response_model=Page[KeyBody], responses=READS)
async def list_keys(
    acting: PersonDep, system: SystemDep, cursor: CursorParameter = None, limit: Limit = 50
) -> Response:
    """The caller's keys, and those of the projects that they manage, oldest first."""
    views = await acting.services.keys.page(
        acting.caller.user_id, await managed(acting.caller, system), id_at(cursor), limit
    )
    bodies = [KeyBody.model_validate(view) for view in views]
    return reply(page_of(bodies, limit, str(views[-1].id) if views else None))


@router.post(
    "", operation_id="create_key", status_code=HTTPStatus.CREATED, response_model=ShownKeyBody, responses=WRITES
)
async def create_key(body: NewKeyBody, acting: PersonDep, project: ProjectParameter = None) -> Response:
    """Create a key in a project, with at most your own role. It is shown once."""
    chosen = project_for(acting.caller, project, body.role)
    secret = opaque.new_secret(Purpose.KEY)
    expires_at = None if body.expires_in_s is None else now() + timedelta(seconds=body.expires_in_s)
    new = NewKey(
        acting.caller.user_id,
        chosen,
        body.name,
        body.role,
        opaque.stored(secret),
        opaque.shown_part(secret),
        expires_at,
    )
    key = await acting.services.keys.create(new)
    await acting.record("key.create", key, chosen, name=body.name, role=body.role)
    shown = ShownKeyBody(id=key, project=chosen, name=body.name, role=body.role, key=secret, expires_at=expires_at)
    return reply(shown, HTTPStatus.CREATED)


@router.delete(
    "/{key:uuid}",
    operation_id="revoke_key",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=WRITES,
)
async def revoke_key(key: UUID, acting: ActingDep, system: SystemDep) -> Response:
    """Revoke a key of yours, or of a project that you manage; it holds on no replica any more."""
    projects = await managed(acting.caller, system)
    project, name = await acting.services.keys.revoke(key, acting.caller.user_id, projects)
    await acting.record("key.revoke", key, project, name=name)
    return Response(status_code=HTTPStatus.NO_CONTENT)
