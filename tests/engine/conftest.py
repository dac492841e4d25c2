from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from eopiez_ray import Plan, Settings
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.engine.run import Run
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, Intake, NewWorkflow, Workflows, WorkflowView

from ..waiting import PATIENCE_S, until
from .inline import InlineExecutor


def held(orchestrator: Orchestrator, workflow: WorkflowId) -> Run:
    """A workflow as the orchestrator holds it."""
    run = orchestrator._roster.get(workflow)
    assert run is not None
    return run


class Stage:
    """A database, orchestrators with inline workers, and what tests ask of them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.workflows, self._intake = Workflows(database), Intake(database)
        self.artifacts = Artifacts(str(folder), database.vault.keys)
        self._running: list[tuple[Orchestrator, asyncio.Task[None]]] = []
        self._before = asyncio.all_tasks()

    def orchestrate(self, executor: InlineExecutor | None = None, **settings: Any) -> Orchestrator:
        """Start an orchestrator; it drives all workflows."""
        chosen = Settings(home=self.folder, database_patience_s=20, **settings)
        made = Orchestrator(self.database, executor or InlineExecutor(self.folder), self.artifacts, chosen)
        self._running.append((made, asyncio.create_task(made.run())))
        return made

    async def kill(self, orchestrator: Orchestrator) -> None:
        """End it without a farewell: its lease stays, its session ends."""
        for made, task in self._running:
            if made is orchestrator:
                calls = {call for run in made._roster.clear() for call in run.calls}
                for each in (task, *calls):
                    each.cancel()
                await asyncio.gather(task, *calls, return_exceptions=True)

    async def close(self) -> None:
        """End all that it has started; whoever fails does not keep the others from ending."""
        for made, _ in self._running:
            made.stop()
        outcomes = await asyncio.gather(*(task for _, task in self._running), return_exceptions=True)
        await self._leave_nothing()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _leave_nothing(self) -> None:
        """What goes on after an orchestrator has ended would be destroyed in the middle of some other test."""
        left = asyncio.all_tasks() - self._before - {asyncio.current_task()}
        _, still = await asyncio.wait(left, timeout=PATIENCE_S / 2) if left else (set(), set())
        assert not still, f"they are still at work: {still}"

    async def submit(self, plan: Plan, **options: Any) -> WorkflowId:
        (created,) = await self._intake.create(NewWorkflow(plan.spec(), plan.code(), **options))
        return created.id

    async def rest(self, workflow: WorkflowId) -> WorkflowView:
        """The workflow once it is at rest."""

        async def at_rest() -> WorkflowView | None:
            view = await self.workflows.get(workflow)
            return view if view.status.is_at_rest else None

        view: WorkflowView = await until(at_rest)
        return view

    async def status(self, workflow: WorkflowId) -> WorkflowStatus:
        return (await self.workflows.get(workflow)).status

    async def values(self, workflow: WorkflowId, step: str) -> list[Any]:
        """The outputs of a step."""
        position = (await self.workflows.get(workflow)).plan.index()[step]
        return [self.artifacts.load(output) for output in await self.workflows.outputs(workflow, position)]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(database, tmp_path)
    yield made
    await made.close()
