"""``eopiez pause | resume | cancel | retry | failures``: of one workflow, or of all that are selected."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..errors import TransitionError, WorkflowNotFoundError
from ..model.requests import Answer, Mode, Selection, Timers, Verb
from ..model.status import WorkflowStatus
from .concluding import OUTPUT, conclude
from .displays import display_for
from .driving import see_through, short
from .plans import labels_of
from .system import open_system, read_settings
from .terminal import ago, coloured, counted, err, out, print_json, results_only
from .waiting import see_all_through, until_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..engine.handle import Workflow
    from ..engine.local import Local
    from ..engine.options import RequestOptions
    from ..store import GivenUp

RESTS = {Verb.PAUSE: WorkflowStatus.PAUSED, Verb.CANCEL: WorkflowStatus.CANCELLED}

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Workflows by id, or a beginning or end of it.", show_default=False),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="KEY=VALUE", help="Those with this label; may be repeated."),
]
Owner = Annotated[str | None, typer.Option("--owner", help="Those of this owner.")]
Name = Annotated[str | None, typer.Option("--name", help="Those of this name.")]
Statuses = Annotated[
    list[WorkflowStatus] | None, typer.Option("--status", "-s", help="Those with this status; may be repeated.")
]
ErrorType = Annotated[
    str | None, typer.Option("--error", metavar="TYPE", help="Those with a task that was given up with this error.")
]
Everything = Annotated[bool, typer.Option("--all", help="All workflows that it concerns.")]
Now = Annotated[bool, typer.Option("--now", help="Stop tasks in flight and hand them back, uncounted.")]
TimersOption = Annotated[
    Timers, typer.Option("--timers", help="Whether the waits of failed tasks for their next attempt run on meanwhile.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is kept and shown.", show_default=False)]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks; your login name by default.", show_default=False)
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask for it; do not wait until it is so.")]
OnlyQueue = Annotated[
    bool, typer.Option("--no-wait", help="Only queue them, for another process to drive; do not start Ray here.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before several are cancelled.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")]
Cpus = Annotated[int | None, typer.Option("--cpus", min=1, help="CPUs to use; all by default.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (pause, resume, retry, cancel, failures):
        app.command()(command)


class _Chosen(NamedTuple):
    """Which workflows were named or described on the command line."""

    ids: list[str] | None
    labels: dict[str, str]
    owner: str | None
    name: str | None
    statuses: list[WorkflowStatus] | None = None
    error_type: str | None = None
    everything: bool = False

    @property
    def is_one(self) -> bool:
        """Whether a single workflow was named, and nothing else said."""
        return self.ids is not None and len(self.ids) == 1 and not any(self[1:])

    def selection(self, local: Local) -> Selection:
        """What is meant.

        Raises:
            WorkflowNotFoundError: an id is of none or of several.
        """
        return Selection(
            ids=tuple(local.workflow(text).id for text in self.ids) if self.ids else None,
            labels=self.labels,
            owner=self.owner,
            name=self.name,
            statuses=tuple(self.statuses) if self.statuses else None,
            error_type=self.error_type,
            everything=self.everything,
        )


def _choose(ids: list[str] | None, labels: list[str] | None, *others: Any) -> _Chosen:
    """What was chosen, once it is known to be something.

    Raises:
        typer.BadParameter: nothing was said.
        ParameterError: a label has no value.
    """
    chosen = _Chosen(ids, labels_of(labels or []), *others)
    if not any(chosen):
        raise typer.BadParameter("name workflows by their ids, or select them by --label, --owner … or --all")
    return chosen


def pause(
    ids: Ids = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    status: Statuses = None,
    everything: Everything = False,
    now: Now = False,
    timers: TimersOption = Timers.RUNNING,
    why: Why = "",
    by: By = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Let workflows finish what is in flight and stop there; their resources are given back.

    Example: eopiez pause --label team=blue --now --why maintenance
    """
    chosen = _choose(ids, label, owner, name, status, None, everything)
    options = _options(by, why) | {"mode": Mode.NOW if now else Mode.DRAIN, "timers": timers}
    with open_system() as local:
        ask: Callable[[Selection], list[Answer]] = partial(local.pause, **options)
        _bring_to_rest(local, Verb.PAUSE, chosen, ask, no_wait=no_wait, as_json=as_json)


