"""``eopiez failures``: what failed workflows have given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from .requests import AsJson
from .selection import ErrorType, Ids, Labels, Name, Owner, choose
from .system import open_system
from .terminal import ago, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import GivenUp


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(failures)


def failures(
    ids: Ids = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    error: ErrorType = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the tasks that failed workflows have given up, the last ones first.

    They start again with **eopiez retry** and the same options.
    """
    is_narrowed = any((ids, label, owner, name, error))
    chosen = choose(ids, label, owner, name, None, error, not is_narrowed)
    with open_system() as local:
        tasks = local.given_up(chosen.selection(local), limit=limit)
    if as_json:
        for task in tasks:
            print_json(_failure_value(task))
        return
    if not tasks:
        err().print("No task was given up.")
        return
    out().print(_failures_table(tasks))
    if len(tasks) == limit:
        err().print(f"[bright_black]There may be more: these are the last {limit:,}.[/]")


def _failures_table(tasks: Sequence[GivenUp]) -> Table:
    table = Table(
        "Workflow", "Name", "Step", "Partition", "Attempts", "Error", "When", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for task in tasks:
        error = f"[red]{escape(task.error_type)}[/] {escape(task.message.partition(chr(10))[0])}"
        place = (str(task.workflow_id)[-8:], escape(task.workflow), escape(task.step), f"{task.partition:,}")
        table.add_row(*place, f"{task.attempts:,}", error, ago(task.ended_at))
    return table


def _failure_value(task: GivenUp) -> dict[str, Any]:
    names = ("step", "partition", "attempts", "outcome", "error_type", "message", "worker", "ended_at")
    return {"workflow": task.workflow_id, "name": task.workflow} | {name: getattr(task, name) for name in names}
