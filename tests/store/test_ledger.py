"""Claims, leases, fences and commits, against a real Postgres."""

from __future__ import annotations

import asyncio

from eopiez_ray.machine import RecordAttempt, RecordEnd, UpdateStep, WorkflowState
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Failure, LogLine, Reject, Report, TaskKey
from eopiez_ray.store import Batch, CacheEntry, Database, Workflows
from eopiez_ray.store.queries import sql

from ..waiting import PATIENCE_S, until
from .given import PLAN, Drivers, batch_of, create, result


async def test_two_claimers_never_get_the_same_workflow(database: Database, drivers: Drivers) -> None:
    ids = {await create(database) for _ in range(6)}
    first, second = await drivers.start(), await drivers.start()
    mine, yours = await asyncio.gather(first.claim(), second.claim())
    assert set(mine) | set(yours) == ids
    assert not set(mine) & set(yours)


async def test_a_held_workflow_is_not_claimed_while_its_holder_lives(database: Database, drivers: Drivers) -> None:
    await create(database)
    first, second = await drivers.start(), await drivers.start()
    assert len(await first.claim()) == 1
    assert await second.claim() == []


async def test_a_dead_session_frees_its_workflows_at_once(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(), await drivers.start()
    await first.claim()
    first.session.terminate()
    assert await until(second.claim) == [workflow]


async def test_an_expired_lease_is_claimed_though_the_session_lives(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(lease_s=0.0), await drivers.start()
    await first.claim()
    assert await second.claim() == [workflow]


async def test_a_renewed_lease_lasts_and_a_lost_one_is_told(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(), await drivers.start()
    await first.claim()
    assert await first.ledger.renew(first.id)
    assert await second.claim() == []
    await database.fetch("update orchestrators set lease_until = clock_timestamp() where id = $1", first.id)
    assert await second.claim() == [workflow]
    assert not await first.ledger.renew(first.id)
    assert await first.ledger.held(first.id) == {}
    assert await second.ledger.held(second.id) == {workflow: 2}


async def test_nobody_claims_again_what_it_holds(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    driver = await drivers.start(lease_s=0.0)
    assert await driver.claim() == [workflow]
    assert await driver.claim() == []
    assert await driver.ledger.claim(driver.id, [workflow], 10) == []


async def test_a_fenced_holder_writes_nothing(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(lease_s=0.0), await drivers.start()
    await first.claim()
    await second.claim()
    late = batch_of(workflow, 1, result(0, 0, b"late"), status=WorkflowStatus.FAILED)
    failed = Report(TaskKey(0, 1), Outcome.FAILED, failure=Failure("E", "", ""))
    late.attempts.append((workflow, RecordAttempt(failed, 1, None)))
    late.cached.append((workflow, CacheEntry(b"key".ljust(16), result(0, 0).output, 1)))  # type: ignore[arg-type]
    assert await first.ledger.commit(late) == {workflow}
    workflows = Workflows(database)
    assert await workflows.outputs(workflow, 0) == []
    assert await workflows.attempts(workflow) == []
    assert (await workflows.get(workflow)).status is WorkflowStatus.RUNNING


async def test_one_fenced_workflow_does_not_stop_the_others_of_its_batch(database: Database, drivers: Drivers) -> None:
    lost, kept = await create(database), await create(database)
    driver = await drivers.start()
    await driver.claim()
    batch = batch_of(kept, 1, result(0, 0))
    batch.epochs[lost] = 0
    batch.tasks.append((lost, result(0, 0)))
    assert await driver.ledger.commit(batch) == {lost}
    assert len(await Workflows(database).outputs(kept, 0)) == 1
    assert await Workflows(database).outputs(lost, 0) == []


async def test_the_first_committed_report_wins(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    driver = await drivers.start()
    await driver.claim()
    await driver.ledger.commit(batch_of(workflow, 1, result(0, 0, b"first")))
    await driver.ledger.commit(batch_of(workflow, 1, result(0, 0, b"second")))
    assert [output.inline for output in await Workflows(database).outputs(workflow, 0)] == [b"first"]


async def test_writing_a_batch_again_changes_nothing(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    driver = await drivers.start()
    await driver.claim()
    batch = batch_of(workflow, 1, *[result(1, number) for number in range(50)])
    assert await driver.ledger.commit(batch) == set()
    assert await driver.ledger.commit(batch) == set()
    assert len(await Workflows(database).outputs(workflow, 1)) == 50


async def test_a_claim_remembers_results_ends_attempts_and_rejects(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(lease_s=0.0), await drivers.start()
    await first.claim()
    state = WorkflowState.restore(PLAN)
    state.steps[0].sealed = 2
    batch = batch_of(workflow, 1, result(0, 0)._replace(rejects=(Reject("a.txt", "bad", "x\0y"),)), result(0, 1))
    end = Report(TaskKey(0, 2), Outcome.SUCCEEDED, is_last=True)
    failed = Report(TaskKey(1, 0), Outcome.FAILED, failure=Failure("E", "m", "t"), logs=(LogLine(1.0, "info", "hi"),))
    batch.add(workflow, 1, state, [RecordEnd(end), UpdateStep(0), RecordAttempt(failed, 1, 5_000_000_000.0)])
    await first.ledger.commit(batch)
    (claim,) = await second.ledger.claim(second.id, None, 10)
    assert claim.epoch == 2
    assert [claim.state.steps[0].get(number) for number in range(2)] == [3, 3]
    assert claim.state.steps[0].sealed == 2
    assert claim.state.steps[0].rejects == 1
    assert claim.state.steps[1].failures == {0: 1}
    assert claim.state.wake_at == 5_000_000_000.0
    workflows = Workflows(database)
    assert [(line.step, line.message) for line in await workflows.logs(workflow)] == [("tidy", "hi")]
    assert [(row.step, row.sample) for row in await workflows.rejects(workflow)] == [("read", "x␀y")]


async def test_released_workflows_can_be_claimed_at_once(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    first, second = await drivers.start(), await drivers.start()
    await first.claim()
    await first.ledger.release({workflow: 1})
    assert await second.claim() == [workflow]


async def test_higher_priority_is_claimed_first(database: Database, drivers: Drivers) -> None:
    await create(database)
    urgent = await create(database, priority=5)
    driver = await drivers.start()
    (claim,) = await driver.ledger.claim(driver.id, None, 1)
    assert (claim.id, claim.priority) == (urgent, 5)


async def test_a_final_status_frees_the_holder_and_is_heard(database: Database, drivers: Drivers) -> None:
    workflow = await create(database)
    driver = await drivers.start()
    await driver.claim()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await database.listen(lambda _, payload: heard.put_nowait(payload), "eopiez_status")
    await driver.ledger.commit(batch_of(workflow, 1, status=WorkflowStatus.SUCCEEDED))
    assert await asyncio.wait_for(heard.get(), PATIENCE_S) == str(workflow)
    view = await Workflows(database).get(workflow)
    assert view.status is WorkflowStatus.SUCCEEDED
    assert view.finished_at is not None
    assert not await Workflows(database).is_held(workflow)
    await listener.close()


async def test_an_empty_moment_of_an_empty_batch_is_harmless(database: Database, drivers: Drivers) -> None:
    driver = await drivers.start()
    assert await driver.ledger.commit(Batch()) == set()


async def test_a_commit_reads_by_index_though_it_was_planned_while_few_workflows_were_there(database: Database) -> None:
    await database.fetch("insert into plans (digest, spec) values ('d', '{}')")
    await database.fetch(
        "insert into workflows (id, name, plan) select gen_random_uuid(), 'x', 'd' from generate_series(1, 2000)"
    )
    await database.fetch("analyze workflows")
    async with database.writer().transaction() as connection:
        await connection.execute(f"prepare planned as {sql('commit')}")
        rows = await connection.fetch(f"explain execute planned({', '.join(['null'] * 35)})")
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using workflows_pkey" in plan
    assert "Seq Scan on workflows" not in plan
