"""The conditions of a list of workflows, from the query of its URL."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query

from ..errors import ParameterError
from ..model.access import Role
from ..model.filters import WorkflowFilter
from ..model.status import WorkflowStatus
from .access import CallerDep, ProjectParameter, projects_for
from .representation import Moment

_Name = Annotated[str | None, Query(max_length=255)]


async def conditions(
    caller: CallerDep,
    project: ProjectParameter = None,
    status: Annotated[list[WorkflowStatus] | None, Query(description="Any of these; repeat it for several.")] = None,
    label: Annotated[
        list[str] | None, Query(max_length=20, description="Has this label, `key=value`; repeat it for several.")
    ] = None,
    owner: _Name = None,
    name: _Name = None,
    text: Annotated[str | None, Query(max_length=255, description="The name or id begins with this.")] = None,
    error_type: _Name = None,
    plan: Annotated[str | None, Query(max_length=64, description="Follows the plan with this digest.")] = None,
    created_after: Annotated[Moment | None, Query(description="Created then or later.")] = None,
    created_before: Annotated[Moment | None, Query(description="Created before then.")] = None,
) -> WorkflowFilter:
    """What the list is about, among what the caller can see.

    Raises:
        ParameterError: a label is not ``key=value``.
    """
    return WorkflowFilter(
        projects=projects_for(caller, project, Role.OBSERVER),
        statuses=None if not status else tuple(status),
        owner=owner,
        name=name,
        labels=dict(map(_label, label or [])),
        plan=plan,
        created_after=created_after,
        created_before=created_before,
        error_type=error_type,
        text=text,
    )


ObservedListDep = Annotated[WorkflowFilter, Depends(conditions)]


async def viewed(where: ObservedListDep, caller: CallerDep, project: ProjectParameter = None) -> WorkflowFilter:
    """The same, for a list that shows payloads."""
    return replace(where, projects=projects_for(caller, project, Role.VIEWER))


ListedDep = Annotated[WorkflowFilter, Depends(viewed)]


async def operated(where: ObservedListDep, caller: CallerDep, project: ProjectParameter = None) -> WorkflowFilter:
    """The same, for a list of what the caller may steer."""
    return replace(where, projects=projects_for(caller, project, Role.OPERATOR))


OperatedListDep = Annotated[WorkflowFilter, Depends(operated)]


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise ParameterError(f"the label {text[:40]!r} is not of the form key=value")
    return key, value
