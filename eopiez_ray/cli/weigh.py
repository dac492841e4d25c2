"""``eopiez weigh``: an owner's share of the cluster relative to others."""

from __future__ import annotations

from typing import Annotated

import typer

from .system import open_system
from .terminal import out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(weigh)


def weigh(
    owner: Annotated[str, typer.Argument(help="The owner.", show_default=False)],
    weight: Annotated[float, typer.Argument(help="Weight relative to other owners, who have 1.", show_default=False)],
) -> None:
    """Give an owner a larger or smaller share of the cluster than others.

    Example: eopiez weigh anna 3
    """
    with open_system() as local:
        local.weigh(owner, weight)
    out().print(f"owner {owner!r} has a weight of {weight:g}; others have 1 unless set.", markup=False)
