"""``eopiez limits`` and ``eopiez limit``: how users share one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..errors import ParameterError
from ..model.limits import LimitKind
from .sheet import Sheet, figure, word
from .sheet import name as text
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
    """List limits and how much of each is in use, and the owners' weights."""
    with open_system() as local:
        standing, weights = local.limits(), local.rules().weights
    if as_json:
        print_json({"limits": [_limit_value(each) for each in standing], "weights": weights})
        return
    if standing:
        _limits_sheet(standing).print(out())
    if weights:
        _weights_sheet(weights).print(out())
    if not standing and not weights:
        err().print("No limits and no weights: owners share the cluster equally.")


def limit(
    kind: Annotated[LimitKind, typer.Argument(help="What to limit.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The owner, the label (key=value) or the phase.", show_default=False)],
    maximum: Annotated[
        str,
        typer.Argument(help="Maximum concurrent calls; 0 stops them, none lifts the limit.", show_default=False),
    ],
) -> None:
    """Limit concurrent calls for an owner, a label or a phase, across all orchestrators.

    Takes effect within a second, for workflows under way too; running calls are left to finish.

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
    said = "is no longer limited" if number is None else f"may have {counted(number, 'concurrent call')}"
    out().print(f"{kind} {name!r} {said}.", markup=False)


def _maximum(given: str) -> int | None:
    if given == "none":
        return None
    if not given.isdecimal():
        raise ParameterError(f"the maximum is {given!r}; give a number of calls, 0 or more, or none to lift the limit")
    return int(given)


def _limit_value(each: StandingLimit) -> dict[str, Any]:
    facts = {"maximum": each.maximum, "held": each.held, "wanted": each.wanted}
    return {"kind": each.key.kind, "name": each.key.name} | facts


def _limits_sheet(standing: list[StandingLimit]) -> Sheet:
    sheet = Sheet(word("Limit on"), text("Name"), figure("At work"), figure("Maximum"), figure("Wanted", 1))
    for each in standing:
        taken = Text(f"{each.held:,}", "yellow" if each.held >= each.maximum else "")
        sheet.add(each.key.kind, each.key.name, taken, f"{each.maximum:,}", f"{each.wanted:,}")
    return sheet


def _weights_sheet(weights: Mapping[str, float]) -> Sheet:
    sheet = Sheet(text("Owner"), figure("Weight"))
    for owner, weight in weights.items():
        sheet.add(owner, f"{weight:g}")
    return sheet
