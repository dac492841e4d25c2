"""``eopiez update``: change the parts of a running workflow that have not started."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ParameterError, WorkflowError
from ..model.names import check_free_labels
from .labels import labels_of
from .system import open_system
from .tasks import parse_size
from .terminal import out, print_json
from .watch import short
from .workflow import AsJson, Named

if TYPE_CHECKING:
    from ..model.changes import StepChange
    from ..model.plan import PlanSpec
    from ..model.policies import Resources, StepPolicy

STEP, WORKFLOW, HISTORY = "A step", "The workflow", "For its history"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(update)


@dataclass(frozen=True, slots=True)
class StepWish:
    """Changes to a step; fields that are None or empty change nothing."""

    parameters: dict[str, Any]
    resources: dict[str, float]
    """Fields of ``Resources``."""
    attempts: int | None
    limits: dict[str, float]
    """Fields of ``StepChange``, in seconds and as a share of rows."""

    def __bool__(self) -> bool:
        return bool(self.parameters or self.resources or self.attempts or self.limits)

    def change(self, plan: PlanSpec, name: str) -> StepChange:
        """The change to that step.

        Raises:
            PlanError: the plan has no such step.
        """
        from ..model.changes import Change, StepChange

        policy = self._policy(Change((StepChange(name),)).applied(plan), name)
        retry = None if self.attempts is None else replace(policy.retry, maximum_attempts=self.attempts)
        return StepChange(name, self.parameters or None, self._resources(policy), retry, **self.limits)

    def _policy(self, plan: PlanSpec, name: str) -> StepPolicy:
        return plan.steps[plan.index()[name]].policy

    def _resources(self, policy: StepPolicy) -> Resources | None:
        return replace(policy.resources, **self.resources) if self.resources else None  # type: ignore[arg-type]


Step = Annotated[
    str | None, typer.Option("--step", "-s", help="The step to change.", rich_help_panel=STEP, show_default=False)
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter, as JSON or else as text; repeatable.",
        rich_help_panel=STEP,
        show_default=False,
    ),
]
Cpu = Annotated[float | None, typer.Option(min=0, help="CPUs per task.", rich_help_panel=STEP, show_default=False)]
Gpu = Annotated[float | None, typer.Option(min=0, help="GPUs per task.", rich_help_panel=STEP, show_default=False)]
Memory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Memory per task, such as 4GiB.", rich_help_panel=STEP, show_default=False),
]
Attempts = Annotated[
    int | None, typer.Option(min=1, help="Maximum attempts per task.", rich_help_panel=STEP, show_default=False)
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0.001, help="Timeout of one attempt.", rich_help_panel=STEP, show_default=False
    ),
]
StepTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0.001, help="Timeout of the whole step.", rich_help_panel=STEP, show_default=False
    ),
]
WaitTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        help="How long tasks may wait while none of the step runs.",
        rich_help_panel=STEP,
        show_default=False,
    ),
]
MaxRejects = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=1,
        help="Share of rejected rows above which the step fails.",
        rich_help_panel=STEP,
        show_default=False,
    ),
]
Priority = Annotated[
    int | None,
    typer.Option(min=-(2**15), max=2**15 - 1, help="Higher goes first.", rich_help_panel=WORKFLOW, show_default=False),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "-l",
        metavar="NAME=VALUE",
        help="A label to add or replace; repeatable.",
        rich_help_panel=WORKFLOW,
        show_default=False,
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Who asks; your login name by default.", rich_help_panel=HISTORY, show_default=False
    ),
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="The reason.", rich_help_panel=HISTORY, show_default=False)]


def update(
    workflow: Named,
    step: Step = None,
    parameters: Parameters = None,
    cpu: Cpu = None,
    gpu: Gpu = None,
    memory: Memory = None,
    attempts: Attempts = None,
    timeout: Timeout = None,
    step_timeout: StepTimeout = None,
    wait_timeout: WaitTimeout = None,
    max_rejects: MaxRejects = None,
    priority: Priority = None,
    label: Label = None,
    by: By = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Change what has not started in a workflow: a step's parameters and policies, its priority, its labels.

    Parameters can change until the step's first task begins, policies until the step is done, priority and labels
    until the workflow ends. An update applies completely or not at all; **eopiez events** shows who changed what.

    **Examples**

    ```
    eopiez update 0b1c2d3e --step tidy --set lower=false --set 'words=["a", "of"]'
    eopiez update 0b1c2d3e --step embed --memory 8GiB --attempts 5 --by anna --why 'it was too little'
    eopiez update 0b1c2d3e --priority 5 --label team=research
    ```
    """
    wish = StepWish(
        _parameters(parameters or []),
        _given(cpu=cpu, gpu=gpu, memory_bytes=None if memory is None else parse_size("--memory", memory)),
        attempts,
        _given(timeout_s=timeout, step_timeout_s=step_timeout, wait_timeout_s=wait_timeout, max_rejects=max_rejects),
    )
    labels = labels_of(label or [])
    check_free_labels(labels)
    _refuse_nothing(step, wish, has_more=priority is not None or bool(labels))
    with open_system() as local:
        handle = local.workflow(workflow)
        changes = [] if step is None else [wish.change(handle.view().plan, step)]
        try:
            handle.update(*changes, priority=priority, labels=labels or None, by=by, why=why)
        except TimeoutError as error:
            raise WorkflowError(
                f"the process that drives {handle.id} has not answered yet; "
                f"`eopiez events {short(handle.view())}` will show whether it applied the update"
            ) from error
        view = handle.view()
    if as_json:
        names = ("status", "plan_version", "priority", "labels")
        print_json({"workflow": view.id} | {name: getattr(view, name) for name in names})
    else:
        out().print(f"{short(view)} is updated; its plan is now version {view.plan_version}.")


def _parameters(given: list[str]) -> dict[str, Any]:
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise ParameterError(f"--set is {text!r}; give a name and a value, such as lower=false")
    return {name: _value(value) for name, _, value in (text.partition("=") for text in given)}


def _value(text: str) -> Any:
    """The text parsed as JSON, or else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _given(**options: float | None) -> dict[str, float]:
    return {name: value for name, value in options.items() if value is not None}


def _refuse_nothing(step: str | None, wish: StepWish, *, has_more: bool) -> None:
    if wish and step is None:
        raise ParameterError("name the step to change with --step")
    if step is not None and not wish:
        raise ParameterError(
            f"say what to change in step {step!r}, with --set, --memory, --attempts or another of its options"
        )
    if step is None and not has_more:
        raise ParameterError("say what to change, with --priority, --label, or --step and --set")
