"""The steps of one workflow, and when its tasks and attempts ran, in columns for whoever draws thousands of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.status import Outcome
from .queries import sql

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from ..model.ids import WorkflowId
    from .database import Database

STATES: tuple[str, ...] = (
    Outcome.SUCCEEDED, "cached", Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.OUT_OF_MEMORY,
    Outcome.REFUSED,
)  # fmt: skip
"""How tasks and attempts end; columns hold positions in it."""


@dataclass(frozen=True, slots=True)
class TimelinePlace:
    """Where a timeline continues."""

    since: datetime | None = None
    """Only tasks committed since; None while all of them are read."""
    step: int = 0
    partition: int = -1
    attempt: int = 0
    """The id of the last attempt."""
    horizon: datetime | None = None
    """While all tasks are read: changes later than this may be missing from pages that were read."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A part of a timeline."""

    columns: str
    """A JSON object, as ``gateway`` describes it."""
    next: TimelinePlace | None
    """Where it continues; None if this is all, for now."""
    after: TimelinePlace
    """Where what happens later will be. A finished task may come a second time."""


class Pictures:
    """Reads what pictures of a workflow show."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def graph(self, workflow: WorkflowId) -> str:
        """Its steps as columns: a JSON object, as ``gateway`` describes it."""
        row = await self._database.fetchrow(sql("graph"), workflow)
        assert row is not None
        return str(row["columns"])

    async def timeline(self, workflow: WorkflowId, origin: datetime, place: TimelinePlace, limit: int) -> TimelinePage:
        """A page of the timeline after a place.

        Args:
            workflow: an existing one.
            origin: the moment from which times are counted.
            place: where to continue.
            limit: how many tasks, and how many attempts, at most.
        """
        async with self._database.transaction() as connection:
            await connection.execute("set local plan_cache_mode = force_custom_plan")
            row = await connection.fetchrow(
                sql("timeline"), workflow, place.since, place.step, place.partition, place.attempt, limit,
                list(STATES), origin,
            )  # fmt: skip
        assert row is not None
        return _page(place, row, limit)


def _page(place: TimelinePlace, row: Any, limit: int) -> TimelinePage:
    reached = replace(place, horizon=place.horizon or row["horizon"], attempt=row["attempt"] or place.attempt)
    if row["tasks"]:
        since = None if place.since is None else row["committed_at"]
        reached = replace(reached, since=since, step=row["step"], partition=row["partition"])
    has_more = limit in (row["tasks"], row["attempts"])
    return TimelinePage(row["columns"], reached if has_more else None, _later(reached))


def _later(place: TimelinePlace) -> TimelinePlace:
    if place.since is not None:
        return place
    return TimelinePlace(since=place.horizon, attempt=place.attempt)
