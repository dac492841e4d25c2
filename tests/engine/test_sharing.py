"""How users share a cluster: limits, weights, and what those who wait are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray import Plan
from eopiez_ray.engine.limits import granted
from eopiez_ray.errors import ParameterError
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.model.policies import Resources
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Intake, NewWorkflow, Projects, RuleBook

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor

S = WorkflowStatus
OWNER, LABEL, PHASE = LimitKind.OWNER, LimitKind.LABEL, LimitKind.PHASE


def marking(stage: Stage, tasks: int = 1) -> Plan:
    """Tasks that share their calls with no other."""
    plan = Plan("marking")
    plan.step("mark", phases.mark, plan.values("v", range(tasks)), marks=str(stage.folder / "marks"))
    plan.tune("mark", timeout_s=60)
    return plan


async def reason(stage: Stage, workflow: WorkflowId) -> str:
    return (await stage.workflows.steps(workflow))[-1].reason


@pytest.mark.parametrize("key", [LimitKey(OWNER, "anna"), LimitKey(LABEL, "team=red"), LimitKey(PHASE, "mark")])
async def test_no_more_calls_are_at_work_than_the_limit_says(stage: Stage, key: LimitKey) -> None:
    await RuleBook(stage.database).limit(key, 2)
    executor = InlineExecutor(stage.folder, count=5)
    stage.orchestrate(executor)
    executor.gate.clear()
    workflow = await stage.submit(marking(stage, 6), owner="anna", labels={"team": "red"})
    await until(lambda: len(executor.calls) == 2)
    said = await until(lambda: reason_when_told(stage, workflow))
    assert len(executor.calls) == 2, said
    executor.gate.set()
    assert (await stage.rest(workflow)).status is S.SUCCEEDED


async def reason_when_told(stage: Stage, workflow: WorkflowId) -> str:
    """Ask for another workflow that the same limit stops: a step of which something runs gives no reason."""
    other = await stage.submit(marking(stage), owner="anna", labels={"team": "red"})
    told: str = await until(lambda: reason(stage, other))
    assert "at its limit, 2 of 2" in told
    await stage.workflows.cancel(other)
    return told


async def test_a_limit_of_nothing_stops_all_until_it_is_lifted(stage: Stage) -> None:
    rules, key = RuleBook(stage.database), LimitKey(OWNER, "anna")
    await rules.limit(key, 0)
    stage.orchestrate()
    stopped = await stage.submit(marking(stage), owner="anna")
    free = await stage.submit(marking(stage), owner="ben")
    assert (await stage.rest(free)).status is S.SUCCEEDED
    assert await stage.status(stopped) is not S.SUCCEEDED
    await rules.limit(key, None)
    assert (await stage.rest(stopped)).status is S.SUCCEEDED


async def test_two_orchestrators_keep_one_limit_together(stage: Stage) -> None:
    await RuleBook(stage.database).limit(LimitKey(OWNER, "anna"), 3)
    executors = [InlineExecutor(stage.folder, count=4) for _ in range(2)]
    for executor in executors:
        executor.gate.clear()
        stage.orchestrate(executor)
    workflows = [await stage.submit(marking(stage), owner="anna") for _ in range(12)]
    await until(lambda: sum(len(executor.calls) for executor in executors) == 3)
    await until(lambda: reasons_of(stage, workflows))
    assert sum(len(executor.calls) for executor in executors) == 3
    for executor in executors:
        executor.gate.set()
    for workflow in workflows:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED


async def reasons_of(stage: Stage, workflows: list[WorkflowId]) -> bool:
    return sum([bool(await reason(stage, workflow)) for workflow in workflows]) == 9


@given(
    maximum=st.integers(0, 20),
    busy=st.integers(0, 5),
    more=st.integers(0, 10),
    others=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10)), max_size=4),
)
def test_permits_never_exceed_a_maximum_that_was_kept_before(
    maximum: int, busy: int, more: int, others: list[tuple[int, int]]
) -> None:
    held = granted(maximum, busy, busy + more, others)
    assert busy <= held <= busy + more
    elsewhere = sum(others_held for others_held, _ in others)
    assert held + elsewhere <= max(maximum, busy + elsewhere)


def in_round(executor: InlineExecutor, number: int) -> bool:
    return executor.waiting == 8 and len(executor.calls) == 8 * number


async def rounds(executor: InlineExecutor, count: int) -> list[str]:
    """The workflows of so many rounds of calls, all of a round in flight at once, after two whose order is chance."""
    for number in range(1, count + 3):
        await until(partial(in_round, executor, number))
        executor.gate.set()
        executor.gate.clear()  # Those eight pass; the next eight stay in flight, and so count.
    return [call.parts[0].workflow_id for call in executor.calls[16 : 16 + 8 * count]]


async def test_owners_share_by_their_weights(stage: Stage) -> None:
    await RuleBook(stage.database).weigh("anna", 3)
    executor = InlineExecutor(stage.folder, count=8)
    orchestrator = stage.orchestrate(executor)
    executor.gate.clear()
    for owner in ("ben", "anna"):
        for _ in range(40):  # More than all rounds take, whoever has the first ones.
            await stage.submit(marking(stage), owner=owner)
    await until(lambda: len(orchestrator.held) == 80)
    owners = {str(view.id): view.owner for view in await stage.workflows.page(limit=100)}
    taken = Counter(owners[workflow] for workflow in await rounds(executor, 3))
    assert taken["anna"] >= 1.5 * taken["ben"]  # Three times as many, but for what ended while others were chosen.
    executor.gate.set()


async def with_projects(stage: Stage) -> RuleBook:
    for project in ("red", "blue"):
        await Projects(stage.database).create(project)
    return RuleBook(stage.database)


async def test_projects_share_by_their_weights_however_many_owners_they_have(stage: Stage) -> None:
    rules = await with_projects(stage)
    await rules.weigh_project("blue", 3)
    executor = InlineExecutor(stage.folder, count=8)
    orchestrator = stage.orchestrate(executor)
    executor.gate.clear()
    for number in range(40):
        await stage.submit(marking(stage), owner=f"owner {number}", project="red")
        await stage.submit(marking(stage), owner="anna", project="blue")
    await until(lambda: len(orchestrator.held) == 80)
    projects = {str(view.id): view.project for view in await stage.workflows.page(limit=100)}
    taken = Counter(projects[workflow] for workflow in await rounds(executor, 3))
    assert taken["blue"] >= 1.5 * taken["red"]
    executor.gate.set()


@pytest.mark.parametrize(
    "key",
    [
        LimitKey(LimitKind.PROJECT, "red"),
        LimitKey(OWNER, "anna", "red"),
        LimitKey(LABEL, "team=a", "red"),
        LimitKey(PHASE, "mark", "red"),
    ],
)
async def test_a_limit_of_a_project_holds_back_nobody_else(stage: Stage, key: LimitKey) -> None:
    rules = await with_projects(stage)
    await rules.limit(key, 0)
    stage.orchestrate()
    whose = {"owner": "anna", "labels": {"team": "a"}}
    stopped = await stage.submit(marking(stage), project="red", **whose)
    free = await stage.submit(marking(stage), project="blue", **whose)
    assert (await stage.rest(free)).status is S.SUCCEEDED
    assert "is at its limit, 0 of 0" in await until(lambda: reason(stage, stopped))
    await rules.limit(key, None)
    assert (await stage.rest(stopped)).status is S.SUCCEEDED


@pytest.mark.parametrize("key", [LimitKey(OWNER, "anna"), LimitKey(LABEL, "team=a"), LimitKey(PHASE, "mark")])
async def test_a_limit_of_no_project_counts_all_of_them_together(stage: Stage, key: LimitKey) -> None:
    rules = await with_projects(stage)
    await rules.limit(key, 3)
    executor = InlineExecutor(stage.folder, count=8)
    stage.orchestrate(executor)
    executor.gate.clear()
    for _ in range(4):
        for project in ("red", "blue"):
            await stage.submit(marking(stage), project=project, owner="anna", labels={"team": "a"})
    await until(lambda: len(executor.calls) == 3)
    last = await stage.submit(marking(stage), project="red", owner="anna", labels={"team": "a"})
    assert "is at its limit, 3 of 3" in await until(lambda: reason(stage, last))
    assert len(executor.calls) == 3
    executor.gate.set()


async def test_who_waits_is_told_how_many_of_its_project_are_ahead(stage: Stage) -> None:
    await with_projects(stage)
    executor = InlineExecutor(stage.folder, count=1)
    stage.orchestrate(executor)
    executor.gate.clear()
    first = await stage.submit(marking(stage), priority=9, project="blue")
    await until(lambda: executor.calls)
    waiting = [await stage.submit(marking(stage), priority=5, project="blue") for _ in range(3)]
    mine = await stage.submit(marking(stage), project="red")
    assert await until(lambda: reason(stage, mine)) == "needs 1 CPU, 0 free, 0 ahead of it"
    executor.gate.set()
    await asyncio.gather(*map(stage.rest, (first, *waiting, mine)))


async def test_rules_that_make_no_sense_are_refused(stage: Stage) -> None:
    rules = RuleBook(stage.database)
    with pytest.raises(ParameterError, match="negative"):
        await rules.limit(LimitKey(OWNER, "anna"), -1)
    with pytest.raises(ParameterError, match="key=value"):
        await rules.limit(LimitKey(LABEL, "team"), 1)
    for weight in (0, 5e-324, -1, 1e308, float("inf"), float("nan")):
        with pytest.raises(ParameterError, match=r"must be from 0\.001 to 1000"):
            await rules.weigh("anna", weight)
        with pytest.raises(ParameterError, match=r"must be from 0\.001 to 1000"):
            await rules.weigh_project("default", weight)
    with pytest.raises(ParameterError, match="cannot be called so"):
        await rules.limit(LimitKey(OWNER, "anna", "No Project"), 1)
    with pytest.raises(ParameterError, match="belongs to no project"):
        await rules.limit(LimitKey(LimitKind.PROJECT, "red", "red"), 1)


async def test_a_step_that_waits_says_what_it_needs_and_who_is_ahead(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    stage.orchestrate(executor)
    executor.gate.clear()
    workflows = [await stage.submit(marking(stage), priority=priority) for priority in (3, 2, 1)]
    told = await until(lambda: reason(stage, workflows[-1]))
    assert told == "needs 1 CPU, 0 free, 1 ahead of it"
    executor.gate.set()
    await asyncio.gather(*map(stage.rest, workflows))


async def test_far_back_it_is_said_roughly_how_many_are_ahead(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    stage.orchestrate(executor)
    executor.gate.clear()
    plan = marking(stage)
    made = await Intake(stage.database).create(*[NewWorkflow(plan.spec(), plan.code())] * 128)
    wanted = {"needs 1 CPU, 0 free, 99 ahead of it", "needs 1 CPU, 0 free, about 120 ahead of it"}

    async def is_said() -> bool:
        return {await reason(stage, created.id) for created in made} >= wanted

    await until(is_said)
    executor.gate.set()


async def test_a_step_that_no_node_can_run_waits_for_one(stage: Stage) -> None:
    stage.orchestrate()
    plan = marking(stage)
    plan.tune("mark", resources=Resources(gpu=1), wait_timeout_s=60)
    workflow = await stage.submit(plan)
    assert "it starts when such a node joins" in await until(lambda: reason(stage, workflow))
