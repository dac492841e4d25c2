"""``eopiez show``: any workflow, from any terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..model.status import StepStatus, WorkflowStatus
from .labels import OUTPUT
from .progress import by_phase
from .system import open_system
from .terminal import ago, coloured, duration, out, print_json, size
from .watch import failure_of, retry_advice, short
from .workflow import AsJson, NamedOrLatest, find, standing, took, workflow_value

if TYPE_CHECKING:
    from rich.text import Text

    from ..store import AttemptView, StepFacts, StepView, WorkflowView

TRACEBACK_LINES = 12
SHOWN_STEPS = 24
SHOWN_REASONS = 5
SHOWN_ATTEMPTS = 5
MOST_ATTEMPTS = 100
"""Attempts without a result that are shown to machines; ``eopiez tasks --failed`` lists all of them."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


def show(workflow: NamedOrLatest = None, as_json: AsJson = False) -> None:
    """Show a workflow: its steps, how far they are, what went wrong and what to do next."""
    with open_system() as local:
        handle = find(local, workflow)
        view, steps, attempts = handle.view(), handle.steps(), handle.last_attempts(MOST_ATTEMPTS)
        facts, driver = handle.step_facts(), handle.driver
    is_driven = driver is not None
    if as_json:
        print_json(
            workflow_value(view)
            | {"is_driven": is_driven, "driver": driver.name if driver else None}
            | {"steps": _steps_with_facts(steps, facts), "attempts": [_attempt_value(a) for a in attempts]}
        )
        return
    console = out()
    console.print(f"[bold]{escape(view.name)}[/]  {view.id}")
    version = f" · plan version {view.plan_version}" if view.plan_version > 1 else ""
    console.print(standing(view), f"· created {ago(view.created_at)} · took {took(view)}{version}")
    if driver is not None:
        console.print(f"driven by {escape(driver.name or 'a process')} on {escape(driver.host)}, pid {driver.pid}")
    if OUTPUT in view.labels:
        console.print(f"output {escape(view.labels[OUTPUT])}")
    shown = _shown(steps, facts)
    console.print(_steps_table(shown, facts))
    if len(shown) < len(steps):
        console.print(f"[bright_black]{_rest(steps, shown)}; --json has all of them[/]")
    waiting = [step for step in steps if step.reason and not view.status.is_at_rest]
    for step in waiting[:SHOWN_REASONS]:
        console.print(f"[yellow]{escape(step.name)} waits:[/] {escape(step.reason)}")
    _print_attempts(attempts)
    for line in _advice(view, is_driven=is_driven):
        console.print(line)


def _shown(steps: list[StepView], facts: list[StepFacts]) -> list[StepView]:
    """What fits on a screen: steps at work or in trouble first, then those that began or come next."""
    if len(steps) <= SHOWN_STEPS:
        return steps
    troubled = {fact.step for fact in facts if fact.attempts}

    def interest(step: StepView) -> tuple[bool, bool, bool]:
        is_moving = step.status in {StepStatus.RUNNING, StepStatus.FAILED}
        return not is_moving, step.name not in troubled, not step.reason

    chosen = {step.position for step in sorted(steps, key=interest)[:SHOWN_STEPS]}
    return [step for step in steps if step.position in chosen]


def _rest(steps: list[StepView], shown: list[StepView]) -> str:
    names = {step.name for step in shown}
    left = Counter(step.status.value for step in steps if step.name not in names)
    return "and " + ", ".join(f"{count:,} {status}" for status, count in left.items()) + " more"


def _steps_table(steps: list[StepView], facts: list[StepFacts]) -> Table:
    """Memory and failures have columns only where there are some."""
    by_step = {fact.step: fact for fact in facts}
    has_memory = any(by_step[step.name].peak_bytes for step in steps)
    has_attempts = any(by_step[step.name].attempts for step in steps)
    more = (["Memory"] if has_memory else []) + (["Without result"] if has_attempts else [])
    columns = ["Step", "Status", "Partitions", "Rows", "Rejected", "Work", "CPU", "Mean", *more]
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for group in by_phase(steps).values():
        for step in group:
            fact = by_step[step.name]
            memory = [size(fact.peak_bytes) if fact.peak_bytes else "–"] if has_memory else []
            attempts = [_counted_attempts(fact)] if has_attempts else []
            is_last = len(group) > 1 and step is group[-1]
            table.add_row(*_step_cells(step), *memory, *attempts, end_section=is_last)
    return table


