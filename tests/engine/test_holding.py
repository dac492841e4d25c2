"""How much one orchestrator takes on, and what it does when it goes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter

import pytest

from eopiez_ray import Plan
from eopiez_ray.engine import claims as module
from eopiez_ray.engine import creation, orchestrator
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import NewWorkflow, PhaseBook

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor

S = WorkflowStatus


def short() -> Plan:
    plan = Plan("short")
    plan.step("double", phases.double, plan.values("v", [1]))
    return plan


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten workflows are as many as an orchestrator takes, two of them urgent ones; four at a time."""
    monkeypatch.setattr(module, "HELD", 10)
    monkeypatch.setattr(module, "URGENT", 2)
    monkeypatch.setattr(module, "CLAIM_LIMIT", 4)


def shut(stage: Stage) -> InlineExecutor:
    """Workers that begin nothing before their gate is opened."""
    executor = InlineExecutor(stage.folder)
    executor.gate.clear()
    return executor


async def filled(driving: Orchestrator, count: int) -> None:
    """Wait until it holds so many, and see that it would take no more."""
    await until(lambda: len(driving.held) == count)
    assert await driving._claims._claimed() == []


@pytest.mark.usefixtures("few")
async def test_no_more_is_held_than_the_bound_and_the_rest_goes_on_later(stage: Stage) -> None:
    executor = shut(stage)
    ids = [await stage.submit(short()) for _ in range(15)]
    driving = stage.orchestrate(executor)
    await filled(driving, 8)
    assert Counter([await stage.status(workflow) for workflow in ids]) == {S.RUNNING: 8, S.QUEUED: 7}
    executor.gate.set()
    for workflow in ids:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED


@pytest.mark.usefixtures("few")
async def test_room_is_kept_for_what_is_more_urgent(stage: Stage) -> None:
    executor = shut(stage)
    for _ in range(12):
        await stage.submit(short())
    driving = stage.orchestrate(executor)
    await filled(driving, 8)
    urgent = [await stage.submit(short(), priority=1) for _ in range(3)]
    await filled(driving, 10)
    assert len(driving.held.keys() & set(urgent)) == 2
    executor.gate.set()
    await asyncio.gather(*map(stage.rest, urgent))


@pytest.mark.usefixtures("few")
async def test_another_orchestrator_takes_what_the_first_leaves(stage: Stage) -> None:
    executors = shut(stage), shut(stage)
    for _ in range(12):
        await stage.submit(short())
    first, second = (stage.orchestrate(executor) for executor in executors)
    await until(lambda: len(first.held) + len(second.held) == 12)
    assert max(len(first.held), len(second.held)) <= 8
    for executor in executors:
        executor.gate.set()


@pytest.mark.usefixtures("few")
async def test_an_owner_of_many_does_not_hide_another_owner(stage: Stage) -> None:
    executor = shut(stage)
    for _ in range(20):
        await stage.submit(short(), owner="anna")
    driving = stage.orchestrate(executor)
    await filled(driving, 8)
    late = await stage.submit(short(), owner="ben")
    executor.gate.set()
    await stage.rest(late)
    left = [view for view in await stage.workflows.page(limit=50) if view.status is S.QUEUED]
    assert all(view.owner == "anna" for view in left)


async def test_what_was_learned_of_phases_is_kept_at_the_end(stage: Stage) -> None:
    driving = stage.orchestrate()
    await stage.rest(await stage.submit(short()))
    driving.stop()
    (known,) = await until(PhaseBook(stage.database).read)
    assert (known.profile.name, known.profile.tasks) == ("double", 1)


async def test_what_is_handed_over_is_taken_up_though_its_lease_has_not_run_out(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    leaving = stage.orchestrate(executor, lease_s=3600)
    executor.gate.clear()
    workflow = await stage.submit(short())
    await until(lambda: executor.calls)
    leaving.hand_over()
    stage.orchestrate()
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert (executor.stopped, executor.released) == ([], 0), "workers stay"


async def test_what_another_one_took_is_dropped_with_the_next_comparison(stage: Stage) -> None:
    executor = shut(stage)
    first = stage.orchestrate(executor, lease_s=0.6)
    workflow = await stage.submit(short())
    await until(lambda: executor.calls)
    other = stage.orchestrate(shut(stage), lease_s=3600)
    await other.ready.wait()
    await stage.database.fetch("update workflows set holder = $1, epoch = epoch + 1", other.id)
    await until(lambda: workflow not in first.held)
    assert await stage.status(workflow) is S.RUNNING


async def test_what_is_held_unknowingly_is_released_and_driven(stage: Stage) -> None:
    """As if the answer to a claim had been lost."""
    driving = stage.orchestrate(lease_s=0.6)
    await driving.ready.wait()
    workflow = await stage.submit(short(), holder=driving.id)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    ((epoch,),) = await stage.database.fetch("select epoch from workflows")
    assert epoch == 2


async def test_a_lease_is_renewed_before_it_runs_out(stage: Stage) -> None:
    """Four times, that is beyond the end of the first one."""
    driving = stage.orchestrate(lease_s=1.5)
    await driving.ready.wait()
    seen: set[object] = set()

    async def renewed() -> bool:
        seen.update(row["lease_until"] for row in await stage.database.fetch("select lease_until from orchestrators"))
        return len(seen) == 5

    await until(renewed)


class Node:
    """Something that can be part of a cycle."""

    def __init__(self) -> None:
        self.itself = self


async def test_the_collector_skips_very_many_workflows_until_they_are_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "AT_ONCE", 10)
    monkeypatch.setattr(orchestrator, "IDLE_S", 0.1)
    node = Node()
    remains = weakref.ref(node)
    executor = shut(stage)
    driving = stage.orchestrate(executor)
    await driving.ready.wait()
    frozen, plan = gc.get_freeze_count(), short()
    await driving.create(*[NewWorkflow(plan.spec(), plan.code())] * 40)
    await until(lambda: len(driving.held) == 40)
    assert gc.get_freeze_count() > frozen + 40
    del node
    gc.collect()
    assert remains() is not None
    executor.gate.set()
    await until(lambda: remains() is None)
