"""``eopiez pause``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ..model.requests import Answer, Mode, Selection, Timers, Verb
from .requests import AsJson, By, Now, NoWait, Why, bring_to_rest, options_of
from .selection import Everything, Ids, Labels, Name, Owner, Project, Statuses, choose
from .system import open_system

if TYPE_CHECKING:
    from collections.abc import Callable

TimersOption = Annotated[Timers, typer.Option("--timers", help="Whether retry backoff keeps running while paused.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pause)


def pause(
    ids: Ids = None,
    label: Labels = None,
    project: Project = None,
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
    """Pause workflows: tasks in flight finish, no new ones start, and resources are released.

    Example: eopiez pause --label team=blue --now --why maintenance
    """
    chosen = choose(ids, label, owner, name, status, None, everything, project=project)
    options = options_of(by, why) | {"mode": Mode.NOW if now else Mode.DRAIN, "timers": timers}
    with open_system() as local:
        ask: Callable[[Selection], list[Answer]] = partial(local.pause, **options)
        bring_to_rest(local, Verb.PAUSE, chosen, ask, no_wait=no_wait, as_json=as_json)
