"""``eopiez plan check | schema | phases``: plans in YAML or JSON."""

from __future__ import annotations

import inspect
import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ..errors import ParameterError
from .sheet import Sheet, word
from .sheet import name as text
from .terminal import counted, out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..authoring.contract import Phase
    from ..authoring.plans.builder import Plan
    from ..model.plan import PlanSpec, Step


Document = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="The plan: a YAML or JSON file, or - for standard input.", show_default=False
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

plan = typer.Typer(
    name="plan",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check plans in YAML or JSON, and see what they can contain. **eopiez start** runs one.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, schema, phases):
        plan.command()(command)
    app.add_typer(plan)


def check(file: Document, as_json: AsJson = False) -> None:
    """Say what a plan does, or what is wrong with it and where, without starting it.

    Modules and files that the plan imports are executed. Exits with code 64 if the plan is wrong.
    """
    checked = read_document(file)
    spec = checked.spec()
    if as_json:
        print_json(_plan_value(checked, spec))
        return
    steps = counted(len(spec.steps), "step")
    out().print(f"[green]Right:[/] plan [bold]{escape(spec.name)}[/], {steps}, digest {spec.digest}")
    sheet = Sheet(text("Step"), text("Phase", 1), text("Version", 3), word("Kind"), text("Inputs", 2))
    for step in spec.steps:
        phase = step.phase
        sheet.add(step.name, phase.name, phase.version, phase.kind, ", ".join(step.inputs))
    sheet.print(out())


def schema() -> None:
    """Print the JSON Schema of plans, for editors and programs.

    With it, editors complete and check what you type. Most of them find it through the first line of a YAML plan:
    `# yaml-language-server: $schema=plan.schema.json`
    """
    from ..authoring.plans.models import plan_schema

    typer.echo(json.dumps(plan_schema(), indent=2, ensure_ascii=False))


def phases(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="A plan whose imported phases to list too.", show_default=False),
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import", metavar="NAME", help="A module or file that defines phases; repeatable.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the phases that plans can name: those built in, and those imported.

    **eopiez phases** lists the time and memory they have taken.

    Arguments before the `*` are inputs, in order, or parameters; those after it are parameters.
    """
    from ..authoring.built_in import import_built_in
    from ..authoring.contract import registered_phases
    from ..authoring.plans.imports import import_phases
    from ..authoring.plans.reading import import_for

    import_built_in()
    for name in imports or []:
        import_phases(name, Path.cwd())
    if file is not None:
        import_for(Path(file))
    if as_json:
        for phase in registered_phases():
            print_json(_phase_value(phase))
        return
    sheet = Sheet(text("Phase"), word("Kind"), text("Version", 2), text("Takes", 1))
    for phase in registered_phases():
        sheet.add(phase.name, phase.kind, phase.version, _signature(phase))
    sheet.print(out())


def read_document(file: str) -> Plan:
    """The plan in a file or on standard input."""
    from ..authoring.plans.reading import read_plan, read_stream

    if file != "-":
        return read_plan(Path(file))
    if sys.stdin.isatty():
        raise ParameterError(
            "standard input is a terminal; pipe a plan into it, for example: cat plan.yaml | eopiez start -"
        )
    return read_stream(sys.stdin.buffer, "standard input")


def _plan_value(checked: Plan, spec: PlanSpec) -> dict[str, Any]:
    facts = {"plan": spec.name, "digest": spec.digest, "labels": checked.labels, "priority": checked.priority}
    return facts | {"steps": [_step_value(step) for step in spec.steps]}


def _step_value(step: Step) -> dict[str, Any]:
    phase = {"phase": step.phase.name, "version": step.phase.version, "kind": step.phase.kind}
    return {"name": step.name, **phase, "inputs": step.inputs, "parameters": step.parameters}


def _phase_value(phase: Phase) -> dict[str, Any]:
    parameters = [_parameter_value(parameter) for parameter in _parameters(phase)]
    facts = {"name": phase.name, "kind": phase.kind, "version": phase.version, "description": _first_line(phase)}
    return facts | {"parameters": parameters}


def _first_line(phase: Phase) -> str:
    return (inspect.getdoc(phase.function) or "").partition("\n")[0]


def _parameters(phase: Phase) -> Iterable[inspect.Parameter]:
    return inspect.signature(phase.function).parameters.values()


def _parameter_value(parameter: inspect.Parameter) -> dict[str, Any]:
    is_required = parameter.default is parameter.empty
    value = {"name": parameter.name, "type": _annotation(parameter), "may_be_input": _may_be_input(parameter)}
    return value | {"required": is_required} | ({} if is_required else {"default": parameter.default})


def _may_be_input(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not parameter.KEYWORD_ONLY


def _annotation(parameter: inspect.Parameter) -> str:
    given = parameter.annotation
    if given is parameter.empty:
        return "Any"
    return given if isinstance(given, str) else inspect.formatannotation(given)


def _signature(phase: Phase) -> str:
    """The parameters as Python would declare them."""
    said = [_declaration(parameter) for parameter in _parameters(phase)]
    position = next((at for at, found in enumerate(_parameters(phase)) if not _may_be_input(found)), None)
    return ", ".join(said if position is None else [*said[:position], "*", *said[position:]])


def _declaration(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    usual = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    default = "" if parameter.default is parameter.empty else f" = {usual!r}"
    return f"{stars}{parameter.name}: {_annotation(parameter)}{default}"
