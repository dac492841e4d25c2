"""Lists of workflows, a page at a time: how to find a few of a million that meet many conditions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from ..model.filters import Order, WorkflowFilter
from ..model.ids import WorkflowId
from ..model.views import WorkflowView
from .encoding import clean
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from .database import Database

ALL = WorkflowFilter()
FEW = 200
"""How far labels and statuses are followed to see which is the rarest."""
CLOCKS = timedelta(days=1)
"""How far the clock of a process that creates workflows, by which ids are made, may be from the database's."""
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


class Listing:
    """Finds the workflows of a list in the order of their ids, which grow with the time of creation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, where: WorkflowFilter, order: Order, after: WorkflowId | None, limit: int
    ) -> list[WorkflowView]:
        """The next workflows of a list."""
        ids = await self.ids(where, order, after, limit)
        rows = await self._database.fetch(sql("workflows"), ids)
        told = await self._database.vault.revealed_errors(rows, "error", "id")
        found = {row["id"]: WorkflowView.from_row(row) for row in told}
        return [found[workflow] for workflow in ids if workflow in found]

    async def ids(self, where: WorkflowFilter, order: Order, after: WorkflowId | None, limit: int) -> list[WorkflowId]:
        """Ids of the next workflows of a list."""
        rows = await self._database.fetch(
            sql("workflow_ids"), project_names(where.projects), _statuses(where), dict(where.labels), where.owner,
            where.name, where.plan, where.created_after, where.created_before, where.error_type, where.text,
            await self._rarest_label(where), order is Order.OLDEST, *_bounds(where, order, after), limit,
        )  # fmt: skip
        return [WorkflowId(row["id"]) for row in rows]

    async def _rarest_label(self, where: WorkflowFilter) -> str | None:
        """The label by which to look; None if it is better to look by status."""
        if not where.labels:
            return None
        labels = [clean(f"{name}={value}") for name, value in where.labels.items()]
        row = await self._database.fetchrow(
            sql("rarest_label"), project_names(where.projects), _statuses(where), labels, FEW, FIRST, LAST
        )
        return None if row is None else row["label"]


def _statuses(where: WorkflowFilter) -> list[str] | None:
    return None if where.statuses is None else [*where.statuses]


def _bounds(where: WorkflowFilter, order: Order, after: WorkflowId | None) -> tuple[UUID, UUID]:
    """The ids between which to look, so that nothing outside the time asked for is read."""
    low = FIRST if where.created_after is None else _first_id(where.created_after, -CLOCKS)
    high = LAST if where.created_before is None else _first_id(where.created_before, CLOCKS)
    if after is None:
        return low, high
    return (max(low, after), high) if order is Order.OLDEST else (low, min(high, after))


def _first_id(moment: datetime, margin: timedelta) -> UUID:
    """The least id of a workflow created then; ids begin with milliseconds since 1970 (RFC 9562, section 5.7)."""
    milliseconds = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC) + margin) // timedelta(milliseconds=1)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
