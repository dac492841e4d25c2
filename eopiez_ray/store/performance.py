"""What the tasks of one workflow took."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from .queries import sql

if TYPE_CHECKING:
    from ..model.ids import WorkflowId
    from .database import Database


class StepSpread(NamedTuple):
    """What the finished tasks of a step took, in seconds."""

    step: int
    tasks: int
    total_s: float
    mean_s: float
    variance: float
    """In square seconds."""
    p50_s: float
    p95_s: float
    longest_s: float
    most_rows: int
    mean_rows: float
    began_at: float
    """Unix seconds."""
    ended_at: float


class LongTask(NamedTuple):
    """A task that took long."""

    partition: int
    wall_s: float
    rows: int
    worker: str


class TaskSpan(NamedTuple):
    """When a task ran."""

    partition: int
    started_at: float
    """Unix seconds."""
    wall_s: float

    @property
    def ended_at(self) -> float:
        """Unix seconds."""
        return self.started_at + self.wall_s


class StepProgress(NamedTuple):
    """How far a step is."""

    position: int
    partitions: int | None
    """None while that is not known."""
    done: int
    running: int


class WorkflowTimes:
    """Reads what the tasks of workflows took."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spreads(self, workflow: WorkflowId) -> list[StepSpread]:
        """Of each step that has finished tasks."""
        return [StepSpread(*row) for row in await self._database.fetch(sql("step_spreads"), workflow)]

    async def longest(self, workflow: WorkflowId, step: int, at_least_s: float, limit: int) -> list[LongTask]:
        """The tasks of a step that took longest."""
        rows = await self._database.fetch(sql("longest_tasks"), workflow, step, at_least_s, limit)
        return [LongTask(*row) for row in rows]

    async def last(self, workflow: WorkflowId, step: int) -> TaskSpan | None:
        """The task of a step that ended last."""
        row = await self._database.fetchrow(sql("last_task"), workflow, step)
        return None if row is None else TaskSpan(*row)

    async def task(self, workflow: WorkflowId, step: int, partition: int) -> TaskSpan | None:
        """A finished task."""
        row = await self._database.fetchrow(sql("task_time"), workflow, step, partition)
        return None if row is None else TaskSpan(*row)

    async def progress(self, workflow: WorkflowId) -> dict[int, StepProgress]:
        """How far each step is, by its position; those that have not moved are missing."""
        rows = await self._database.fetch(sql("step_progress"), workflow)
        return {row["position"]: StepProgress(*row) for row in rows}

    async def known_means(self, phases: Collection[str]) -> dict[str, float]:
        """Mean seconds of a task, by the digest of its phase's code."""
        rows = await self._database.fetch(sql("known_means"), list(phases))
        return {row["digest"]: row["wall_s"] for row in rows}
