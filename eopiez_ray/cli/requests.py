"""What ``eopiez pause | resume | cancel | retry`` share: asking, waiting, and reporting on each workflow."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ..errors import TransitionError, WorkflowNotFoundError
from ..model.requests import Answer, Selection, Verb
from ..model.status import WorkflowStatus
from .conclusion import conclude
from .crowd import see_all_through, until_rest
from .displays import display_for
from .selection import Chosen
from .sheet import Sheet, name, word
from .terminal import coloured, err, one_line, out, print_json
from .watch import see_through

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..model.options import RequestOptions
    from .system import Handle, System

RESTS = {Verb.PAUSE: WorkflowStatus.PAUSED, Verb.CANCEL: WorkflowStatus.CANCELLED}

Now = Annotated[bool, typer.Option("--now", help="Stop tasks in flight and requeue them; the attempt does not count.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, kept in the history.", show_default=False)]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks; your login name by default.", show_default=False)
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only send the request; do not wait for its effect.")]
OnlyQueue = Annotated[
    bool, typer.Option("--no-wait", help="Only queue them for another process to drive; do not start Ray here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Cpus = Annotated[int | None, typer.Option("--cpus", min=1, help="CPUs to use; all by default.", show_default=False)]


def options_of(by: str | None, why: str) -> RequestOptions:
    """Who asks and why, as a request takes them."""
    return {"why": why} if by is None else {"why": why, "by": by}


def named(local: System, chosen: Chosen) -> Handle:
    """The one workflow that was named."""
    assert chosen.ids is not None
    return local.workflow(chosen.ids[0], chosen.project)


def see_and_conclude(workflow: Handle, begin: Callable[[], object] | None, *, as_json: bool) -> None:
    """Watch a workflow until it is at rest, and print how it ended. Errors as in ``conclude``."""
    if workflow.is_remote and begin is not None:
        begin()  # An orchestrator there drives it.
        begin = None
    with display_for(as_json=as_json) as display:
        outcome = see_through(workflow, display, begin)
    conclude(workflow, outcome, as_json=as_json)


def bring_to_rest(
    local: System,
    verb: Verb,
    chosen: Chosen,
    ask: Callable[[Selection], list[Answer]],
    *,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Make the request, wait for its effect, and print the outcome."""
    answers = ask(chosen.selection(local))
    if not no_wait:
        if any(answer.status is not None and not answer.status.is_at_rest for answer in answers):
            err().print("[bright_black]waiting for tasks in flight …[/]")
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
        raise TransitionError(str(answer.id), verb, f"already {answer.status}")
    if verb is Verb.PAUSE:
        err().print(f"Continue with: [bold]eopiez resume {_short(answer)}[/]")


def set_going(
    local: System, verb: Verb, chosen: Chosen, options: RequestOptions, *, no_wait: bool, as_json: bool
) -> None:
    """Queue them, and drive them all here until they are at rest, unless others should."""
    selection = chosen.selection(local)
    if local.is_remote:
        _set_going_elsewhere(local, local.queue(verb, selection, **options), no_wait=no_wait, as_json=as_json)
        return
    if no_wait:
        _tell(local.queue(verb, selection, **options), as_json=as_json)
        return
    begin = partial(local.resume if verb is Verb.RESUME else local.retry, selection, **options)
    is_any = local.count(verb, selection) > 0
    seen = see_all_through(local, begin, starts_ray=is_any, as_json=as_json)
    _tell(seen.answers, as_json=as_json, code=seen.exit_code)


def _set_going_elsewhere(local: System, answers: list[Answer], *, no_wait: bool, as_json: bool) -> None:
    """Wait for what orchestrators elsewhere drive, and print the outcome. Whoever interrupts this stops none of it."""
    if no_wait:
        _tell(answers, as_json=as_json)
        return
    answers = until_rest(local, answers, lambda _: [])
    _tell(answers, as_json=as_json, code=int(any(answer.status is not WorkflowStatus.SUCCEEDED for answer in answers)))


def _tell(answers: Sequence[Answer], *, as_json: bool, code: int = 0) -> None:
    """Print the outcome for each workflow.

    Raises:
        typer.Exit: a request was refused, or the code is not 0.
    """
    if as_json:
        for answer in answers:
            print_json({"workflow": answer.id, **{key: getattr(answer, key) for key in ("name", "status", "refusal")}})
    elif not answers:
        err().print("No workflow matches.")
    else:
        _answers_sheet(answers).print(out())
        found = Counter("refused" if answer.refusal else str(answer.status) for answer in answers)
        err().print(", ".join(f"{number:,} {status}" for status, number in found.most_common()))
    code = code or int(any(answer.refusal for answer in answers))
    if code:
        raise typer.Exit(code)


def _answers_sheet(answers: Sequence[Answer]) -> Sheet:
    sheet = Sheet(word("ID"), name("Name", 1), word("Status"), name(""))
    for answer in answers:
        status = coloured(answer.status) if answer.status is not None else "–"
        sheet.add(_short(answer), answer.name, status, Text(one_line(answer.refusal), "red"))
    return sheet


def _short(answer: Answer) -> str:
    return str(answer.id)[-8:]
