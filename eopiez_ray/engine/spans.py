"""What phases have measured of their tasks, until somebody takes it to a collector of traces."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..model.results import Results

if TYPE_CHECKING:
    from ..model.ids import WorkflowId
    from ..model.tasks import Report, TaskSpan
    from .run import Run

MOST_WAITING = 20_000
"""Spans that wait to be taken; then the oldest are forgotten."""


class TracedTask(NamedTuple):
    """An attempt at a task whose phase has measured parts of it."""

    workflow: WorkflowId
    project: str
    step: int
    partition: int
    has_result: bool
    spans: tuple[TaskSpan, ...]


class SpanBox:
    """Keeps spans in memory alone: what nobody takes before the process dies is lost, and nothing ever waits for it."""

    def __init__(self) -> None:
        self._waiting: deque[TracedTask] = deque()
        self._count = 0

    def note(self, run: Run, reports: Iterable[Report | Results]) -> None:
        """Keep what a call's reports have."""
        for report in reports:
            if not isinstance(report, Results) and report.spans:
                key, has_result = report.key, report.output is not None
                self._add(TracedTask(run.id, run.owner.project, *key, has_result, report.spans))

    def take(self) -> list[TracedTask]:
        """All that wait; they wait no more."""
        taken = [*self._waiting]
        self._waiting.clear()
        self._count = 0
        return taken

    def _add(self, task: TracedTask) -> None:
        self._waiting.append(task)
        self._count += len(task.spans)
        while self._count > MOST_WAITING:
            self._count -= len(self._waiting.popleft().spans)
