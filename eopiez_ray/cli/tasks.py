"""``eopiez tasks``: what was done, task by task."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..errors import ParameterError
from ..model.filters import AttemptFilter, TaskFilter
from ..model.status import Outcome
from ..model.tasks import TaskKey
from .sheet import Sheet, figure, name, word
from .system import open_system
from .terminal import duration, err, moment, out, print_json, size
from .watch import short
from .workflow import AsJson, NamedOrLatest, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..store import AttemptView, TaskView
    from .system import Handle

TABLE = 1000
"""Rows per table; ``--all`` may print several."""
WHICH, SHOWN = "Which", "How they are shown"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tasks)


Step = Annotated[str | None, typer.Option(help="Only tasks of this step.", rich_help_panel=WHICH, show_default=False)]
Worker = Annotated[
    str | None, typer.Option(help="Only tasks of this worker.", rich_help_panel=WHICH, show_default=False)
]
Host = Annotated[str | None, typer.Option(help="Only tasks on this host.", rich_help_panel=WHICH, show_default=False)]
Node = Annotated[
    str | None,
    typer.Option(help="Only tasks on this node, by Ray's id.", rich_help_panel=WHICH, show_default=False),
]
SlowerThan = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0, help="Only tasks that took longer.", rich_help_panel=WHICH, show_default=False
    ),
]
MemoryAbove = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Only tasks whose worker held more memory, such as 500MB or 4GiB.",
        rich_help_panel=WHICH,
        show_default=False,
    ),
]
Cached = Annotated[
    bool, typer.Option("--cached", help="Only tasks whose result came from the cache.", rich_help_panel=WHICH)
]
Rejects = Annotated[bool, typer.Option("--rejects", help="Only tasks that rejected rows.", rich_help_panel=WHICH)]
Failed = Annotated[
    bool,
    typer.Option(
        "--failed", help="List attempts that ended without a result, not finished tasks.", rich_help_panel=WHICH
    ),
]
OutcomeOption = Annotated[
    Outcome | None,
    typer.Option(help="Only attempts with this outcome.", rich_help_panel=WHICH, show_default=False),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most this many.", rich_help_panel=SHOWN)]
Every = Annotated[bool, typer.Option("--all", help="Show them all.", rich_help_panel=SHOWN)]
After = Annotated[
    str | None,
    typer.Option(
        metavar="STEP/PARTITION",
        help="Begin after this task or, with --failed, after the attempt with this number.",
        rich_help_panel=SHOWN,
        show_default=False,
    ),
]


def tasks(
    workflow: NamedOrLatest = None,
    step: Step = None,
    worker: Worker = None,
    host: Host = None,
    node: Node = None,
    slower_than: SlowerThan = None,
    memory_above: MemoryAbove = None,
    cached: Cached = False,
    rejects: Rejects = False,
    failed: Failed = False,
    outcome: OutcomeOption = None,
    limit: Limit = 50,
    every: Every = False,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List a workflow's finished tasks, with their time, memory and worker, or its failed attempts.

    Tasks come in order of step and partition, attempts in order of time. Paging through a million is as quick as
    through ten.

    **Examples**

    ```
    eopiez tasks
    eopiez tasks 0b1c2d3e --step tidy --slower-than 60
    eopiez tasks --host node-7 --memory-above 4GiB
    eopiez tasks --failed --outcome lost
    eopiez tasks --all --json > tasks.jsonl
    ```
    """
    most = None if every else limit
    where = {"step": step, "worker": worker, "host": host, "node": node, "slower_than_s": slower_than}
    with open_system() as local:
        handle = find(local, workflow)
        if failed or outcome not in {None, Outcome.SUCCEEDED}:
            _refuse_with_attempts(cached=cached, rejects=rejects, memory_above=memory_above)
            attempts = AttemptFilter(**where, outcome=outcome)  # type: ignore[arg-type]
            found = handle.each_attempt(attempts, _attempt_number(after), most and most + 1)
            _print(found, _attempt_sheet, _attempt_value, most, as_json=as_json, more=_more_attempts(handle))
        else:
            bytes_ = None if memory_above is None else parse_size("--memory-above", memory_above)
            finished = TaskFilter(**where, more_than_bytes=bytes_, is_cached=cached, has_rejects=rejects)  # type: ignore[arg-type]
            ended = handle.tasks(finished, _task_key(handle, after), most and most + 1)
            _print(ended, _task_sheet, _task_value, most, as_json=as_json, more=_more_tasks(handle))


