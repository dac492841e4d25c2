"""``eopiez list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..model.filters import WorkflowFilter
from ..model.names import DEFAULT_PROJECT, OUTPUT
from ..model.status import WorkflowStatus
from .labels import labels_of
from .selection import AnyProject, Labels, Name, Owner
from .sheet import Sheet, word
from .sheet import name as text
from .system import open_system
from .terminal import ago, err, out, print_json
from .watch import short
from .workflow import AsJson, standing, took, workflow_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import WorkflowView


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_workflows)


def list_workflows(
    status: Annotated[
        WorkflowStatus | None, typer.Option("--status", "-s", help="Only workflows with this status.")
    ] = None,
    project: AnyProject = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Show at most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List workflows, newest first."""
    projects = None if project is None else (project,)
    where = WorkflowFilter(projects=projects, labels=labels_of(label or []), owner=owner, name=name)
    with open_system() as local:
        views = local.workflows(status, limit, where=where)
        if as_json:
            for view in views:
                print_json(workflow_value(view))
            return
        if not views:
            err().print(_nothing(status, where))
            return
        _sheet(views).print(out())


def _nothing(status: WorkflowStatus | None, where: WorkflowFilter) -> str:
    if where != WorkflowFilter():
        return "No workflow matches."
    return "No workflows yet." if status is None else f"No workflow is {status}."


def _sheet(views: Sequence[WorkflowView]) -> Sheet:
    """A table of workflows; it says their projects only if there are several."""
    has_projects = any(view.project != DEFAULT_PROJECT for view in views)
    projects = [text("Project")] if has_projects else []
    columns = text("Status"), word("Created", 1), word("Took", 2), text("Output", 3)
    sheet = Sheet(word("ID"), *projects, text("Name"), *columns)
    for view in views:
        whose = [view.project] if has_projects else []
        facts = standing(view), ago(view.created_at), took(view), view.labels.get(OUTPUT, "")
        sheet.add(short(view), *whose, view.name, *facts)
    return sheet
