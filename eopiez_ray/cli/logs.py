"""``eopiez logs``: what phases logged and printed."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from .system import open_system
from .terminal import out, print_json
from .workflow import AsJson, NamedOrLatest, find

FOLLOW_S = 0.5
"""Seconds between looks for new log lines."""
PAGE = 1000
"""Log lines fetched at a time."""
LEVELS = {"debug": "bright_black", "warning": "yellow", "error": "red", "critical": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logs)


def logs(
    workflow: NamedOrLatest = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing until the workflow is at rest.")
    ] = False,
    step: Annotated[
        str | None, typer.Option("--step", help="Only this step, or content phase such as `themes`.")
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, help="Only tasks of this partition.", show_default=False)
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level", help="Only this level and above: debug, info, warning, error, critical.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what a workflow's phases logged and printed; with --step and --partition, a single task's."""
    with open_system() as local:
        handle, after = find(local, workflow), 0
        while True:
            is_at_rest = handle.status.is_at_rest
            lines = handle.logs(after, step=step, partition=partition, level=level)
            for line in lines:
                after = line.id
                _print_log(line, as_json=as_json)
            if len(lines) < PAGE and (is_at_rest or not follow):
                return
            if len(lines) < PAGE:
                time.sleep(FOLLOW_S)


def _print_log(line: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "at": line.at,
                "step": line.step,
                "partition": line.partition,
                "level": line.level,
                "message": line.message,
            }
        )
        return
    colour = LEVELS.get(line.level, "default")
    at = line.at.astimezone().strftime("%H:%M:%S")
    place = escape(f"{line.step}[{line.partition}]")
    out().print(f"[bright_black]{at} {place}[/] [{colour}]{line.level:<7}[/] {escape(line.message)}")
