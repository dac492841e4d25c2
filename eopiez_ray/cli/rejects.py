"""``eopiez rejects``: rows that steps could not use, and why."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from .sheet import Sheet, figure, name, word
from .system import open_system
from .terminal import err, out, print_json
from .workflow import AsJson, NamedOrLatest, find

if TYPE_CHECKING:
    from .system import Handle


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rejects)


def rejects(
    workflow: NamedOrLatest = None,
    step: Annotated[str | None, typer.Option(help="Only rows of this step.", show_default=False)] = None,
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.", show_default=False)] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="Count rows by reason instead.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most this many.")] = 50,
    every: Annotated[bool, typer.Option("--all", help="Show them all.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the rows that a workflow set aside because a step could not use them, or count them by reason."""
    with open_system() as system:
        found = find(system, workflow)
        if reasons:
            _count(found, as_json=as_json)
        else:
            _list(found, step, reason, None if every else limit, as_json=as_json)


def _list(workflow: Handle, step: str | None, reason: str | None, limit: int | None, *, as_json: bool) -> None:
    rows, is_empty = workflow.rejects(step, reason, limit), True
    while some := [*islice(rows, TABLE)]:
        is_empty = False
        if as_json:
            for each in some:
                print_json(asdict(each))
            continue
        sheet = Sheet(
            name("Step"), figure("Partition"), figure("Rows"), name("Source"), word("Reason"), word("Begins", 1)
        )
        for each in some:
            sheet.add(each.step, str(each.partition), f"{each.rows:,}", each.source, each.reason, each.sample)
        sheet.print(out())
    if is_empty and not as_json:
        err().print("It has set no such rows aside.")


def _count(workflow: Handle, *, as_json: bool) -> None:
    counts = workflow.reject_reasons()
    if as_json:
        for each in counts:
            print_json(asdict(each))
        return
    if not counts:
        err().print("It has set no rows aside.")
        return
    sheet = Sheet(name("Step"), figure("Rows"), word("Reason"))
    for each in counts:
        sheet.add(each.step, f"{each.rows:,}", each.reason)
    sheet.print(out())


TABLE = 1000
"""Rows per table; ``--all`` may print several."""
