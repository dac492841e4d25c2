"""``eopiez retry``."""

from __future__ import annotations

from functools import partial

import typer

from ..errors import TransitionError
from ..model.requests import Verb
from ..model.status import WorkflowStatus
from .requests import AsJson, By, Cpus, OnlyQueue, Why, named, options_of, see_and_conclude, set_going
from .selection import ErrorType, Everything, Ids, Labels, Name, Owner, Project, Statuses, choose
from .system import open_system, read_settings
from .terminal import results_only

RETRIED = {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED, WorkflowStatus.QUARANTINED}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(retry)


def retry(
    ids: Ids = None,
    label: Labels = None,
    project: Project = None,
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
    """Retry failed, quarantined or cancelled workflows: finished tasks keep their results, failed ones start afresh.

    Cancelled workflows must be named, or selected with **--status cancelled**. **eopiez failures** takes the same
    options and shows what was given up or quarantined.
    """
    chosen, options = choose(ids, label, owner, name, status, error, everything, project=project), options_of(by, why)
    with results_only(), open_system(read_settings(cpus=cpus)) as local:
        if not chosen.is_one or no_wait:
            set_going(local, Verb.RETRY, chosen, options, no_wait=no_wait, as_json=as_json)
            return
        handle = named(local, chosen)
        view = handle.view()
        if view.status not in RETRIED:
            reason = f"{view.status}; only failed, quarantined or cancelled workflows can be retried"
            raise TransitionError(str(view.id), "retry", reason)
        see_and_conclude(handle, partial(handle.retry, **options), as_json=as_json)
