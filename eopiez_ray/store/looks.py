"""Looks at workflows that many take at once: those at the same moment are one statement."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ..errors import WorkflowNotFoundError
from ..model.views import StepView, WorkflowView
from .gathered import Gathered
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.ids import WorkflowId
    from .database import Database
    from .workflows import Workflows


class Looks:
    """What ``Workflows`` gives one by one, for a server that many ask. Answers are never older than their questions."""

    def __init__(self, database: Database, workflows: Workflows) -> None:
        self._database, self._workflows = database, workflows
        self._views: Gathered[WorkflowId, WorkflowView] = Gathered(self._read_views)
        self._steps: Gathered[WorkflowId, list[StepView]] = Gathered(self._read_steps)

    async def workflow(self, workflow: WorkflowId) -> WorkflowView:
        """One workflow.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        view = await self._views.get(workflow)
        if view is None:
            raise WorkflowNotFoundError(str(workflow))
        return view

    async def steps(self, workflow: WorkflowId) -> list[StepView]:
        """Its steps. Errors as in ``Workflows.steps``, which knows why there are none."""
        return await self._steps.get(workflow) or await self._workflows.steps(workflow)

    async def _read_views(self, workflows: Collection[WorkflowId]) -> dict[WorkflowId, WorkflowView]:
        rows = await self._database.fetch(sql("workflows"), list(workflows))
        told = await self._database.vault.revealed_errors(rows, "error", "id")
        views = [WorkflowView.from_row(row) for row in told]
        return {view.id: view for view in views}

    async def _read_steps(self, workflows: Collection[WorkflowId]) -> dict[WorkflowId, list[StepView]]:
        rows = await self._database.fetch(sql("steps"), list(workflows))
        return {
            workflow: [StepView.from_row(dict(row)) for row in steps]
            for workflow, steps in groupby(rows, key=itemgetter("workflow_id"))
        }
