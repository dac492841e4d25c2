"""Which workflows a command means: named by their ids, or selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..model.requests import Selection
from ..model.status import WorkflowStatus
from .labels import labels_of

if TYPE_CHECKING:
    from ..engine.local import Local

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


class Chosen(NamedTuple):
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


def choose(ids: list[str] | None, labels: list[str] | None, *others: Any) -> Chosen:
    """What was chosen, once it is known to be something.

    Raises:
        typer.BadParameter: nothing was said.
        ParameterError: a label has no value.
    """
    chosen = Chosen(ids, labels_of(labels or []), *others)
    if not any(chosen):
        raise typer.BadParameter("name workflows by their ids, or select them by --label, --owner … or --all")
    return chosen
