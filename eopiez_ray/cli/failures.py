"""``eopiez failures``: tasks that were given up, and workflows that are quarantined."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .requests import AsJson
from .selection import AnyProject, ErrorType, Ids, Labels, Name, Owner, choose
from .sheet import Sheet, figure, word
from .sheet import name as text
from .system import open_system
from .terminal import ago, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import GivenUp, SetAside


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(failures)


def failures(
    ids: Ids = None,
    label: Labels = None,
    project: AnyProject = None,
    owner: Owner = None,
    name: Name = None,
    error: ErrorType = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="Show at most this many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List tasks that were given up and workflows that are quarantined, latest first.

    To start them again, use **eopiez retry** with the same options.
    """
    is_narrowed = any((ids, label, owner, name, error))
    chosen = choose(ids, label, owner, name, None, error, not is_narrowed, project=project)
    with open_system() as local:
        selection = replace(chosen.selection(local), projects=None if project is None else (project,))
        tasks, aside = local.given_up(selection, limit=limit), local.set_aside(selection, limit)
    if as_json:
        for value in (*map(_failure_value, tasks), *map(_aside_value, aside)):
            print_json(value)
        return
    if not tasks and not aside:
        err().print("No task was given up, and no workflow is quarantined.")
    if tasks:
        _failures_sheet(tasks).print(out())
    if aside:
        _aside_sheet(aside).print(out())
    if limit in {len(tasks), len(aside)}:
        err().print(f"[bright_black]There may be more: these are the last {limit:,}.[/]")


def _failures_sheet(tasks: Sequence[GivenUp]) -> Sheet:
    columns = text("Name", 1), text("Task"), figure("Attempts", 2), text("Error"), word("When", 3)
    sheet = Sheet(word("Workflow"), *columns)
    for task in tasks:
        error = f"{task.error_type} {task.message.partition(chr(10))[0]}"
        place = f"{task.step}/{task.partition}"
        sheet.add(_short(task), task.workflow, place, f"{task.attempts:,}", error, ago(task.ended_at))
    return sheet


def _aside_sheet(aside: Sequence[SetAside]) -> Sheet:
    sheet = Sheet(word("Quarantined"), text("Name", 1), text("Error"), word("When", 2))
    for each in aside:
        sheet.add(_short(each), each.workflow, each.message.partition("\n")[0], ago(each.at))
    return sheet


def _short(row: GivenUp | SetAside) -> str:
    return str(row.workflow_id)[-8:]


def _failure_value(task: GivenUp) -> dict[str, Any]:
    names = ("step", "partition", "attempts", "outcome", "error_type", "message", "worker", "ended_at")
    return {"workflow": task.workflow_id, "name": task.workflow} | {name: getattr(task, name) for name in names}


def _aside_value(each: SetAside) -> dict[str, Any]:
    """A quarantined workflow as a row, where no task is at fault."""
    nothing = dict.fromkeys(("step", "partition", "attempts", "worker"))
    facts = {"outcome": "quarantined", "error_type": each.error_type, "message": each.message, "ended_at": each.at}
    return {"workflow": each.workflow_id, "name": each.workflow} | nothing | facts
