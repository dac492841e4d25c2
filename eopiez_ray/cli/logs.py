"""``eopiez logs``: what phases logged and printed, and what all parts of the system say."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from ..errors import ParameterError
from .stream import Wanted, print_system_log
from .system import open_system
from .terminal import err, out, print_json
from .workflow import AsJson, NamedOrLatest, find

FOLLOW_S = 0.5
"""Seconds between looks for new log lines."""
PAGE = 1000
"""Log lines fetched at a time."""
LEVELS = {"debug": "bright_black", "warning": "yellow", "error": "red", "critical": "red"}


class _Logs(TyperGroup):
    """``eopiez logs`` itself prints lines; only ``eopiez logs level`` is a command of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] != ["level"]:
            args = ["print", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(cls=_Logs, rich_markup_mode="markdown", help=logs.__doc__)
    group.command("print")(logs)
    group.command("level")(level)
    app.add_typer(group, name="logs")


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
    system: Annotated[
        bool, typer.Option("--system", help="What all parts of the system say, and all tasks, in one stream.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(help="With --system: only gateway, orchestrator, supervisor or task.", show_default=False),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="With --system: only tasks of this project.", show_default=False)
    ] = None,
    request: Annotated[
        str | None, typer.Option(help="With --system: only lines of this request.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="With --system: only lines that contain this.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="With --system: only lines of the last 30m, 12h, 7d.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="With --system: how many of the latest lines.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Print what a workflow's phases logged and printed; with --step and --partition, a single task's.

    With --system, what gateway, orchestrators and supervisor say as well, and the tasks of all workflows.
    """
    if system:
        named = None if workflow is None else _id_of(workflow)
        wanted = Wanted(named, step, level, part, project, request, text, since, limit)
        print_system_log(wanted, follow=follow, as_json=as_json)
        return
    if any(given is not None for given in (part, project, request, text, since)):
        raise ParameterError("--part, --project, --request, --text and --since need --system")
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


def level(
    logger: Annotated[
        str | None, typer.Argument(help="A logger, such as eopiez_ray.gateway, or root.", show_default=False)
    ] = None,
    level: Annotated[
        str | None,
        typer.Argument(help="debug, info, warning, error or critical; `normal` lifts it.", show_default=False),
    ] = None,
) -> None:
    """Set from which level on a logger says something: on every replica and orchestrator, within seconds.

    Without arguments, list the loggers whose levels were set.

    **Examples**

    ```
    eopiez logs level eopiez_ray.gateway debug
    eopiez logs level eopiez_ray.gateway normal
    ```
    """
    from .stream import lift_level, list_levels, set_level

    if logger is None:
        list_levels()
    elif level is None:
        raise ParameterError(f"say which level {logger!r} gets; `normal` lifts it")
    elif level == "normal":
        lift_level(logger)
        err().print(f"{escape(logger)} has the level again that it began with.")
    else:
        set_level(logger, level)
        err().print(f"{escape(logger)} says something from {escape(level)} on.")


def _id_of(workflow: str) -> str:
    with open_system() as local:
        return str(local.workflow(workflow).id)


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
