"""From a workflow's rows to its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..machine import Finished, Unfinished, WorkflowState
from ..model.status import PhaseKind
from .queries import sql
from .vault import REJECT_PLACES

if TYPE_CHECKING:
    from uuid import UUID

    from ..model.plan import PlanSpec
    from .database import Connection
    from .vault import Vault


async def restored(connection: Connection, workflow: UUID, plan: PlanSpec, vault: Vault) -> WorkflowState:
    """The durable state of a workflow."""
    finished = [Finished(*step) for step in await connection.fetch(sql("finished_tasks"), workflow)]
    moved = await connection.fetch(sql("moved_steps"), workflow)
    sources = {position for position, step in enumerate(plan.steps) if step.phase.kind is PhaseKind.SOURCE}
    sealed = {
        step["position"]: step["partitions"]
        for step in moved
        if step["position"] in sources and step["partitions"] is not None
    }
    rejects: dict[int, dict[str, int]] = {}
    counted = [
        dict(row) | {"workflow_id": workflow} for row in await connection.fetch(sql("rejects_by_step"), workflow)
    ]
    for row in await vault.revealed(counted, {"reason": REJECT_PLACES["reason"]}):
        of_step = rejects.setdefault(row["step"], {})
        of_step[row["reason"]] = of_step.get(row["reason"], 0) + row["rows"]
    unfinished = [Unfinished(*task) for task in await connection.fetch(sql("unfinished_tasks"), workflow)]
    begun_at = {step["position"]: step["begun_at"] for step in moved}
    return WorkflowState.restore(plan, finished, sealed, unfinished, rejects, begun_at)
