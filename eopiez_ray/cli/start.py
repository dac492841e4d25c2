"""``eopiez start``: start a workflow from a plan in YAML or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ParameterError
from ..model.names import check_free_labels
from ..model.status import WorkflowStatus
from .conclusion import conclude
from .displays import display_for
from .labels import labels_of
from .plan import Document, read_document
from .system import open_system, read_settings
from .terminal import out, print_data, print_json, results_only
from .watch import Ending, needs_driver, see_through, short

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..model.plan import PlanSpec
    from .system import Handle, System
    from .watch import Outcome

WORKFLOW, RESULTS, MACHINE = "Workflow", "Results", "Machine"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(start)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to start, and how."""

    plan: Plan
    options: dict[str, Any]
    """Project, owner, priority, labels and idempotency key."""
    results: list[str]
    """Names of the steps whose results to print."""
    as_json: bool


Result = Annotated[
    list[str] | None,
    typer.Option(
        "--result",
        "-r",
        metavar="STEP",
        help="Print this step's result at the end; repeatable.",
        rich_help_panel=RESULTS,
        show_default=False,
    ),
]
ToProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        envvar="EOPIEZ_PROJECT",
        help="Project that it belongs to; default by default, or your own elsewhere. Projects share the cluster.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
Owner = Annotated[
    str,
    typer.Option(
        help="Owner of the workflow; owners share what their project has.", rich_help_panel=WORKFLOW, show_default=False
    ),
]
Priority = Annotated[
    int | None,
    typer.Option(
        min=-(2**15),
        max=2**15 - 1,
        help="Higher goes first; the plan's priority by default.",
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
        help="A label, in addition to the plan's; repeatable.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Starting again with the same key and plan gives the same workflow.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Only store it, for `eopiez resume` to drive.", rich_help_panel=MACHINE),
]
Cpus = Annotated[
    int | None,
    typer.Option("--cpus", min=1, help="CPUs to use; all by default.", rich_help_panel=MACHINE, show_default=False),
]
AsJsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print progress as JSON lines on stderr and the result as one object on stdout.",
        rich_help_panel=MACHINE,
    ),
]


def start(
    file: Document,
    result: Result = None,
    project: ToProject = None,
    owner: Owner = "",
    priority: Priority = None,
    label: Label = None,
    idempotency_key: IdempotencyKey = None,
    no_wait: NoWait = False,
    cpus: Cpus = None,
    as_json: AsJsonOption = False,
) -> None:
    """Start a workflow from a plan in YAML or JSON, and follow it to the end.

    **Examples**

    ```
    eopiez start plan.yaml
    eopiez start plan.yaml --result count
    eopiez start plan.yaml --label team=research --priority 5 --idempotency-key nightly-2024-05-01
    make-plan | eopiez start - --json
    ```

    Modules and files that the plan imports are executed. **Ctrl-C** once finishes tasks in flight and prints the
    command that resumes the workflow; twice stops at once. Both keep all finished work.
    """  # fmt: skip
    wanted = read_document(file)
    _refuse_unknown(result or [], wanted.spec())
    labels = wanted.labels | labels_of(label or [])
    check_free_labels(labels)
    urgency = wanted.priority if priority is None else priority
    whose = {"owner": owner} | ({} if project is None else {"project": project})
    options = {**whose, "labels": labels, "priority": urgency, "idempotency_key": idempotency_key}
    wish = Wish(wanted, options, result or [], as_json)
    settings = read_settings(cpus=cpus)
    with results_only(), open_system(settings) as local:
        if no_wait:
            _only_keep(local, wish)
        else:
            _see_through(local, wish)


def _refuse_unknown(results: list[str], spec: PlanSpec) -> None:
    from ..authoring.plans.policies import nearest

    names = [step.name for step in spec.steps]
    for name in results:
        if name not in names:
            raise ParameterError(f"--result names {name!r}, which is not a step of the plan{nearest(name, names)}")


def _only_keep(local: System, wish: Wish) -> None:
    view = local.submit(wish.plan, **wish.options).view()
    command = f"eopiez resume {short(view)}"
    if wish.as_json:
        print_json({"workflow": view.id, "status": view.status, "continue": command})
    elif local.is_remote:
        out().print(f"Workflow {view.id} is {view.status}. Watch it with: [bold]{command}[/]")
    else:
        out().print(f"Workflow {view.id} is {view.status}. Drive it with: [bold]{command}[/]")


def _see_through(local: System, wish: Wish) -> None:
    workflow = local.submit(wish.plan, **wish.options)
    is_ours = not workflow.is_remote and needs_driver(workflow)
    with display_for(as_json=wish.as_json) as display:
        outcome = see_through(workflow, display, workflow.resume if is_ours else None)
    has_succeeded = outcome.ending is Ending.AT_REST and outcome.view.status is WorkflowStatus.SUCCEEDED
    if wish.results and has_succeeded:
        _print_results(workflow, outcome, wish)
    else:
        conclude(workflow, outcome, as_json=wish.as_json)


def _print_results(workflow: Handle, outcome: Outcome, wish: Wish) -> None:
    """Print one object for machines, otherwise one value per line, a step's partitions in order."""
    results = {name: workflow.result(name) for name in wish.results}
    kinds = {step.name: step.kind for step in workflow.steps()}
    partitioned = {name: list(found) for name, found in results.items() if not kinds[name].gives_one}
    if wish.as_json:
        values = {name: _json_value(partitioned.get(name, found)) for name, found in results.items()}
        print_json({"workflow": outcome.view.id, "status": outcome.view.status, "results": values})
        return
    for name, found in results.items():
        for value in partitioned.get(name, [found]):
            print_data(_line(value))


def _json_value(value: Any) -> Any:
    """The value if JSON can express it, otherwise its text."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return [_json_value(inner) for inner in value] if isinstance(value, list) else str(value)
    return value


def _line(value: Any) -> str:
    written = _json_value(value)
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
