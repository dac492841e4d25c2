"""``eopiez limits`` and ``eopiez limit``: how users share one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..errors import ParameterError
from ..model.limits import LimitKind
from .system import open_system
from .terminal import counted, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store import StandingLimit


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (limits, limit):
        app.command()(command)


def limits(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List limits, with how much of them is taken now, and the weights of owners."""
    with open_system() as local:
        standing, weights = local.limits(), local.rules().weights
    if as_json:
        print_json({"limits": [_limit_value(each) for each in standing], "weights": weights})
        return
    if standing:
        out().print(_limits_table(standing))
    if weights:
        out().print(_weights_table(weights))
    if not standing and not weights:
        err().print("No limit and no weight: owners share the cluster alike.")


def limit(
    kind: Annotated[LimitKind, typer.Argument(help="What the limit is on.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The owner, the label as key=value, or the phase.", show_default=False)],
    maximum: Annotated[
        str,
        typer.Argument(help="Calls at work at once, at most: 0 stops them, none lifts the limit.", show_default=False),
    ],
) -> None:
    """Let at most so many calls be at work at once for an owner, a label or a phase, over all orchestrators.

    It holds within a second, also for what is under way; what runs is let run.

    **Examples**

    ```
    eopiez limit owner anna 4
    eopiez limit label team=research 8
    eopiez limit phase fetch none
    ```
    """
    number = _maximum(maximum)
    with open_system() as local:
        local.limit(kind, name, number)
    said = "is not limited any more" if number is None else f"may have {counted(number, 'call')} at work at once"
    out().print(f"{kind} {name!r} {said}.", markup=False)


def _maximum(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal():
        raise ParameterError(f"the maximum is {text!r}; give a number of calls from 0 on, or none to lift the limit")
    return int(text)


def _limit_value(each: StandingLimit) -> dict[str, Any]:
    facts = {"maximum": each.maximum, "held": each.held, "wanted": each.wanted}
    return {"kind": each.key.kind, "name": each.key.name} | facts


def _limits_table(standing: list[StandingLimit]) -> Table:
    table = Table("Limit on", "Name", "At work", "Maximum", "Wanted", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for each in standing:
        taken = f"[yellow]{each.held:,}[/]" if each.held >= each.maximum else f"{each.held:,}"
        table.add_row(each.key.kind, escape(each.key.name), taken, f"{each.maximum:,}", f"{each.wanted:,}")
    return table


def _weights_table(weights: Mapping[str, float]) -> Table:
    table = Table("Owner", "Weight", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = "right"
    for owner, weight in weights.items():
        table.add_row(escape(owner), f"{weight:g}")
    return table
