"""What a phase can learn of its task while it runs, and tell beside its result."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..model.tasks import Reject, StepSummary

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class TaskContext:
    """The task at hand. Outside a worker (a test, a notebook) a fresh one stands in."""

    workflow_id: str = ""
    step: str = ""
    partition: int = 0
    attempt: int = 1
    """Counted from 1."""
    rejects: list[Reject] = field(default_factory=list)
    steps: tuple[StepSummary, ...] = ()
    """For a sink: what the workflow's steps have done so far, in the plan's order."""

    @property
    def token(self) -> str:
        """The same for every attempt of this task: what makes an effect idempotent."""
        return f"{self.workflow_id}/{self.step}/{self.partition}"

    def reject(self, source: str, reason: str, sample: str = "") -> None:
        """Put a row into the step's quarantine; it is kept with the task's result, once."""
        self.rejects.append(Reject(source, reason, sample[:200]))


_current: ContextVar[TaskContext | None] = ContextVar("eopiez_task", default=None)


def current_task() -> TaskContext:
    """The context of the task that is running."""
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
