"""``eopiez weigh``: what part of the cluster an owner has beside others."""

from __future__ import annotations

from typing import Annotated

import typer

from .system import open_system
from .terminal import out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(weigh)


def weigh(
    owner: Annotated[str, typer.Argument(help="Whose part it is.", show_default=False)],
    weight: Annotated[float, typer.Argument(help="Its part beside other owners, who have 1.", show_default=False)],
) -> None:
    """Give an owner a larger or smaller part of the cluster than others have.

    Example: eopiez weigh anna 3
    """
    with open_system() as local:
        local.weigh(owner, weight)
    out().print(f"owner {owner!r} has a weight of {weight:g}, others have 1 unless it was set.", markup=False)
