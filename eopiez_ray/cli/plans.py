"""``eopiez plan check | schema | phases`` and ``eopiez start``: plans that are written in YAML or JSON."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..errors import ParameterError
from ..model.status import WorkflowStatus
from .concluding import OUTPUT, SPOOL, TITLE, conclude
from .displays import display_for
from .driving import Ending, see_through, short
from .system import open_system, read_settings
from .terminal import counted, out, print_json, results_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..authoring.contract import Phase
    from ..authoring.plans.builder import Plan
    from ..engine.handle import Workflow
    from ..engine.local import Local
    from ..model.plan import PlanSpec, Step
    from .driving import Outcome

WORKFLOW, RESULTS, MACHINE = "Workflow", "Results", "Machine"

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
    help="Check plans that are written in YAML or JSON, and see what may stand in them. **eopiez start** runs one.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(start)
    for command in (check, schema, phases):
        plan.command()(command)
    app.add_typer(plan)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to start, and what is wanted of it."""

    plan: Plan
    options: dict[str, Any]
    """Owner, priority, labels and idempotency key."""
    results: list[str]
    """Names of the steps whose results are to be printed."""
    as_json: bool


Result = Annotated[
    list[str] | None,
    typer.Option(
        "--result",
        "-r",
        metavar="STEP",
        help="Print this step's result at the end; may be repeated.",
        rich_help_panel=RESULTS,
        show_default=False,
    ),
]
Owner = Annotated[
    str,
    typer.Option(help="Whose workflow it is; owners share alike.", rich_help_panel=WORKFLOW, show_default=False),
]
Priority = Annotated[
    int | None,
    typer.Option(
        min=-(2**15),
        max=2**15 - 1,
        help="Higher goes first; by default as the plan says.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "-l",
        metavar="NAME=VALUE",
        help="A label, beside those of the plan; may be repeated.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="The same key and plan give the same workflow, however often it is started.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Only keep it, for `eopiez resume` to drive.", rich_help_panel=MACHINE),
]
Cpus = Annotated[
    int | None,
    typer.Option("--cpus", min=1, help="CPUs to use; all by default.", rich_help_panel=MACHINE, show_default=False),
]
AsJsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Progress as JSON lines on stderr, the result as one object on stdout.",
        rich_help_panel=MACHINE,
    ),
]


def start(
    file: Document,
    result: Result = None,
    owner: Owner = "",
    priority: Priority = None,
    label: Label = None,
    idempotency_key: IdempotencyKey = None,
    no_wait: NoWait = False,
    cpus: Cpus = None,
    as_json: AsJsonOption = False,
) -> None:
    """Start a workflow from a plan in YAML or JSON, and see it through.

    **Examples**

    ```
    eopiez start plan.yaml
    eopiez start plan.yaml --result count
    eopiez start plan.yaml --label team=research --priority 5 --idempotency-key nightly-2024-05-01
    make-plan | eopiez start - --json
    ```

    The modules and files that the plan imports are run. **Ctrl-C** once finishes what is in flight and prints the
    command that goes on; twice stops at once. Both keep all that has finished.
    """  # fmt: skip
    wanted = _read(file)
    _refuse_unknown(result or [], wanted.spec())
    labels = wanted.labels | labels_of(label or [])
    refuse_reserved(labels)
    urgency = wanted.priority if priority is None else priority
    options = {"owner": owner, "labels": labels, "priority": urgency, "idempotency_key": idempotency_key}
    wish = Wish(wanted, options, result or [], as_json)
    settings = read_settings(cpus=cpus)
    with results_only(), open_system(settings) as local:
        if no_wait:
            _only_keep(local, wish)
        else:
            _see_through(local, wish)


def check(file: Document, as_json: AsJson = False) -> None:
    """Say what a plan does, or what is wrong with it and where; start nothing.

    The modules and files that the plan imports are run. A wrong plan ends with exit code 64.
    """
    checked = _read(file)
    spec = checked.spec()
    if as_json:
        print_json(_plan_value(checked, spec))
        return
    steps = counted(len(spec.steps), "step")
    out().print(f"[green]Right:[/] plan [bold]{escape(spec.name)}[/], {steps}, digest {spec.digest}")
    table = Table("Step", "Phase", "Version", "Kind", "Inputs", box=box.SIMPLE_HEAD, pad_edge=False)
    for step in spec.steps:
        phase = step.phase
        table.add_row(*map(escape, (step.name, phase.name, phase.version, phase.kind, ", ".join(step.inputs))))
    out().print(table)


