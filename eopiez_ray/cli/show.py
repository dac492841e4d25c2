"""``eopiez show``: any workflow, from any terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.text import Text

from ..errors import PlanError
from ..model.names import OUTPUT
from ..model.status import StepStatus, WorkflowStatus
from .progress import by_phase
from .sheet import Cell, Column, Sheet, figure, name, word
from .system import open_system
from .terminal import ago, coloured, duration, is_debugging, one_line, out, print_json, size
from .watch import failure_of, quarantine_of, retry_advice, short
from .workflow import AsJson, NamedOrLatest, find, standing, took, workflow_value

if TYPE_CHECKING:
    from rich.console import Console

    from ..store import AttemptView, StepFacts, StepView, WorkflowView
    from .system import Handle

TRACEBACK_LINES = 12
SHOWN_STEPS = 24
SHOWN_REASONS = 5
SHOWN_ATTEMPTS = 5
MOST_ATTEMPTS = 100
"""How many attempts without a result ``--json`` shows; ``eopiez tasks --failed`` lists them all."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


def show(workflow: NamedOrLatest = None, as_json: AsJson = False) -> None:
    """Show a workflow: its steps and their progress, what went wrong, and what to do next.

    Shows the end of each traceback; **eopiez --debug show** and **--json** show all of it.
    """
    with open_system() as local:
        handle = find(local, workflow)
        view, driver = handle.view(), handle.driver
        steps, facts, attempts = _details(handle)
    is_driven = driver is not None
    if as_json:
        print_json(
            workflow_value(view)
            | {"is_driven": is_driven, "driver": driver.name if driver else None}
            | {"steps": _steps_with_facts(steps, facts), "attempts": [_attempt_value(a) for a in attempts]}
        )
        return
    console = out()
    console.print(f"[bold]{escape(one_line(view.name))}[/]  {view.id}")
    version = f" · plan version {view.plan_version}" if view.plan_version > 1 else ""
    console.print(standing(view), f"· created {ago(view.created_at)} · took {took(view)}{version}")
    if driver is not None:
        console.print(f"driven by {escape(driver.name or 'a process')} on {escape(driver.host)}, pid {driver.pid}")
    if OUTPUT in view.labels:
        console.print(f"output {escape(view.labels[OUTPUT])}")
    shown = _shown(steps, facts)
    if steps:
        _steps_sheet(shown, facts).print(console)
    if len(shown) < len(steps):
        console.print(f"[bright_black]{_rest(steps, shown)}; --json has all of them[/]")
    waiting = [step for step in steps if step.reason and not view.status.is_at_rest]
    for step in waiting[:SHOWN_REASONS]:
        console.print(f"[yellow]{escape(step.name)} waits:[/] {escape(step.reason)}")
    _print_attempts(console, attempts)
    if view.status is WorkflowStatus.QUARANTINED:
        _print_traceback(console, str((view.error or {}).get("traceback", "")))
    for line in _advice(view, is_driven=is_driven):
        console.print(line)


def _details(handle: Handle) -> tuple[list[StepView], list[StepFacts], list[AttemptView]]:
    """Its steps, their figures, and the last attempts; nothing if its plan cannot be read."""
    try:
        return handle.steps(), handle.step_facts(), handle.last_attempts(MOST_ATTEMPTS)
    except PlanError:
        return [], [], []


def _shown(steps: list[StepView], facts: list[StepFacts]) -> list[StepView]:
    """The steps that fit on a screen: those running or in trouble first, then those that began or come next."""
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


def _steps_sheet(steps: list[StepView], facts: list[StepFacts]) -> Sheet:
    by_step = {fact.step: fact for fact in facts}
    columns = _columns(steps, facts)
    sheet = Sheet(*columns)
    for group in by_phase(steps).values():
        for step in group:
            cells = _step_cells(step, by_step[step.name])
            sheet.add(*(cells[column.title] for column in columns))
        if len(group) > 1:
            sheet.end_section()
    return sheet


