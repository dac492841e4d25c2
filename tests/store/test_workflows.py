"""What users ask for, and what its status allows."""

from __future__ import annotations

import pytest

from eopiez_ray.errors import PlanError, TransitionError, WorkflowNotFoundError, WriteRefusedError
from eopiez_ray.machine import RecordAttempt, WorkflowState
from eopiez_ray.model.filters import WorkflowFilter
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.requests import Mode
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Failure, Report, TaskKey
from eopiez_ray.store import Database, Workflows
from eopiez_ray.store.queries import sql

from ..machine.plans import plan, step
from .given import CODE, PLAN, Drivers, batch_of, create, result

S = WorkflowStatus


async def finished(database: Database, drivers: Drivers, status: WorkflowStatus) -> WorkflowId:
    workflow = await create(database)
    driver = await drivers.start()
    await driver.claim()
    await driver.ledger.commit(batch_of(workflow, 1, result(0, 0), status=status))
    return workflow


async def test_a_queued_workflow_is_paused_and_cancelled_at_once(database: Database) -> None:
    workflows, workflow = Workflows(database), await create(database)
    assert await workflows.pause(workflow) is S.PAUSED
    assert (await workflows.get(workflow)).drained_at is not None
    assert await workflows.resume(workflow) is S.QUEUED
    assert await workflows.cancel(workflow) is S.CANCELLED


async def test_a_driven_workflow_is_first_pausing(database: Database, drivers: Drivers) -> None:
    workflows, workflow = Workflows(database), await create(database)
    driver = await drivers.start()
    await driver.claim()
    assert await workflows.pause(workflow) is S.PAUSING
    (asked,) = await driver.ledger.requested(driver.id)
    assert (asked.id, asked.status, asked.mode) == (workflow, S.PAUSING, Mode.DRAIN)
    assert await workflows.cancel(workflow) is S.CANCELLING


async def test_asking_twice_changes_nothing(database: Database) -> None:
    workflows, workflow = Workflows(database), await create(database)
    await workflows.pause(workflow)
    before = await workflows.get(workflow)
    assert await workflows.pause(workflow) is S.PAUSED
    assert await workflows.get(workflow) == before


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.FAILED, S.CANCELLED])
async def test_terminal_means_terminal(database: Database, drivers: Drivers, status: WorkflowStatus) -> None:
    workflows, workflow = Workflows(database), await finished(database, drivers, status)
    for request in (workflows.pause, workflows.resume):
        with pytest.raises(TransitionError, match=status):
            await request(workflow)
    assert (await workflows.get(workflow)).status is status


async def test_retry_keeps_results_and_forgives_attempts(database: Database, drivers: Drivers) -> None:
    workflows, workflow = Workflows(database), await create(database)
    driver = await drivers.start()
    await driver.claim()
    batch = batch_of(workflow, 1, result(0, 0), status=S.FAILED)
    failed = Report(TaskKey(1, 0), Outcome.FAILED, failure=Failure("E", "m", "t"))
    batch.add(workflow, 1, WorkflowState.restore(PLAN), [RecordAttempt(failed, 1, None)])
    await driver.ledger.commit(batch)
    assert await workflows.retry(workflow) is S.QUEUED
    (claim,) = await driver.ledger.claim(driver.id, None, 1)
    assert claim.epoch == 3
    assert claim.state.steps[0].get(0) == 3
    assert claim.state.steps[1].failures == {}
    assert [attempt.is_forgiven for attempt in await workflows.attempts(workflow)] == [True]


async def test_a_succeeded_workflow_cannot_be_retried(database: Database, drivers: Drivers) -> None:
    with pytest.raises(TransitionError, match="cannot retry"):
        await Workflows(database).retry(await finished(database, drivers, S.SUCCEEDED))


async def test_pages_go_on_where_the_last_one_ended(database: Database) -> None:
    ids = [await create(database) for _ in range(5)]
    workflows = Workflows(database)
    first = await workflows.page(limit=3)
    second = await workflows.page(after=first[-1].id, limit=3)
    assert [view.id for view in (*first, *second)] == ids[::-1]
    assert await workflows.page(WorkflowFilter(statuses=(S.SUCCEEDED,))) == []


async def test_an_id_may_be_shortened_while_only_one_has_it(database: Database) -> None:
    workflows, first, second = Workflows(database), await create(database), await create(database)
    assert await workflows.resolve(str(first)) == first
    assert await workflows.resolve(str(second)[-8:]) == second
    with pytest.raises(WorkflowNotFoundError):
        await workflows.resolve(str(first)[:4])
    with pytest.raises(WorkflowNotFoundError, match="eopiez list"):
        await workflows.get(WorkflowId(uuid7()))


async def test_history_tells_what_happened_in_order(database: Database, drivers: Drivers) -> None:
    workflow = await finished(database, drivers, S.SUCCEEDED)
    kinds = [event.kind for event in await Workflows(database).events(workflow)]
    assert kinds == ["created", "claimed", "succeeded"]


async def test_a_deleted_workflow_leaves_no_rows(database: Database, drivers: Drivers) -> None:
    workflow = await finished(database, drivers, S.SUCCEEDED)
    await database.fetch(sql("delete_workflow"), workflow)
    for table in ("workflows", "steps", "tasks", "events"):
        assert await database.fetch(f"select from {table}") == [], table


@pytest.mark.parametrize(
    "change",
    [
        "status = 'paused'",
        "status = 'succeeded'",
        "status = 'resting'",
        "finished_at = now()",
    ],
)
async def test_the_database_refuses_impossible_states(database: Database, change: str) -> None:
    await create(database)
    with pytest.raises(WriteRefusedError, match="check constraint"):
        await database.fetch(f"update workflows set {change}")


async def test_a_plan_that_cannot_be_read_hides_no_other(database: Database) -> None:
    broken, sound = await create(database), await create(database, plan=plan(step("read", "source")), code=CODE)
    await database.fetch("update plans set spec = '{}' where digest = $1", PLAN.digest)
    workflows = Workflows(database)
    assert {view.id for view in await workflows.page()} == {broken, sound}
    assert [following for _, following in await workflows.plans([broken, sound])] == [[sound]]
    with pytest.raises(PlanError, match="stored plan"):
        _ = (await workflows.get(broken)).plan
    with pytest.raises(PlanError, match="stored plan"):
        await workflows.steps(broken)
