"""Values as a notebook shows them: HTML in which everything that users wrote is escaped, and a picture that moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import EopiezError
from .model.names import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model.plan import PlanSpec
    from .model.views import AttemptView, StepView, WorkflowView

Row = TypeVar("Row")
LONGEST = 500
"""Characters of a cell; more would make a page unreadable, and slow."""
MOST_ROWS = 200
"""Rows of a table."""
FIRST = 3
"""Partitions of a result that are loaded to be shown."""


class Rows(list[Row]):
    """A list that a notebook shows as a table."""

    def __init__(self, rows: Iterable[Row], picture: Callable[[Sequence[Row]], str]) -> None:
        super().__init__(rows)
        self._picture = picture

    def _repr_html_(self) -> str:
        return self._picture(self)


def text(value: object) -> str:
    """A value's text as HTML: tags, control characters and surrogates are shown, and what is too long is cut."""
    whole = str(value)
    return escape(shown(whole if len(whole) <= LONGEST else whole[:LONGEST] + " …"))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of plain values; an ``_Html`` stays as it is."""
    head = "".join(f"<th>{text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MOST_ROWS])
    more = len(rows) - MOST_ROWS
    note = f"<p>… and {more:,} more</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


class _Html(str):
    """What is HTML already."""

    __slots__ = ()


def _cell(value: object) -> str:
    if isinstance(value, _Html):
        return f"<td>{value}</td>"
    return f'<td style="text-align:left">{"" if value is None else text(value)}</td>'


def workflow_html(view: WorkflowView, steps: Sequence[StepView]) -> str:
    """A workflow: how it stands, how far its steps are, and what went wrong."""
    head = f"<p><b>{text(view.name)}</b> {text(view.id)}: {text(view.status)}</p>"
    return head + steps_html(steps) + _failure(view.error)


def steps_html(steps: Sequence[StepView]) -> str:
    """Steps with their progress."""
    heads = ("Step", "Status", "", "Partitions", "Waits for")
    return table(heads, [(step.name, step.status, _bar(step), _count(step), step.reason) for step in steps])


def _bar(step: StepView) -> _Html:
    """How much of a step is done; a bar without a value moves, where browsers let it."""
    if step.partitions is None:
        return _Html("<progress></progress>" if step.running else "")
    return _Html(f'<progress value="{step.done}" max="{max(1, step.partitions)}"></progress>')


def _count(step: StepView) -> str:
    return f"{step.done:,} / {'?' if step.partitions is None else format(step.partitions, ',')}"


def _failure(error: Mapping[str, Any] | None) -> str:
    if not error:
        return ""
    place = f" in step {text(error['step'])}, partition {text(error.get('partition'))}" if error.get("step") else ""
    return f"<p><b>{text(error.get('error_type', 'Error'))}</b>{place}: {text(error.get('message', ''))}</p>"


def workflows_html(views: Sequence[WorkflowView]) -> str:
    """Workflows, one a line."""
    rows = [(view.id, view.name, view.status, f"{view.created_at:%Y-%m-%d %H:%M:%S %Z}") for view in views]
    return table(("Workflow", "Name", "Status", "Created"), rows)


def attempts_html(attempts: Sequence[AttemptView]) -> str:
    """Attempts that ended without a result."""
    heads = ("Step", "Partition", "Attempt", "Outcome", "Error", "Message")
    rows = [(each.step, each.partition, each.attempt, each.outcome, each.error_type, each.message) for each in attempts]
    return table(heads, rows)


def plan_html(spec: PlanSpec) -> str:
    """A plan: its steps in order, each with its phase and inputs."""
    rows = [
        (step.name, f"{step.phase.name} {step.phase.version}", step.phase.kind, ", ".join(step.inputs))
        for step in spec.steps
    ]
    return f"<p><b>{text(spec.name)}</b></p>" + table(("Step", "Phase", "Kind", "Inputs"), rows)


def partitions_html(partitions: Sequence[Any]) -> str:
    """The first partitions of a result, which are loaded for it."""
    some = [partitions[number] for number in range(min(FIRST, len(partitions)))]
    head = f"<p>{len(partitions):,} partitions</p>"
    return head + table(("", "Value"), [(number, _value(value)) for number, value in enumerate(some)])


def _value(value: Any) -> object:
    """A table as one; anything else by its ``repr``."""
    if not all(hasattr(value, name) for name in ("column_names", "slice", "num_rows")):
        return repr(value)
    rows = [list(row.values()) for row in value.slice(0, FIRST).to_pylist()]
    return _Html(f"{value.num_rows:,} rows{table(value.column_names, rows)}")


def watch(picture: Callable[[], str], has_ended: Callable[[], bool], every_s: float) -> None:
    """Show a picture in a notebook, and draw it anew until it has ended. An interrupt ends only the watching.

    Raises:
        EopiezError: this is no notebook.
    """
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import HTML, display
    except ImportError:
        get_ipython = None  # type: ignore[assignment]
    if get_ipython is None or get_ipython() is None:
        raise EopiezError("watch() shows a workflow in a notebook; a program waits for it by wait()")
    handle: Any = display(HTML(picture()), display_id=True)  # type: ignore[no-untyped-call]
    try:
        while not has_ended():
            time.sleep(every_s)
            handle.update(HTML(picture()))  # type: ignore[no-untyped-call]
    except KeyboardInterrupt:
        return
    handle.update(HTML(picture()))  # type: ignore[no-untyped-call]
