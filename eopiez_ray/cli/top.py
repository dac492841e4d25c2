"""``eopiez top``: what the system does now, live in the terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from ..model.filters import Order, WorkflowFilter
from ..model.status import WorkflowStatus
from . import measured
from .requests import AsJson
from .selection import AnyProject
from .sheet import Sheet, figure
from .sheet import name as text
from .system import open_system
from .terminal import duration, one_line, out, print_json
from .top_state import Cell, Page, State, Table, nodes, phases, queues
from .workflow import took

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from ..store import WorkflowView
    from .system import System

LIVE = (WorkflowStatus.QUEUED, WorkflowStatus.RUNNING, WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING)
MOST = 500
"""Workflows that are looked at."""
RECENT = timedelta(minutes=15)
"""How far back figures of phases go."""
KEY_S = 0.1
"""Seconds within which a key has its effect."""
HELP = "w workflows · u queues · n nodes · p phases · s sort · r reverse · / filter · q quit"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(top)


def top(
    page: Annotated[Page, typer.Argument(help="What to begin with.")] = Page.WORKFLOWS,
    project: AnyProject = None,
    every: Annotated[
        float, typer.Option("--every", min=0.2, max=3600, metavar="SECONDS", help="Look again after so long.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once; so it is too if this is no terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show workflows, queues, nodes or phases as they are now.

    Keys: **w** workflows, **u** queues, **n** nodes, **p** phases; **s** sorts by the next column, **r** reverses,
    **/** filters, **q** quits. Queues, nodes and phases are measured by **eopiez up** and **eopiez orchestrate**.
    """
    with open_system() as system:
        if as_json:
            table = looked(system, page, project)
            for row in table.rows:
                print_json(dict(zip(table.columns, (cell.value for cell in row), strict=True)))
        elif once or not (sys.stdin.isatty() and out().is_terminal):
            out().print(_shown(State(page), looked(system, page, project), is_live=False))
        else:
            _follow(system, State(page), project, every)


def looked(system: System, page: Page, project: str | None) -> Table:
    """What a page shows now."""
    if page is Page.WORKFLOWS:
        return _workflows(system, project)
    if page is Page.PHASES:
        question = measured.Question(RECENT, ["phase"], {}, project)
        return phases(measured.performance(system, question)["groups"])
    found = measured.metrics(system, project)
    return queues(found) if page is Page.QUEUES else nodes(found)


def _workflows(system: System, project: str | None) -> Table:
    where = WorkflowFilter(statuses=LIVE, projects=None if project is None else (project,))
    found = system.workflows(None, MOST, where=where, order=Order.NEWEST)
    columns = "Age", "Workflow", "Name", "Project", "Owner", "Status", "Priority", "Took"
    return Table(columns, [_row(view) for view in found])


def _row(view: WorkflowView) -> tuple[Cell, ...]:
    age = (datetime.now(UTC) - view.created_at).total_seconds()
    texts = str(view.id)[-8:], view.name, view.project, view.owner, view.status.value
    return (
        Cell(duration(age), age),
        *(Cell(each, each) for each in texts),
        Cell(str(view.priority), view.priority),
        Cell(took(view), age if view.started_at else 0.0),
    )


def _follow(system: System, state: State, project: str | None, every: float) -> None:
    """Show it until the user quits."""
    with _keys() as keys, Live(console=out(), screen=True, auto_refresh=False) as live:
        table, due_at = Table((), []), 0.0
        while not state.is_over:
            if time.monotonic() >= due_at:
                table, due_at = looked(system, state.page, project), time.monotonic() + every
            live.update(_shown(state, table, is_live=True), refresh=True)
            before = state
            for key in next(keys):
                state = state.pressed(key, len(table.columns))
            if state.page is not before.page:
                due_at = 0.0


def _shown(state: State, table: Table, *, is_live: bool) -> RenderableType:
    """A page: what is chosen, the rows, and what keys there are."""
    rows = state.chosen(table)
    sheet = Sheet(*(text(each) if at == 0 else figure(each, max(0, at - 4)) for at, each in enumerate(table.columns)))
    for row in rows[: max(1, out().height - 5)] if is_live else rows:
        sheet.add(*(cell.shown for cell in row))
    if not is_live:
        return sheet.fitted(out().width)
    order = table.columns[min(state.sort, len(table.columns) - 1)] if table.columns else ""
    cursor = "_" if state.is_typing else ""
    filtered = f" · filter: {one_line(state.filter)}{cursor}" if state.filter or state.is_typing else ""
    head = f"{state.page} · {len(rows):,} of {len(table.rows):,} · by {order}{filtered}"
    return Group(Text(head, "bold"), sheet.fitted(out().width), Text(HELP, "bright_black"))


@contextmanager
def _keys() -> Iterator[Iterator[str]]:
    """Keys as they are pressed, several if they were quick, none if none was for ``KEY_S``; the terminal is as before
    afterwards."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield _pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int) -> Iterator[str]:
    import os
    import select

    while True:
        ready, _, _ = select.select([descriptor], [], [], KEY_S)
        typed = os.read(descriptor, 1024).decode(errors="replace") if ready else ""
        yield typed[:1] if typed.startswith("\x1b") else typed  # A key such as an arrow sends more than the escape.