def schema() -> None:
    """Print the JSON Schema of plans, for editors and programs.

    Editors that know it complete and check what you type. With most of them, the first line of a plan in YAML says
    where it is: `# yaml-language-server: $schema=plan.schema.json`
    """
    from ..authoring.plans.models import plan_schema

    typer.echo(json.dumps(plan_schema(), indent=2, ensure_ascii=False))


def phases(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="A plan whose imports are to be listed, too.", show_default=False),
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import", metavar="NAME", help="A module or file with phases; may be repeated.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the phases that plans can name: those that eopiez brings, and those that are imported.

    What phases have taken where they ran, **eopiez phases** lists.

    What stands before the `*` of a phase are its inputs, in order, or parameters; what follows are parameters.
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
    table = Table("Phase", "Kind", "Version", "Takes", box=box.SIMPLE_HEAD, pad_edge=False)
    for phase in registered_phases():
        table.add_row(escape(phase.name), phase.kind, escape(phase.version), escape(_signature(phase)))
    out().print(table)


def _read(file: str) -> Plan:
    from ..authoring.plans.reading import read_plan, read_stream

    if file != "-":
        return read_plan(Path(file))
    if sys.stdin.isatty():
        raise ParameterError("standard input is a terminal; pipe a plan into it, as in: cat plan.yaml | eopiez start -")
    return read_stream(sys.stdin.buffer, "standard input")


def labels_of(given: list[str]) -> dict[str, str]:
    """Labels from ``name=value``.

    Raises:
        ParameterError: one is not written so.
    """
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise ParameterError(f"--label is {text!r}; give a name and a value, as in team=research")
    return {name: value for name, _, value in (text.partition("=") for text in given)}


def _refuse_unknown(results: list[str], spec: PlanSpec) -> None:
    from ..authoring.plans.policies import nearest

    names = [step.name for step in spec.steps]
    for name in results:
        if name not in names:
            raise ParameterError(f"--result names {name!r}, which is no step of the plan{nearest(name, names)}")


def refuse_reserved(labels: Mapping[str, str]) -> None:
    """Refuse labels by which ``eopiez run`` finds its files; some of those are deleted.

    Raises:
        ParameterError: one of them is given.
    """
    for name in (OUTPUT, TITLE, SPOOL):
        if name in labels:
            raise ParameterError(f"the label {name!r} is kept for `eopiez run`; choose another name")


def _only_keep(local: Local, wish: Wish) -> None:
    view = local.submit(wish.plan, **wish.options).view()
    command = f"eopiez resume {short(view)}"
    if wish.as_json:
        print_json({"workflow": view.id, "status": view.status, "continue": command})
    else:
        out().print(f"Workflow {view.id} is {view.status}. Drive it with: [bold]{command}[/]")


def _see_through(local: Local, wish: Wish) -> None:
    workflow = local.submit(wish.plan, **wish.options)
    is_waiting = not workflow.status.is_at_rest and not workflow.is_driven
    with display_for(as_json=wish.as_json) as display:
        outcome = see_through(workflow, display, workflow.resume if is_waiting else None)
    has_succeeded = outcome.ending is Ending.AT_REST and outcome.view.status is WorkflowStatus.SUCCEEDED
    if wish.results and has_succeeded:
        _print_results(workflow, outcome, wish)
    else:
        conclude(workflow, outcome, as_json=wish.as_json)


def _print_results(workflow: Workflow, outcome: Outcome, wish: Wish) -> None:
    """For machines one object; otherwise each value on a line, those of a step's partitions in order."""
    from ..engine.artifacts import LoadedPartitions

    results = {name: workflow.result(name) for name in wish.results}
    partitioned = {name: list(found) for name, found in results.items() if isinstance(found, LoadedPartitions)}
    if wish.as_json:
        values = {name: _json_value(partitioned.get(name, found)) for name, found in results.items()}
        print_json({"workflow": outcome.view.id, "status": outcome.view.status, "results": values})
        return
    for name, found in results.items():
        for value in partitioned.get(name, [found]):
            out().print(_line(value), markup=False, emoji=False)


def _json_value(value: Any) -> Any:
    """The value if it can be written as JSON, otherwise its text."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return [_json_value(inner) for inner in value] if isinstance(value, list) else str(value)
    return value


def _line(value: Any) -> str:
    written = _json_value(value)
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)


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
    """The parameters as a program would declare them."""
    said = [_declaration(parameter) for parameter in _parameters(phase)]
    position = next((at for at, found in enumerate(_parameters(phase)) if not _may_be_input(found)), None)
    return ", ".join(said if position is None else [*said[:position], "*", *said[position:]])


def _declaration(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    usual = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    default = "" if parameter.default is parameter.empty else f" = {usual!r}"
    return f"{stars}{parameter.name}: {_annotation(parameter)}{default}"
