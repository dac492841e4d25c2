"""``eopiez limits`` and ``eopiez limit``: how projects and users share one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..errors import ParameterError
from ..model.limits import LimitKind
from ..model.names import DEFAULT_PROJECT
from .sheet import Sheet, figure, word
from .sheet import name as text
from .system import open_system
from .terminal import counted, err, out, print_json

if TYPE_CHECKING:
    from ..model.limits import Rules, StandingLimit


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (limits, limit):
        app.command()(command)


def limits(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List limits and how much of each is in use, and the weights of projects and owners."""
    with open_system() as system:
        standing, rules = system.limits(), system.rules()
    if as_json:
        print_json({"limits": [_limit_value(each) for each in standing]} | _weight_values(rules))
        return
    if standing:
        _limits_sheet(standing).print(out())
    if rules.project_weights:
        _project_weights_sheet(rules).print(out())
    if rules.weights:
        _weights_sheet(rules).print(out())
    if not standing and not rules.weights and not rules.project_weights:
        err().print("No limits and no weights: projects and owners share the cluster equally.")


def limit(
    kind: Annotated[LimitKind, typer.Argument(help="What to limit.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The project, owner, label (key=value) or phase.", show_default=False)],
    maximum: Annotated[
        str,
        typer.Argument(help="Maximum concurrent calls; 0 stops them, none lifts the limit.", show_default=False),
    ],
    project: Annotated[
        str,
        typer.Option(help="Limit this project's calls alone; by default all projects together.", show_default=False),
    ] = "",
) -> None:
    """Limit concurrent calls for a project, an owner, a label or a phase, across all orchestrators.

    Takes effect within a second, for workflows under way too; running calls are left to finish.

    **Examples**

    ```
    eopiez limit owner anna 4
    eopiez limit label team=research 8
    eopiez limit phase fetch none
    eopiez limit project research 10
    eopiez limit owner anna 4 --project research
    ```
    """
    number = _maximum(maximum)
    with open_system() as system:
        system.limit(kind, name, number, project)
    where = f" of project {project!r}" if project else ""
    said = "is no longer limited" if number is None else f"may have {counted(number, 'concurrent call')}"
    out().print(f"{kind} {name!r}{where} {said}.", markup=False)


def _maximum(given: str) -> int | None:
    if given == "none":
        return None
    if not given.isdecimal():
        raise ParameterError(f"the maximum is {given!r}; give a number of calls, 0 or more, or none to lift the limit")
    return int(given)


def _limit_value(each: StandingLimit) -> dict[str, Any]:
    facts = {"maximum": each.maximum, "held": each.held, "wanted": each.wanted}
    return {"kind": each.key.kind, "name": each.key.name, "project": each.key.project or None} | facts


def _weight_values(rules: Rules) -> dict[str, Any]:
    """Weights as JSON values: those of the owners in the project ``default`` by name, those of others with it."""
    others = [
        {"project": owner.project, "owner": owner.name, "weight": weight}
        for owner, weight in rules.weights.items()
        if owner.project != DEFAULT_PROJECT
    ]
    own = {owner.name: weight for owner, weight in rules.weights.items() if owner.project == DEFAULT_PROJECT}
    return {"weights": own, "weights_elsewhere": others, "project_weights": rules.project_weights}


def _limits_sheet(standing: list[StandingLimit]) -> Sheet:
    """A table of limits; it says their projects only if there are any."""
    has_projects = any(each.key.project for each in standing)
    projects = [text("In project")] if has_projects else []
    figures = figure("At work"), figure("Maximum"), figure("Wanted", 1)
    sheet = Sheet(word("Limit on"), text("Name"), *projects, *figures)
    for each in standing:
        taken = Text(f"{each.held:,}", "yellow" if each.held >= each.maximum else "")
        where = [each.key.project] if has_projects else []
        sheet.add(each.key.kind, each.key.name, *where, taken, f"{each.maximum:,}", f"{each.wanted:,}")
    return sheet


def _project_weights_sheet(rules: Rules) -> Sheet:
    sheet = Sheet(text("Project"), figure("Weight"))
    for project, weight in rules.project_weights.items():
        sheet.add(project, f"{weight:g}")
    return sheet


def _weights_sheet(rules: Rules) -> Sheet:
    """A table of owners; it says their projects only if there are several."""
    has_projects = any(owner.project != DEFAULT_PROJECT for owner in rules.weights)
    sheet = Sheet(text("Owner"), *([text("In project")] if has_projects else []), figure("Weight"))
    for owner, weight in rules.weights.items():
        sheet.add(owner.name, *([owner.project] if has_projects else []), f"{weight:g}")
    return sheet