def parse_size(option: str, text: str) -> int:
    """Bytes from a number, or from a text such as ``4GiB``.

    Raises:
        ParameterError: it is neither.
    """
    from pydantic_core import PydanticCustomError

    from ..authoring.plans.policies import bytes_of

    if text.isdecimal():
        return int(text)
    try:
        return int(str(bytes_of(text)))
    except PydanticCustomError as error:
        raise ParameterError(
            f"{option} is {text!r}; give a number of bytes, or a size such as 500MB or 4GiB"
        ) from error


def _refuse_with_attempts(**given: bool | str | None) -> None:
    """Refuse options about results together with ``--failed``: those attempts have no result."""
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if named:
        raise ParameterError(f"{' and '.join(named)} select finished tasks, not attempts; leave out --failed")


def _task_key(handle: Handle, after: str | None) -> TaskKey | None:
    if after is None:
        return None
    step, _, partition = after.rpartition("/")
    positions = handle.view().plan.index()
    if step not in positions or not partition.isdecimal():
        raise ParameterError(f"--after is {after!r}; give a step and a partition, such as {next(iter(positions))}/17")
    return TaskKey(positions[step], int(partition))


def _attempt_number(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isdecimal():
        raise ParameterError(f"--after is {after!r}; with --failed, give the number of an attempt, as listed")
    return int(after)


def _print(
    rows: Iterator[Any],
    sheet: Callable[[list[Any]], Sheet],
    value: Callable[[Any], dict[str, Any]],
    most: int | None,
    *,
    as_json: bool,
    more: Callable[[Any], str],
) -> None:
    """Print up to ``most`` rows, and how to continue if there are more."""
    shown = 0
    last = None
    while chunk := list(islice(rows, TABLE if most is None else min(TABLE, most - shown))):
        shown, last = shown + len(chunk), chunk[-1]
        if as_json:
            for row in chunk:
                print_json(value(row))
        else:
            sheet(chunk).print(out())
    if last is None:
        err().print("None.")
    elif next(rows, None) is not None:
        err().print(f"There are more: {more(last)}", markup=False)


def _more_tasks(handle: Handle) -> Callable[[TaskView], str]:
    name = short(handle.view())
    return lambda last: f"eopiez tasks {name} … --after {last.step}/{last.partition}"


def _more_attempts(handle: Handle) -> Callable[[AttemptView], str]:
    name = short(handle.view())
    return lambda last: f"eopiez tasks {name} --failed … --after {last.id}"


def _task_sheet(rows: list[TaskView]) -> Sheet:
    sheet = Sheet(
        name("Task"), word("Began", 4), figure("Took"), figure("CPU", 5), figure("Memory", 2), figure("Rows", 3),
        figure("Rejected", 1), name("Worker", 7), name("Where", 6),
    )  # fmt: skip
    for row in rows:
        times = (Text("cached", "bright_black"), "–") if row.is_cached else (duration(row.wall_s), duration(row.cpu_s))
        memory = size(row.peak_bytes) if row.peak_bytes else "–"
        rejects = Text(f"{row.rejects:,}", "yellow") if row.rejects else "–"
        began = moment(row.started_at)
        sheet.add(_place(row), began, *times, memory, f"{row.rows:,}", rejects, row.worker, _where(row))
    return sheet


def _attempt_sheet(rows: list[AttemptView]) -> Sheet:
    sheet = Sheet(
        figure("No."), name("Task"), figure("Attempt", 1), word("Outcome"), word("Ended", 4), figure("Took", 3),
        name("Error", 2), name("Worker", 6), name("Where", 5),
    )  # fmt: skip
    for row in rows:
        outcome = Text(row.outcome, "bright_black" if row.is_forgiven else "red")
        took = duration((row.ended_at - row.started_at).total_seconds())
        error = f"{row.error_type}: {row.message}".partition("\n")[0]
        ended = moment(row.ended_at)
        sheet.add(str(row.id), _place(row), str(row.attempt), outcome, ended, took, error, row.worker, _where(row))
    return sheet


def _place(row: TaskView | AttemptView) -> str:
    return f"{row.step}/{row.partition}"


def _where(row: TaskView | AttemptView) -> str:
    return f"{row.host}, pid {row.pid}" if row.host else ""


def _task_value(row: TaskView) -> dict[str, Any]:
    names = (
        "step", "partition", "rows", "rejects", "size", "started_at", "wall_s", "cpu_s", "peak_bytes", "is_cached",
        "worker", "node", "host", "pid", "actor",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}


def _attempt_value(row: AttemptView) -> dict[str, Any]:
    names = (
        "id", "step", "partition", "attempt", "outcome", "error_type", "message", "traceback", "started_at",
        "ended_at", "retry_at", "retry_memory_bytes", "is_forgiven", "worker", "node", "host", "pid", "actor",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}