def cancel(
    ids: Ids = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    status: Statuses = None,
    everything: Everything = False,
    now: Now = False,
    why: Why = "",
    by: By = None,
    no_wait: NoWait = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End workflows. Finished steps keep their results; **retry** would still go on.

    Example: eopiez cancel --name nightly --status paused
    """
    chosen = _choose(ids, label, owner, name, status, None, everything)
    options = _options(by, why) | {"mode": Mode.NOW if now else Mode.DRAIN}
    with open_system() as local:
        if not chosen.is_one and not yes and sys.stdin.isatty():
            count = local.count(Verb.CANCEL, chosen.selection(local))
            typer.confirm(f"Cancel {counted(count, 'workflow')}?", abort=True, err=True)
        ask: Callable[[Selection], list[Answer]] = partial(local.cancel, **options)
        _bring_to_rest(local, Verb.CANCEL, chosen, ask, no_wait=no_wait, as_json=as_json)


def resume(
    ids: Ids = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    status: Statuses = None,
    everything: Everything = False,
    why: Why = "",
    by: By = None,
    no_wait: OnlyQueue = False,
    as_json: AsJson = False,
    cpus: Cpus = None,
) -> None:
    """Go on with workflows that were paused, or whose process died. Nothing that had finished runs again.

    Workflows that another process drives are only watched.
    """
    chosen, options = _choose(ids, label, owner, name, status, None, everything), _options(by, why)
    with results_only(), open_system(read_settings(cpus=cpus)) as local:
        if not chosen.is_one or no_wait:
            _set_going(local, Verb.RESUME, chosen, options, no_wait=no_wait, as_json=as_json)
            return
        handle = _named(local, chosen)
        view = handle.view()
        if view.status is WorkflowStatus.SUCCEEDED:
            err().print(f"It has succeeded already: {escape(view.labels.get(OUTPUT, str(view.id)))}")
            return
        if view.status in {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED}:
            raise TransitionError(
                str(view.id), "resume", f"{view.status}; `eopiez retry {short(view)}` starts it again"
            )
        begin = None if handle.is_driven else partial(handle.resume, **options)
        _see_and_conclude(handle, begin, as_json=as_json)


def retry(
    ids: Ids = None,
    label: Labels = None,
    owner: Owner = None,
    name: Name = None,
    status: Statuses = None,
    error: ErrorType = None,
    everything: Everything = False,
    why: Why = "",
    by: By = None,
    no_wait: OnlyQueue = False,
    as_json: AsJson = False,
    cpus: Cpus = None,
) -> None:
    """Start the failed tasks of failed or cancelled workflows anew; finished ones keep their results.

    Cancelled workflows must be named, or selected by **--status cancelled**. **eopiez failures** shows what was given
    up, by the same options.
    """
    chosen, options = _choose(ids, label, owner, name, status, error, everything), _options(by, why)
    with results_only(), open_system(read_settings(cpus=cpus)) as local:
        if not chosen.is_one or no_wait:
            _set_going(local, Verb.RETRY, chosen, options, no_wait=no_wait, as_json=as_json)
            return
        handle = _named(local, chosen)
        view = handle.view()
        if view.status not in {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED}:
            raise TransitionError(str(view.id), "retry", f"{view.status}; only what failed or was cancelled is retried")
        _see_and_conclude(handle, partial(handle.retry, **options), as_json=as_json)


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
    chosen = _choose(ids, label, owner, name, None, error, not is_narrowed)
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


def _options(by: str | None, why: str) -> RequestOptions:
    return {"why": why} if by is None else {"why": why, "by": by}


def _named(local: Local, chosen: _Chosen) -> Workflow:
    assert chosen.ids is not None
    return local.workflow(chosen.ids[0])


def _see_and_conclude(workflow: Workflow, begin: Callable[[], object] | None, *, as_json: bool) -> None:
    with display_for(as_json=as_json) as display:
        outcome = see_through(workflow, display, begin)
    conclude(workflow, outcome, as_json=as_json)


def _bring_to_rest(
    local: Local,
    verb: Verb,
    chosen: _Chosen,
    ask: Callable[[Selection], list[Answer]],
    *,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Ask for it, wait until it is so, and say what became of it."""
    answers = ask(chosen.selection(local))
    if not no_wait:
        if any(answer.status is not None and not answer.status.is_at_rest for answer in answers):
            err().print("[bright_black]waiting for what is in flight …[/]")
        answers = until_rest(local, answers, ask)
    if not chosen.is_one or as_json:
        _tell(answers, as_json=as_json)
        return
    (answer,) = answers
    if answer.status is None:
        raise WorkflowNotFoundError(str(answer.id))
    if answer.refusal:
        raise TransitionError(str(answer.id), verb, answer.status)
    err().print(f"{_short(answer)} is", coloured(answer.status))
    if answer.status is not RESTS[verb] and not no_wait:
        raise TransitionError(str(answer.id), verb, f"{answer.status} already")
    if verb is Verb.PAUSE:
        err().print(f"Go on with: [bold]eopiez resume {_short(answer)}[/]")


def _set_going(
    local: Local, verb: Verb, chosen: _Chosen, options: RequestOptions, *, no_wait: bool, as_json: bool
) -> None:
    """Queue them, and drive them all here until they rest, unless that is for others."""
    selection = chosen.selection(local)
    if no_wait:
        _tell(local.queue(verb, selection, **options), as_json=as_json)
        return
    begin = partial(local.resume if verb is Verb.RESUME else local.retry, selection, **options)
    is_any = local.count(verb, selection) > 0
    seen = see_all_through(local, begin, starts_ray=is_any, as_json=as_json)
    _tell(seen.answers, as_json=as_json, code=seen.exit_code)


def _tell(answers: Sequence[Answer], *, as_json: bool, code: int = 0) -> None:
    """What became of each.

    Raises:
        typer.Exit: something was refused, or the code is not 0.
    """
    if as_json:
        for answer in answers:
            print_json({"workflow": answer.id, **{key: getattr(answer, key) for key in ("name", "status", "refusal")}})
    elif not answers:
        err().print("No workflow is meant.")
    else:
        out().print(_answers_table(answers))
        found = Counter("refused" if answer.refusal else str(answer.status) for answer in answers)
        err().print(", ".join(f"{number:,} {status}" for status, number in found.most_common()))
    code = code or int(any(answer.refusal for answer in answers))
    if code:
        raise typer.Exit(code)


def _answers_table(answers: Sequence[Answer]) -> Table:
    table = Table("ID", "Name", "Status", "", box=box.SIMPLE_HEAD, pad_edge=False)
    for answer in answers:
        status = coloured(answer.status) if answer.status is not None else "–"
        table.add_row(_short(answer), escape(answer.name), status, f"[red]{escape(answer.refusal)}[/]")
    return table


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


def _short(answer: Answer) -> str:
    return str(answer.id)[-8:]