def _columns(steps: list[StepView], facts: list[StepFacts]) -> list[Column]:
    """The columns; cached results, rejected rows, memory and failures have one only where there are any."""
    shown = [
        (name("Step"), True),
        (word("Status"), True),
        (figure("Partitions"), True),
        (figure("Cached", 3), any(step.cached for step in steps)),
        (figure("Rows", 2), True),
        (figure("Rejected", 1), any(step.rejects for step in steps)),
        (figure("Work", 4), True),
        (figure("CPU", 7), True),
        (figure("Mean", 5), True),
        (figure("Memory", 6), any(fact.peak_bytes for fact in facts)),
        (name("Without result", 1), any(fact.attempts for fact in facts)),
    ]
    return [column for column, is_shown in shown if is_shown]


def _counted_attempts(fact: StepFacts) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in fact.attempts.items())


def _mean_s(step: StepView) -> float | None:
    """Seconds per task, not counting cached ones."""
    ran = step.done - step.cached
    return step.wall_s / ran if ran > 0 else None


def _step_cells(step: StepView, fact: StepFacts) -> dict[str, Cell]:
    """The cell for each column."""
    return {
        "Step": step.name,
        "Status": coloured(step.status),
        "Partitions": f"{step.done:,}/{'?' if step.partitions is None else format(step.partitions, ',')}",
        "Cached": f"{step.cached:,}" if step.cached else "–",
        "Rows": f"{step.rows:,}",
        "Rejected": Text(f"{step.rejects:,}", "yellow") if step.rejects else "–",
        "Work": duration(step.wall_s) if step.done else "–",
        "CPU": duration(step.cpu_s) if step.done else "–",
        "Mean": duration(_mean_s(step)),
        "Memory": size(fact.peak_bytes) if fact.peak_bytes else "–",
        "Without result": Text(_counted_attempts(fact), "red") if fact.attempts else "–",
    }


def _print_attempts(console: Console, attempts: list[AttemptView]) -> None:
    """The failed attempts, one per line, and the end of the last one's traceback."""
    for attempt in attempts[-SHOWN_ATTEMPTS:]:
        first = attempt.message.partition("\n")[0]
        colour = "bright_black" if attempt.is_forgiven else "red"
        place = f"{attempt.step}, partition {attempt.partition}, attempt {attempt.attempt}"
        console.print(f"[{colour}]{attempt.outcome}[/]  {escape(place)}: {escape(attempt.error_type)}: {escape(first)}")
    if attempts and attempts[-1].traceback and not attempts[-1].is_forgiven:
        _print_traceback(console, attempts[-1].traceback)


def _print_traceback(console: Console, text: str) -> None:
    """The end of a traceback, which says most; all of it while debugging."""
    lines = text.rstrip().split("\n")
    shown = lines if is_debugging() else lines[-TRACEBACK_LINES:]
    console.print("[bright_black]" + escape("\n".join(f"    {line}" for line in shown)) + "[/]")


def _advice(view: WorkflowView, *, is_driven: bool) -> list[str]:
    """What the user can do next."""
    name = short(view)
    if view.status is WorkflowStatus.FAILED:
        return [f"[red]Failed[/]: {escape(str(failure_of(view)))}", escape(retry_advice(view))]
    if view.status is WorkflowStatus.QUARANTINED:
        return [f"[red]Quarantined[/]: {escape(quarantine_of(view))}", escape(retry_advice(view))]
    if view.status is WorkflowStatus.PAUSED:
        return [f"Continue with: [bold]eopiez resume {name}[/]"]
    if view.status is WorkflowStatus.CANCELLED:
        return [f"Continue it where it stopped with: [bold]eopiez retry {name}[/]"]
    if not view.status.is_at_rest and not is_driven:
        return [f"[yellow]No process drives it.[/] Continue with: [bold]eopiez resume {name}[/]"]
    if view.status is WorkflowStatus.PAUSING:
        return [f"Pause it at once with: [bold]eopiez pause {name} --now[/]"]
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