def _counted_attempts(fact: StepFacts) -> str:
    return ", ".join(f"[red]{count:,} {outcome}[/]" for outcome, count in fact.attempts.items()) or "–"


def _mean_s(step: StepView) -> float | None:
    """Seconds of a task that really ran."""
    ran = step.done - step.cached
    return step.wall_s / ran if ran > 0 else None


def _step_cells(step: StepView) -> list[str | Text]:
    partitions = f"{step.done:,}/{'?' if step.partitions is None else format(step.partitions, ',')}"
    cached = f" [bright_black]({step.cached:,} cached)[/]" if step.cached else ""
    work = [duration(seconds) if step.done else "–" for seconds in (step.wall_s, step.cpu_s)]
    rejects = f"[yellow]{step.rejects:,}[/]" if step.rejects else "–"
    mean = duration(_mean_s(step))
    return [escape(step.name), coloured(step.status), partitions + cached, f"{step.rows:,}", rejects, *work, mean]


def _print_attempts(attempts: list[AttemptView]) -> None:
    """The attempts that ended badly: each in a line, the last one with the end of its traceback."""
    console = out()
    for attempt in attempts[-SHOWN_ATTEMPTS:]:
        first = attempt.message.partition("\n")[0]
        colour = "bright_black" if attempt.is_forgiven else "red"
        place = f"{attempt.step}, partition {attempt.partition}, attempt {attempt.attempt}"
        console.print(f"[{colour}]{attempt.outcome}[/]  {escape(place)}: {escape(attempt.error_type)}: {escape(first)}")
    if attempts and attempts[-1].traceback and not attempts[-1].is_forgiven:
        tail = attempts[-1].traceback.rstrip().splitlines()[-TRACEBACK_LINES:]
        console.print("[bright_black]" + escape("\n".join(f"    {line}" for line in tail)) + "[/]")


def _advice(view: WorkflowView, *, is_driven: bool) -> list[str]:
    """What a person may do next."""
    name = short(view)
    if view.status is WorkflowStatus.FAILED:
        return [f"[red]Failed[/]: {escape(str(failure_of(view)))}", escape(retry_advice(view))]
    if view.status is WorkflowStatus.PAUSED:
        return [f"Go on with: [bold]eopiez resume {name}[/]"]
    if view.status is WorkflowStatus.CANCELLED:
        return [f"Start it again where it stood with: [bold]eopiez retry {name}[/]"]
    if not view.status.is_at_rest and not is_driven:
        return [f"[yellow]No process drives it.[/] Go on with: [bold]eopiez resume {name}[/]"]
    if view.status is WorkflowStatus.PAUSING:
        return [f"Have it at once with: [bold]eopiez pause {name} --now[/]"]
    if not view.status.is_at_rest:
        return [f"Watch it with: [bold]eopiez resume {name}[/]; stop it with: [bold]eopiez pause {name}[/]"]
    return []


def steps_value(steps: list[StepView]) -> list[dict[str, Any]]:
    """Steps as JSON values."""
    names = (
        "name", "phase", "kind", "status", "reason", "partitions", "done", "running", "rows", "rejects", "cached",
        "wall_s", "cpu_s", "started_at", "finished_at",
    )  # fmt: skip
    return [{name: getattr(step, name) for name in names} for step in steps]


def _steps_with_facts(steps: list[StepView], facts: list[StepFacts]) -> list[dict[str, Any]]:
    return [
        value | {"mean_s": _mean_s(step), "peak_bytes": fact.peak_bytes, "attempts": fact.attempts}
        for value, step, fact in zip(steps_value(steps), steps, facts, strict=True)
    ]


def _attempt_value(attempt: AttemptView) -> dict[str, Any]:
    names = (
        "step", "partition", "attempt", "outcome", "error_type", "message", "traceback", "started_at", "ended_at",
        "is_forgiven",
    )  # fmt: skip
    return {name: getattr(attempt, name) for name in names}
