"""The workflows a command is about, named by id or selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..model.names import DEFAULT_PROJECT
from ..model.requests import Selection
from ..model.status import WorkflowStatus
from .labels import labels_of

if TYPE_CHECKING:
    from .system import System

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
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        envvar="EOPIEZ_PROJECT",
        help="Workflows of this project; default by default, any for those named by id.",
        show_default=False,
    ),
]
AnyProject = Annotated[
    str | None,
    typer.Option("--project", envvar="EOPIEZ_PROJECT", help="Only this project's; all by default.", show_default=False),
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
    project: str | None = None
    """None for ``default``, or for any if workflows are named by id; elsewhere, for all that one may work for."""

    @property
    def is_one(self) -> bool:
        """Whether exactly one workflow was named and nothing else given, except perhaps its project."""
        return self.ids is not None and len(self.ids) == 1 and not any(self[1:-1])

    @property
    def is_empty(self) -> bool:
        """Whether nothing says which workflows are meant; a project alone does not."""
        return not any(self[:-1])

    def _projects(self, *, is_remote: bool) -> tuple[str, ...] | None:
        if self.project is not None:
            return (self.project,)
        return None if self.ids or is_remote else (DEFAULT_PROJECT,)

    def selection(self, local: System) -> Selection:
        """The filter that selects them.

        Raises:
            WorkflowNotFoundError: an id matches no workflow, or several.
        """
        return Selection(
            ids=tuple(local.workflow(text, self.project).id for text in self.ids) if self.ids else None,
            labels=self.labels,
            owner=self.owner,
            name=self.name,
            statuses=tuple(self.statuses) if self.statuses else None,
            error_type=self.error_type,
            everything=self.everything,
            projects=self._projects(is_remote=local.is_remote),
        )


def choose(ids: list[str] | None, labels: list[str] | None, *others: Any, project: str | None) -> Chosen:
    """The selection, once checked not to be empty.

    Raises:
        typer.BadParameter: nothing was selected.
        ParameterError: a label has no value.
    """
    chosen = Chosen(ids, labels_of(labels or []), *others)._replace(project=project)
    if chosen.is_empty:
        raise typer.BadParameter("name workflows by id, or select them with --label, --owner … or --all")
    return chosen
