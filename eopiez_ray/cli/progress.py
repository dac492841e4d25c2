"""A workflow's progress by content phase, computed from the counters of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.status import StepStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..store import StepView

TITLES = {  # In the order in which people think of them; they run concurrently.
    "ingest": "Read",
    "copies": "Near-copies",
    "facets": "Facets",
    "motifs": "Motifs",
    "vectors": "Vectors",
    "themes": "Themes",
    "compress": "Archive",
    "report": "Report",
}
DOCUMENTS_STEP = "ingest.read"
"""The step whose rows are the collection's documents."""
TELLING_SHARE = 0.05
"""Share of a phase that we must have seen done before we estimate its remaining time."""


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """A content phase: all steps whose names start with its name."""

    name: str
    status: StepStatus
    done: int
    """Finished partitions of all its steps."""
    known: int
    """Partitions known so far."""
    is_complete: bool
    """Whether all partitions are known, so that ``done`` over ``known`` is a share."""
    documents_a_second: float | None
    elapsed_s: float
    """Since it began, or since we began to look."""
    left_s: float | None
    """An estimate from the pace so far; None until there is one."""

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None while unknown."""
        if self.status is StepStatus.SUCCEEDED:
            return 1.0
        return self.done / self.known if self.is_complete and self.known else None


@dataclass(frozen=True, slots=True)
class Mark:
    """What was done when we began to look: the pace counts from there, not from before a pause."""

    at: datetime
    done: dict[str, int]
    """Finished partitions by content phase."""


def mark(steps: Sequence[StepView], now: datetime) -> Mark:
    """Begin to look."""
    return Mark(now, {name: sum(step.done for step in group) for name, group in by_phase(steps).items()})


def phases_of(steps: Sequence[StepView], now: datetime, since: Mark) -> list[PhaseProgress]:
    """The content phases of a workflow."""
    documents = next((step.rows for step in steps if step.name == DOCUMENTS_STEP), 0)
    return [_phase(name, group, documents, now, since) for name, group in by_phase(steps).items()]


def by_phase(steps: Sequence[StepView]) -> dict[str, list[StepView]]:
    """Steps grouped by content phase, the first part of their names."""
    groups: dict[str, list[StepView]] = {name: [] for name in TITLES}
    for step in steps:
        groups.setdefault(step.name.partition(".")[0], []).append(step)
    return {name: group for name, group in groups.items() if group}


def _phase(name: str, steps: Sequence[StepView], documents: int, now: datetime, since: Mark) -> PhaseProgress:
    status = _status(steps)
    done = sum(step.done for step in steps)
    known = sum(step.done + step.running if step.partitions is None else step.partitions for step in steps)
    is_complete = all(step.partitions is not None for step in steps)
    elapsed = _elapsed(steps, status, now, since)
    here = done - since.done.get(name, 0)
    left = None
    if is_complete and status is StepStatus.RUNNING and here >= TELLING_SHARE * known:
        left = elapsed * (known - done) / here
    pace = documents * here / known / elapsed if elapsed and known else None
    return PhaseProgress(name, status, done, known, is_complete, pace or None, elapsed, left)


def _status(steps: Sequence[StepView]) -> StepStatus:
    statuses = {step.status for step in steps}
    if StepStatus.FAILED in statuses:
        return StepStatus.FAILED
    if statuses == {StepStatus.SUCCEEDED}:
        return StepStatus.SUCCEEDED
    return StepStatus.WAITING if statuses == {StepStatus.WAITING} else StepStatus.RUNNING


def _elapsed(steps: Sequence[StepView], status: StepStatus, now: datetime, since: Mark) -> float:
    begun = [step.started_at for step in steps if step.started_at is not None]
    if not begun:
        return 0.0
    ended = [step.finished_at for step in steps if step.finished_at is not None]
    end = max(ended) if status is StepStatus.SUCCEEDED and ended else now
    begin = min(begun)
    return max(0.0, (end - (max(begin, since.at) if since.at < end else begin)).total_seconds())
