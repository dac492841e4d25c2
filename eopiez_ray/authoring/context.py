"""What a phase can learn about its task while it runs, and report besides its result."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..model.failures import exact
from ..model.tasks import Reject, StepSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.spans import Spans

MOST_REJECTS = 10_000
"""How many of a task's rejects are kept individually."""
MOST_REASONS = 100
"""How many different reasons the others are counted by."""
OTHER_REASONS = "for other reasons"
SOURCE_CHARACTERS = 1000
REASON_CHARACTERS = 500
SAMPLE_CHARACTERS = 200


class Rejects:
    """What a task has put into quarantine, in bounded memory."""

    __slots__ = ("_counted", "_kept")

    def __init__(self) -> None:
        self._kept: list[Reject] = []
        self._counted: dict[str, int] = {}

    def add(self, source: str, reason: str, sample: str) -> None:
        """Add a row."""
        reason = reason[:REASON_CHARACTERS]
        if len(self._kept) < MOST_REJECTS:
            self._kept.append(Reject(source[:SOURCE_CHARACTERS], reason, sample[:SAMPLE_CHARACTERS]))
            return
        known = reason if reason in self._counted or len(self._counted) < MOST_REASONS else OTHER_REASONS
        self._counted[known] = self._counted.get(known, 0) + 1

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
        self._counted.clear()

    def __bool__(self) -> bool:
        return bool(self._kept)

    def __iter__(self) -> Iterator[Reject]:
        yield from self._kept
        for reason, rows in self._counted.items():
            yield Reject(f"{rows:,} more rows", reason, "", rows)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._kept) + sum(self._counted.values())


@dataclass(slots=True)
class TaskContext:
    """The current task. Outside a worker, as in a test or a notebook, a fresh one stands in."""

    workflow_id: str = ""
    step: str = ""
    partition: int = 0
    attempt: int = 1
    """Counted from 1."""
    rejects: Rejects = field(default_factory=Rejects)
    steps: tuple[StepSummary, ...] = ()
    """For a sink: what the workflow's steps have done so far, in the plan's order."""
    project: str = ""
    """The project that the workflow belongs to."""
    spans: Spans | None = None
    """Of parts of the task; None if nobody wants them."""

    @property
    def token(self) -> str:
        """A token that is the same for every attempt of this task, for making effects idempotent."""
        return f"{self.workflow_id}/{self.step}/{self.partition}"

    def reject(self, source: str, reason: str, sample: str = "") -> None:
        """Put a row into the step's quarantine; it is kept exactly once, with the task's result.

        The first 10,000 of a task are kept individually; the others are counted by reason.
        """
        self.rejects.add(exact(source), exact(reason), exact(sample))

    def forget(self) -> None:
        """Forget rejects and spans so far."""
        self.rejects.clear()
        if self.spans is not None:
            self.spans.clear()


_current: ContextVar[TaskContext | None] = ContextVar("eopiez_task", default=None)


def current_task() -> TaskContext:
    """The running task's context."""
    return _current.get() or TaskContext()


@contextmanager
def running(context: TaskContext) -> Iterator[TaskContext]:
    """Make ``context`` the current one inside the block."""
    enter(context)
    try:
        yield context
    finally:
        enter(None)


def enter(context: TaskContext | None) -> None:
    """Make ``context`` the current one; None leaves it."""
    _current.set(context)
