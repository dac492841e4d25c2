"""The workflows a command is about, named by id or selected."""

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
    typer.Argument(metavar="ID", help="Workflow ids, or their first or last characters.", show_default=False),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="KEY=VALUE", help="Workflows with this label; repeatable."),
]
Owner = Annotated[str | None, typer.Option("--owner", help="Workflows of this owner.")]
Name = Annotated[str | None, typer.Option("--name", help="Workflows with this name.")]
Statuses = Annotated[
    list[WorkflowStatus] | None, typer.Option("--status", "-s", help="Workflows with this status; repeatable.")
]
ErrorType = Annotated[
    str | None, typer.Option("--error", metavar="TYPE", help="Workflows that gave up a task with this error.")
]
Everything = Annotated[bool, typer.Option("--all", help="All workflows the command applies to.")]


class Chosen(NamedTuple):
    """The workflows named or described on the command line."""

    ids: list[str] | None
    labels: dict[str, str]
    owner: str | None
    name: str | None
    statuses: list[WorkflowStatus] | None = None
    error_type: str | None = None
    everything: bool = False

    @property
    def is_one(self) -> bool:
        """Whether exactly one workflow was named and nothing else given."""
        return self.ids is not None and len(self.ids) == 1 and not any(self[1:])

    def selection(self, local: Local) -> Selection:
        """The filter that selects them.

        Raises:
            WorkflowNotFoundError: an id matches no workflow, or several.
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
    """The selection, once checked not to be empty.

    Raises:
        typer.BadParameter: nothing was selected.
        ParameterError: a label has no value.
    """
    chosen = Chosen(ids, labels_of(labels or []), *others)
    if not any(chosen):
        raise typer.BadParameter("name workflows by id, or select them with --label, --owner … or --all")
    return chosen
