"""``eopiez resume``."""

from __future__ import annotations

from functools import partial

import typer
from rich.markup import escape

from ..errors import TransitionError
from ..model.names import OUTPUT
from ..model.requests import Verb
from ..model.status import WorkflowStatus
from .requests import AsJson, By, Cpus, OnlyQueue, Why, named, options_of, see_and_conclude, set_going
from .retry import RETRIED
from .selection import Everything, Ids, Labels, Name, Owner, Project, Statuses, choose
from .system import open_system, read_settings
from .terminal import err, results_only
from .watch import short


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(resume)


def resume(
    ids: Ids = None,
    label: Labels = None,
    project: Project = None,
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
    """Continue workflows that were paused or whose process died. Finished tasks do not run again.

    A workflow that another process drives is only watched.
    """
    chosen, options = choose(ids, label, owner, name, status, None, everything, project=project), options_of(by, why)
    with results_only(), open_system(read_settings(cpus=cpus)) as local:
        if not chosen.is_one or no_wait:
            set_going(local, Verb.RESUME, chosen, options, no_wait=no_wait, as_json=as_json)
            return
        handle = named(local, chosen)
        view = handle.view()
        if view.status is WorkflowStatus.SUCCEEDED:
            err().print(f"It has already succeeded: {escape(view.labels.get(OUTPUT, str(view.id)))}")
            return
        if view.status in RETRIED:
            raise TransitionError(
                str(view.id), "resume", f"{view.status}; `eopiez retry {short(view)}` starts it again"
            )
        begin = None if handle.is_driven else partial(handle.resume, **options)
        see_and_conclude(handle, begin, as_json=as_json)
