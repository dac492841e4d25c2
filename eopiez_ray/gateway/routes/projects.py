"""Projects: seen by their members, made and deleted by system administrators."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from ...store.projects import Projects
from ..access import SystemDep
from ..acting import ActingDep, AdministratorDep, KeeperDep
from ..documented import READS, WRITES
from ..people import NewProjectBody, ProjectBody, ProjectsBody, TitleBody
from ..representation import reply
from ..routing import Resource

router = Resource(prefix="/projects", tags=["projects"])


@router.get("", operation_id="list_projects", response_model=ProjectsBody, responses=READS)
async def list_projects(acting: ActingDep, system: SystemDep) -> Response:
    """The projects that the caller works for, by name; all of them for system administrators."""
    names = None if acting.caller.is_system_administrator else list(acting.caller.roles)
    views = await Projects(system.database).list(names)
    return reply(ProjectsBody(items=[ProjectBody.model_validate(view) for view in views]))


@router.post(
    "", operation_id="create_project", status_code=HTTPStatus.CREATED, response_model=ProjectBody, responses=WRITES
)
async def create_project(body: NewProjectBody, acting: AdministratorDep, system: SystemDep) -> Response:
    """Create a project. Its name stays; nobody works for it yet."""
    view = await Projects(system.database).create(body.name, body.title)
    await acting.record("project.create", view.name, view.name)
    return reply(ProjectBody.model_validate(view), HTTPStatus.CREATED)


@router.put("/{project}", operation_id="update_project", response_model=ProjectBody, responses=WRITES)
async def update_project(project: str, body: TitleBody, acting: KeeperDep, system: SystemDep) -> Response:
    """Give a project another title."""
    view = await Projects(system.database).rename(project, body.title)
    await acting.record("project.update", project, project)
    return reply(ProjectBody.model_validate(view))


@router.delete(
    "/{project}", operation_id="delete_project", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def delete_project(project: str, acting: AdministratorDep, system: SystemDep) -> Response:
    """Delete a project without workflows, with its memberships, invitations and keys."""
    await Projects(system.database).delete(project)
    await acting.record("project.delete", project, project)
    return Response(status_code=HTTPStatus.NO_CONTENT)
