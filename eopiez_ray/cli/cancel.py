"""``eopiez cancel``."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ..model.requests import Answer, Mode, Selection, Verb
from .requests import AsJson, By, Now, NoWait, Why, bring_to_rest, options_of
from .selection import Everything, Ids, Labels, Name, Owner, Project, Statuses, choose
from .system import open_system
from .terminal import counted

if TYPE_CHECKING:
    from collections.abc import Callable

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Cancel several without asking for confirmation.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cancel)


def cancel(
    ids: Ids = None,
    label: Labels = None,
    project: Project = None,
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
    """Cancel workflows. Finished steps keep their results, and **retry** can still continue them.

    Example: eopiez cancel --name nightly --status paused
    """
    chosen = choose(ids, label, owner, name, status, None, everything, project=project)
    options = options_of(by, why) | {"mode": Mode.NOW if now else Mode.DRAIN}
    with open_system() as local:
        if not chosen.is_one and not yes and sys.stdin.isatty():
            count = local.count(Verb.CANCEL, chosen.selection(local))
            typer.confirm(f"Cancel {counted(count, 'workflow')}?", abort=True, err=True)
        ask: Callable[[Selection], list[Answer]] = partial(local.cancel, **options)
        bring_to_rest(local, Verb.CANCEL, chosen, ask, no_wait=no_wait, as_json=as_json)
