"""Trees, limits of time and memory, and updates: what a step may ask for beyond being run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray import Plan, RetryPolicy
from eopiez_ray.engine.executor import Slot
from eopiez_ray.errors import PlanError, TransitionError, UpdateRefusedError
from eopiez_ray.model.changes import Change, StepChange
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.policies import Resources
from eopiez_ray.model.results import Results
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.model.tasks import Report
from eopiez_ray.model.work import WorkCall
from eopiez_ray.store import Updates

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor

S = WorkflowStatus
GIB = 2**30


def counted(n: int) -> Plan:
    plan = Plan("counted")
    plan.step("count", phases.count_to, n=n)
    return plan


@pytest.mark.parametrize("n", [0, 1, 3, 7, 100])
async def test_a_tree_gives_what_one_reduce_would(stage: Stage, n: int) -> None:
    stage.orchestrate()
    plan = counted(n)
    plan.step("spell", phases.spell, "count")
    given = plan.values("given", list(range(n)))
    plan.step("spell given", phases.spell, given)
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    whole = "".join(f"{number}," for number in range(n))
    assert await stage.values(workflow, "spell") == [whole]
    assert await stage.values(workflow, "spell given") == [whole]
    widths = {step.name: step.partitions for step in await stage.workflows.steps(workflow)}
    assert widths["spell.leaves"] == max(1, -(-n // 3))
    assert widths["spell.branches"] == max(1, -(-n // 9))


async def test_leaves_of_a_tree_do_not_wait_for_the_last_partition(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    plan = counted(2000)
    plan.step("spell", phases.spell, "count")
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    order = [key.step for key in executor.tasks()]
    assert order.index(1) < len(order) - 1 - order[::-1].index(0)


def test_a_tree_takes_one_input() -> None:
    plan = counted(3)
    plan.step("more", phases.count_to, n=3)
    several = ez.phase(kind="reduce", combine=phases.join)(lambda *numbers: "")
    with pytest.raises(PlanError, match="takes one input, not 2"):
        plan.step("spell", several, "count", "more")
    with pytest.raises(PlanError, match="only a reduce"):
        ez.phase(kind="map", combine=phases.join)(phases.join)


async def test_a_task_out_of_memory_gets_twice_as_much(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan, marks = Plan("hungry"), tmp_path / "marks"
    plan.step("need", phases.need_memory, plan.values("v", [1]), marks=str(marks), attempts=2)
    plan.tune("need", resources=Resources(memory_bytes=GIB))
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    attempts = await stage.workflows.attempts(workflow)
    assert [(each.outcome, each.retry_memory_bytes // GIB) for each in attempts] == [
        ("out_of_memory", 2),
        ("out_of_memory", 4),
    ]
    assert marks.read_text().split() == ["1", "2", "3"]


class OneCall(InlineExecutor):
    """Holds back every call but the first."""

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        try:
            return await super().run(slot, call, timeout_s)
        finally:
            self.gate.clear()


async def test_more_memory_is_remembered_by_the_next_orchestrator(stage: Stage, tmp_path: Path) -> None:
    executor = OneCall(stage.folder)
    first = stage.orchestrate(executor)
    plan = Plan("hungry")
    plan.step("need", phases.need_memory, plan.values("v", [1]), marks=str(tmp_path / "marks"), attempts=1)
    workflow = await stage.submit(plan)

    await until(lambda: stage.workflows.attempts(workflow))
    await stage.kill(first)
    successor = InlineExecutor(stage.folder)
    stage.orchestrate(successor)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert [item.attempt for call in successor.calls for part in call.parts for item in part.tasks()] == [2]


async def test_a_task_that_never_has_enough_memory_is_given_up(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = Plan("hungry")
    plan.step("need", phases.need_memory, plan.values("v", [1]), marks=str(tmp_path / "marks"), attempts=99)
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert (view.status, (view.error or {})["error_type"]) == (S.FAILED, "MemoryError")
    assert len(await stage.workflows.attempts(workflow)) == 6


async def test_a_step_that_takes_too_long_fails_and_what_runs_is_stopped(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    executor.gate.clear()
    plan = Plan("slow")
    plan.step("double", phases.double, plan.values("v", [1]))
    plan.tune("double", step_timeout_s=0.2)
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert (view.status, (view.error or {})["error_type"]) == (S.FAILED, "StepTimedOut")
    assert "limit of 0.2 s" in (view.error or {})["message"]
    assert len(executor.stopped) == 1


async def test_a_step_in_time_is_not_troubled_by_its_limit(stage: Stage) -> None:
    stage.orchestrate()
    plan = counted(200)
    plan.step("double", phases.double, "count")
    plan.tune("double", step_timeout_s=200, wait_timeout_s=200)
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED


async def test_waiting_has_a_limit_of_its_own_and_says_what_for(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("greedy")
    plan.step("double", phases.double, plan.values("v", [1]))
    plan.tune("double", resources=Resources(gpu=1), wait_timeout_s=1.5)
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert (view.status, (view.error or {})["error_type"]) == (S.FAILED, "WaitTimedOut")
    assert "GPU" in (view.error or {})["message"]


async def ask(stage: Stage, workflow: WorkflowId, change: Change) -> None:
    updates = Updates(stage.database)
    asked = await updates.ask(workflow, change)
    await until(lambda: updates.answer(workflow, asked))


async def test_what_has_not_started_can_be_updated_while_the_workflow_runs(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    executor.gate.clear()
    plan, late = Plan("updated"), tmp_path / "late"
    first = plan.step("double", phases.double, plan.values("v", [1, 2]))
    plan.step("mark", phases.mark, plan.step("total", phases.total, first), marks=str(tmp_path / "early"))
    workflow = await stage.submit(plan)
    await until(lambda: executor.calls)
    step = StepChange("mark", {"marks": str(late)}, retry=RetryPolicy(maximum_attempts=9), timeout_s=60)
    await ask(stage, workflow, Change((step,), priority=7, labels={"team": "a"}, by="anna", why="moved"))
    executor.gate.set()
    view = await stage.rest(workflow)
    assert late.read_text().split() == ["6"]
    assert not (tmp_path / "early").exists()
    assert (view.plan_version, view.priority, view.labels) == (2, 7, {"team": "a"})
    assert view.plan.steps[-1].policy.retry.maximum_attempts == 9
    history = {event.kind: event.data for event in await stage.workflows.events(workflow)}
    assert (history["update_requested"]["by"], history["update_requested"]["why"]) == ("anna", "moved")
    assert history["updated"]["version"] == 2


async def test_parameters_of_a_step_that_has_started_stay(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    executor.gate.clear()
    plan = Plan("started")
    plan.step("mark", phases.mark, plan.values("v", [1]), marks=str(tmp_path / "marks"))
    workflow = await stage.submit(plan)
    await until(lambda: executor.calls)
    with pytest.raises(UpdateRefusedError, match="tasks of step 'mark' have started"):
        await ask(stage, workflow, Change((StepChange("mark", {"marks": "elsewhere"}),)))
    executor.gate.set()
    view = await stage.rest(workflow)
    assert (view.status, view.plan_version) == (S.SUCCEEDED, 1)


async def test_a_workflow_that_nobody_drives_is_updated_at_once(stage: Stage) -> None:
    workflow = await stage.submit(counted(3))
    updates = Updates(stage.database)
    assert (await updates.ask(workflow, Change((StepChange("count", {"n": 5}),)))).is_answered
    with pytest.raises(PlanError, match="did you mean 'count'"):
        await updates.ask(workflow, Change((StepChange("cuont", {"n": 5}),)))
    stage.orchestrate()
    await stage.rest(workflow)
    assert await stage.values(workflow, "count") == [0, 1, 2, 3, 4]
    with pytest.raises(TransitionError, match="update"):
        await updates.ask(workflow, Change(priority=1))


async def test_an_update_outlives_the_orchestrator_that_made_it(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    first = stage.orchestrate(executor)
    executor.gate.clear()
    plan, late = Plan("updated"), tmp_path / "late"
    doubled = plan.step("double", phases.double, plan.values("v", [1, 2]))
    plan.step("mark", phases.mark, plan.step("total", phases.total, doubled), marks=str(tmp_path / "early"))
    workflow = await stage.submit(plan)
    await until(lambda: executor.calls)
    await ask(stage, workflow, Change((StepChange("mark", {"marks": str(late)}),)))
    await stage.kill(first)
    stage.orchestrate()
    await stage.rest(workflow)
    assert late.read_text().split() == ["6"]
