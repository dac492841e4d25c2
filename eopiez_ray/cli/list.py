"""``eopiez list``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..model.status import WorkflowStatus
from .labels import OUTPUT
from .sheet import Sheet, name, word
from .system import open_system
from .terminal import ago, err, out, print_json
from .watch import short
from .workflow import AsJson, standing, took, workflow_value


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_workflows)


def list_workflows(
    status: Annotated[
        WorkflowStatus | None, typer.Option("--status", "-s", help="Only workflows with this status.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Show at most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List workflows, newest first."""
    with open_system() as local:
        views = local.workflows(status, limit)
        if as_json:
            for view in views:
                print_json(workflow_value(view))
            return
        if not views:
            err().print("No workflows yet." if status is None else f"No workflow is {status}.")
            return
        sheet = Sheet(word("ID"), name("Name"), name("Status"), word("Created", 1), word("Took", 2), name("Output", 3))
        for view in views:
            output = view.labels.get(OUTPUT, "")
            sheet.add(short(view), view.name, standing(view), ago(view.created_at), took(view), output)
        sheet.print(out())
