"""What a caller may do: each endpoint names the role that it needs, and no other place decides.

Whatever a caller may not see answers as if it did not exist; what it may see but not do says which role that takes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from ..errors import ForbiddenError, WorkflowNotFoundError
from ..model.access import Caller, Role
from ..model.ids import WorkflowId
from ..model.names import DEFAULT_PROJECT, check_project_name
from ..store import WorkflowView
from .bounding import count_caller
from .concealing import shown_to
from .problems import Problem, not_found
from .system import System, system_at, system_of

SystemDep = Annotated[System, Depends(system_of)]


async def caller_of(request: Request) -> Caller:
    """Who sends the request."""
    system = system_at(request)
    caller = await system.authenticator.caller(request)
    request.state.caller = caller
    await count_caller(request, system, caller)
    return caller


CallerDep = Annotated[Caller, Depends(caller_of)]


async def system_administrator(caller: CallerDep) -> Caller:
    """Somebody who manages the system, by a session or a key.

    Raises:
        ForbiddenError: they do not.
    """
    if not caller.is_system_administrator:
        raise ForbiddenError("only system administrators may do this")
    return caller


SystemAdministratorDep = Annotated[Caller, Depends(system_administrator)]
ProjectParameter = Annotated[
    str | None, Query(alias="project", max_length=255, description="The project; by default the only one you work for.")
]
WorkflowParameter = Annotated[UUID, Path(description="The workflow's id.")]


def forbidden(role: Role, project: str) -> Problem:
    """The answer to a caller whose role is too small."""
    detail = f"this takes the role {role} in project {project}"
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, "ask an administrator of the project")


def check_role(caller: Caller, role: Role, project: str) -> None:
    """Check that the caller may do in the project what the role may.

    Raises:
        Problem: they may not, or have nothing to do with the project.
    """
    if caller.role_in(project) is None:
        raise not_found("project", project, "GET /v1/users/profile names your projects")
    if not caller.may(role, project):
        raise forbidden(role, project)


def project_for(caller: Caller, named: str | None, role: Role) -> str:
    """The project that a request is about: the one named, else the caller's only one, else ``default``.

    Raises:
        Problem: the caller may not do there what the role may, or has to name one.
    """
    project = named or _usual(caller)
    if project is None:
        hint = "add ?project=NAME; GET /v1/users/profile names your projects"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "project-missing", "you work for several projects", hint)
    check_project_name(project)
    check_role(caller, role, project)
    return project


def _usual(caller: Caller) -> str | None:
    if len(caller.roles) == 1:
        return next(iter(caller.roles))
    is_in_default = DEFAULT_PROJECT in caller.roles or caller.is_system_administrator
    return DEFAULT_PROJECT if is_in_default else None


def projects_for(caller: Caller, named: str | None, role: Role) -> tuple[str, ...] | None:
    """The projects that a request is about: the one named, else all where the caller has the role; None means all.

    Raises:
        Problem: the caller may not do there what the role may.
    """
    if named is not None:
        check_role(caller, role, named)
        return (named,)
    if caller.is_system_administrator:
        return None
    return tuple(sorted(project for project in caller.roles if caller.may(role, project)))


async def view_of(system: System, caller: Caller, workflow: UUID, role: Role = Role.VIEWER) -> WorkflowView:
    """A workflow, for a caller who may do with it what the role may.

    Raises:
        WorkflowNotFoundError: there is none, or the caller may not know that there is.
        Problem: the caller may see it, but not do that.
    """
    view = await system.looks.workflow(WorkflowId(workflow))
    if caller.role_in(view.project) is None:
        raise WorkflowNotFoundError(str(workflow))
    if not caller.may(role, view.project):
        raise forbidden(role, view.project)
    return shown_to(caller, view)


class Seen:
    """A dependency: the workflow in the path, for a caller who has the role."""

    def __init__(self, role: Role) -> None:
        self._role = role

    async def __call__(self, request: Request, workflow: WorkflowParameter, caller: CallerDep) -> WorkflowView:
        """The workflow. Errors as in ``view_of``."""
        return await view_of(system_at(request), caller, workflow, self._role)


ObservedDep = Annotated[WorkflowView, Depends(Seen(Role.OBSERVER))]
ViewedDep = Annotated[WorkflowView, Depends(Seen(Role.VIEWER))]
OperatedDep = Annotated[WorkflowView, Depends(Seen(Role.OPERATOR))]
