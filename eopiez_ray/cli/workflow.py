"""One workflow on the command line: how it is named, found, and summarized in a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import WorkflowError
from ..model.requests import Verb
from ..model.status import WorkflowStatus
from .terminal import coloured, counted, duration, one_line

if TYPE_CHECKING:
    from rich.text import Text

    from ..store import WorkflowView
    from .system import Handle, System


ASKED_FOR = {
    WorkflowStatus.PAUSING: Verb.PAUSE,
    WorkflowStatus.PAUSED: Verb.PAUSE,
    WorkflowStatus.CANCELLING: Verb.CANCEL,
    WorkflowStatus.CANCELLED: Verb.CANCEL,
}
"""The request that leads to a status."""
Named = Annotated[
    str, typer.Argument(metavar="ID", help="The workflow's id, or its first or last characters.", show_default=False)
]
NamedOrLatest = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="The workflow; by default the latest.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def find(local: System, workflow: str | None) -> Handle:
    """The workflow named, or the latest.

    Raises:
        WorkflowError: there is no workflow.
    """
    if workflow is not None:
        return local.workflow(workflow)
    latest = local.workflows(None, 1)
    if not latest:
        raise WorkflowError("there are no workflows yet; start one with `eopiez run` or `eopiez demo`")
    return local.workflow(str(latest[0].id))


def standing(view: WorkflowView) -> Text:
    """A status, what it waits for, since when, and who asked for it and why."""
    text = coloured(view.status)
    if view.status in {WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING}:
        text.append(f", {counted(view.in_flight, 'task')} in flight", "default")
    if view.status is WorkflowStatus.PAUSED and view.drained_at is not None:
        text.append(f" since {view.drained_at.astimezone():%Y-%m-%d %H:%M}", "default")
    if view.request is not None and view.request.verb is ASKED_FOR.get(view.status):
        by, why = view.request.request.by, view.request.request.why
        text.append(one_line((f", asked by {by}" if by else "") + (f": {why}" if why else "")), "default")
    return text


def took(view: WorkflowView) -> str:
    """How long it has been under way."""
    if view.started_at is None:
        return "–"
    end = view.finished_at or view.drained_at or datetime.now(UTC)
    return duration((end - view.started_at).total_seconds())


def workflow_value(view: WorkflowView) -> dict[str, Any]:
    """The workflow as JSON values."""
    names = (
        "id", "project", "name", "status", "owner", "priority", "labels", "plan_version", "created_at", "started_at",
        "finished_at", "drained_at", "in_flight", "frozen_s", "error", "trace_id",
    )  # fmt: skip
    request = view.request.to_value() if view.request is not None else None
    return {name: getattr(view, name) for name in names} | {"request": request}
