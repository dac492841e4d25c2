"""``eopiez list``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..model.status import WorkflowStatus
from .labels import OUTPUT
from .system import open_system
from .terminal import ago, err, out, print_json
from .watch import short
from .workflow import AsJson, standing, took, workflow_value


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_workflows)


def list_workflows(
    status: Annotated[
        WorkflowStatus | None, typer.Option("--status", "-s", help="Only those with this status.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")] = 20,
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
            err().print("No workflow yet." if status is None else f"No workflow is {status}.")
            return
        table = Table("ID", "Name", "Status", "Created", "Took", "Output", box=box.SIMPLE_HEAD, pad_edge=False)
        for view in views:
            output = escape(view.labels.get(OUTPUT, ""))
            table.add_row(short(view), escape(view.name), standing(view), ago(view.created_at), took(view), output)
        out().print(table)
