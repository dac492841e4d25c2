"""Quarantined rows, as their readers look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..model.views import RejectView
from .queries import sql
from .vault import REJECT_PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.ids import WorkflowId
    from .database import Database

PAGE = 1000
PAGES = 10
"""Pages that are read at most for one page of what was asked for: reasons may be encrypted, so no index finds them."""
REASON_CHARACTERS = 1000
"""As many characters of a reason tell it from others."""
LAST_STEP = 2**15 - 1


class Place(NamedTuple):
    """Where a list of quarantined rows goes on: behind this one."""

    step: int
    partition: int
    ordinal: int


class RejectPage(NamedTuple):
    """Some quarantined rows, and where there may be more; None at the end."""

    rows: list[RejectView]
    following: Place | None


class Rejects:
    """Reads quarantined rows in order of step, partition and occurrence."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        workflow: WorkflowId,
        steps: Sequence[str],
        step: int | None = None,
        reason: str | None = None,
        after: Place | None = None,
        limit: int = PAGE,
    ) -> RejectPage:
        """Quarantined rows that meet the conditions. There may be fewer than the limit, even none, before the end.

        Args:
            workflow: whose rows.
            steps: the names of its steps.
            step: only of the step at this position.
            reason: only those with this reason, of which its first characters count.
            after: continues behind this place.
            limit: how many at most.
        """
        first, last = (0, LAST_STEP) if step is None else (step, step)
        place: Place | None = max(after or Place(0, -1, -1), Place(first, -1, -1))
        found: list[RejectView] = []
        for _ in range(PAGES):
            assert place is not None
            read, place = await self._read(workflow, steps, place, last, limit - len(found) if reason is None else PAGE)
            for at, row in read:
                if reason is None or row.reason[:REASON_CHARACTERS] == reason[:REASON_CHARACTERS]:
                    found.append(row)
                    if len(found) == limit:
                        return RejectPage(found, at)
            if place is None:
                break
        return RejectPage(found, place)

    async def _read(
        self, workflow: WorkflowId, steps: Sequence[str], after: Place, last: int, limit: int
    ) -> tuple[list[tuple[Place, RejectView]], Place | None]:
        rows = await self._database.fetch(sql("rejects_page"), workflow, *after, last, limit)
        places = {column: place.replace("{workflow_id}", str(workflow)) for column, place in REJECT_PLACES.items()}
        read = [
            (
                Place(row["step"], row["partition"], row["ordinal"]),
                RejectView(
                    name_of(steps, row["step"]),
                    row["partition"],
                    row["source"],
                    row["reason"],
                    row["sample"],
                    row["rows"],
                ),
            )
            for row in await self._database.vault.revealed(rows, places)
        ]
        return read, read[-1][0] if len(read) == limit else None

    async def reasons(self, workflow: WorkflowId) -> dict[tuple[int, str], int]:
        """How many rows were rejected, by the step's position and the reason."""
        rows = [
            dict(row) | {"workflow_id": workflow}
            for row in await self._database.fetch(sql("rejects_by_step"), workflow)
        ]
        counts: dict[tuple[int, str], int] = {}
        for row in await self._database.vault.revealed(rows, {"reason": REJECT_PLACES["reason"]}):
            key = row["step"], row["reason"]
            counts[key] = counts.get(key, 0) + row["rows"]
        return counts


def name_of(steps: Sequence[str], position: int) -> str:
    """The name of the step at a position; its number if the plan cannot be read."""
    return steps[position] if position < len(steps) else str(position)
