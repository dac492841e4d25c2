"""``eopiez weigh`` and ``weigh-project``: shares of owners and projects relative to others."""

from __future__ import annotations

from typing import Annotated

import typer

from ..model.names import DEFAULT_PROJECT
from .system import open_system
from .terminal import out


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(weigh)
    app.command()(weigh_project)


def weigh(
    owner: Annotated[str, typer.Argument(help="The owner.", show_default=False)],
    weight: Annotated[
        float, typer.Argument(help="Weight relative to other owners, who have 1: 0.001 to 1,000.", show_default=False)
    ],
    project: Annotated[
        str, typer.Option("--project", envvar="EOPIEZ_PROJECT", help="The owner's project.")
    ] = DEFAULT_PROJECT,
) -> None:
    """Give an owner a larger or smaller share of what the project has than its other owners.

    Example: eopiez weigh anna 3
    """
    with open_system() as system:
        system.weigh(owner, weight, project)
    where = "" if project == DEFAULT_PROJECT else f" of project {project!r}"
    out().print(f"owner {owner!r}{where} has a weight of {weight:g}; others have 1 unless set.", markup=False)


def weigh_project(
    project: Annotated[str, typer.Argument(help="The project.", show_default=False)],
    weight: Annotated[
        float, typer.Argument(help="Weight relative to others, which have 1: 0.001 to 1,000.", show_default=False)
    ],
) -> None:
    """Give a project a larger or smaller share of the cluster than others.

    Example: eopiez weigh-project research 3
    """
    with open_system() as system:
        system.weigh_project(project, weight)
    out().print(f"project {project!r} has a weight of {weight:g}; others have 1 unless set.", markup=False)
