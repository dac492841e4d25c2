"""``eopiez costs``: what work has used and cost, by whom and for what."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .measured import costs
from .performance import window_of
from .requests import AsJson
from .selection import AnyProject
from .sheet import Sheet, figure
from .sheet import name as text
from .system import open_system
from .terminal import err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class By(StrEnum):
    """What costs are told apart by."""

    PROJECT = "project"
    OWNER = "owner"
    PLAN = "plan"
    PHASE = "phase"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("costs")(show_costs)


def show_costs(
    window: Annotated[
        str, typer.Option("--window", "-w", metavar="TIME", help="How far to look back: 24h, 7d, 4w.")
    ] = "30d",
    by: Annotated[
        list[By] | None,
        typer.Option(
            "--by", help="Tell apart by this; can be repeated. Project and owner by default.", show_default=False
        ),
    ] = None,
    project: AnyProject = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Show at most this many.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show what tasks used of CPUs, GPUs and memory, and what that cost, those first that cost most.

    **EOPIEZ_PRICE_CPU_HOUR**, **EOPIEZ_PRICE_GPU_HOUR** and **EOPIEZ_PRICE_GIB_HOUR** are the prices. What is used is
    counted by standing orchestrators (**eopiez up**, **eopiez orchestrate**).
    """
    groups = [each.value for each in dict.fromkeys(by or (By.PROJECT, By.OWNER))]
    with open_system() as system:
        found = costs(system, window_of(window), groups, project)[:limit]
    if as_json:
        for each in found:
            print_json(each)
        return
    if not found:
        err().print("Nothing was measured there. `eopiez up` and `eopiez orchestrate` measure what they drive.")
        return
    _sheet(found, groups).print(out())


def _sheet(found: Sequence[Mapping[str, Any]], by: Sequence[str]) -> Sheet:
    names = [text(each.capitalize()) for each in by]
    sheet = Sheet(*names, figure("CPU hours"), figure("GPU hours"), figure("GiB hours"), figure("Cost"))
    for each in found:
        figures = [f"{each[name]:,.4g}" for name in ("cpu_hours", "gpu_hours", "memory_gib_hours", "cost")]
        sheet.add(*(each["group"][name] for name in by), *figures)
    return sheet
