"""Three ways to show a workflow at work: bars on a terminal, lines in a log, JSON for machines."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from ..model.status import StepStatus
from .terminal import counted, duration, err, json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from .progress import PhaseProgress

LINE_S = 5.0
"""Seconds between a phase's lines in a log."""
MIN_BAR, MAX_BAR, REST = 8, 28, 58
"""Characters of a bar, and of everything beside it."""
EVENT_S = 1.0
"""Seconds between progress events for machines."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A workflow at one moment."""

    workflow: str
    status: str
    phases: Sequence[PhaseProgress]
    rejects: int


class Display(Protocol):
    """Where progress is shown. Use it as a context manager; it is silent after that."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def say(self, sentence: str) -> None:
        """Report something the user should know."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the current state."""


def display_for(*, as_json: bool) -> Display:
    """The right display: JSON if asked for, bars on a terminal, otherwise lines."""
    if as_json:
        return JsonDisplay()
    console = err()
    return BarDisplay(console) if console.is_terminal else LineDisplay(console)


class BarDisplay:
    """One bar for each content phase, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(
                bar_width=max(MIN_BAR, min(MAX_BAR, console.width - REST)),
                complete_style="cyan",
                finished_style="green",
                pulse_style="cyan",
            ),
            TextColumn("{task.fields[count]}", justify="right"),
            TextColumn("[bright_black]{task.fields[pace]}[/]", justify="right"),
            TextColumn("[bright_black]{task.fields[time]}[/]", justify="right"),
            console=console,
            refresh_per_second=8,
        )
        self._tasks: dict[str, TaskID] = {}
        self._waiting: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._drop_waiting()
        self._progress.stop()

    def say(self, sentence: str) -> None:
        if self._tasks:
            self._progress.console.print(sentence, markup=False)
            return
        self._drop_waiting()
        self._waiting = self._progress.add_task(sentence, total=None, count="", pace="", time="")

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._progress.remove_task(self._waiting)
            self._waiting = None

    def show(self, snapshot: Snapshot) -> None:
        if all(phase.status is StepStatus.WAITING for phase in snapshot.phases):
            return
        self._drop_waiting()
        for phase in snapshot.phases:
            if phase.name not in self._tasks:
                self._tasks[phase.name] = self._progress.add_task(
                    f"{phase.title:<8}", total=None, start=False, count="", pace="", time=""
                )
            self._draw(self._tasks[phase.name], phase)

    def _draw(self, task: TaskID, phase: PhaseProgress) -> None:
        share = phase.share
        is_waiting = phase.status is StepStatus.WAITING
        is_measured = share is not None or is_waiting
        if phase.status is not StepStatus.WAITING:
            self._progress.start_task(task)
        self._progress.update(
            task,
            total=1.0 if is_measured else None,
            completed=0.0 if is_waiting else min(share or 0.0, 1.0 if phase.status is StepStatus.SUCCEEDED else 0.999),
            count=f"{'' if is_waiting else _count(phase):>16}",
            pace=f"{_pace(phase):>12}",
            time=f"{_time(phase):>10}",
        )


class LineDisplay:
    """A line when a phase begins and when it ends, and a few in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[StepStatus, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Lines stay."""

    def say(self, sentence: str) -> None:
        self._console.print(sentence, markup=False)

    def show(self, snapshot: Snapshot) -> None:
        now = time.monotonic()
        for phase in snapshot.phases:
            status, at = self._shown.get(phase.name, (StepStatus.WAITING, now))
            is_due = phase.status is StepStatus.RUNNING and now - at >= LINE_S
            if phase.status is not status or is_due:
                self._shown[phase.name] = phase.status, now
                parts = [_count(phase), _pace(phase), _time(phase)]
                facts = ", ".join(part for part in parts if part)
                self._console.print(f"{phase.title}: {phase.status}, {facts}", markup=False)


class JsonDisplay:
    """One JSON object per line of standard error for each event; standard output is left for the result."""

    def __init__(self) -> None:
        self._statuses: list[str] = []
        self._at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Lines stay."""

    def say(self, sentence: str) -> None:
        _write({"event": "message", "message": sentence})

    def show(self, snapshot: Snapshot) -> None:
        statuses, now = [snapshot.status, *(phase.status.value for phase in snapshot.phases)], time.monotonic()
        if statuses == self._statuses and now - self._at < EVENT_S:
            return
        self._statuses, self._at = statuses, now
        phases = [asdict(phase) | {"share": phase.share} for phase in snapshot.phases]
        rest = {"workflow": snapshot.workflow, "status": snapshot.status, "rejects": snapshot.rejects}
        _write({"event": "progress", **rest, "phases": phases})


def _write(value: object) -> None:
    sys.stderr.write(json_line(value))
    sys.stderr.flush()


def _count(phase: PhaseProgress) -> str:
    if phase.is_complete:
        return f"{phase.done:,}/{phase.known:,} partitions"
    return counted(phase.done, "partition")


def _pace(phase: PhaseProgress) -> str:
    return "" if phase.documents_a_second is None else f"{phase.documents_a_second:,.0f} docs/s"


def _time(phase: PhaseProgress) -> str:
    if phase.status is StepStatus.RUNNING:
        return "" if phase.left_s is None else f"{duration(phase.left_s)} left"
    return duration(phase.elapsed_s) if phase.status is StepStatus.SUCCEEDED else ""
