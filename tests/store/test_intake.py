"""New workflows: durable, idempotent, many at once."""

from __future__ import annotations

import asyncio

import pytest

from eopiez_ray.errors import IdempotencyConflictError, PlanError, StoreError
from eopiez_ray.model.status import StepStatus, WorkflowStatus
from eopiez_ray.store import Database, Intake, Workflows

from ..machine.plans import plan, step
from ..waiting import until
from .given import CODE, PLAN, Drivers, create, wanted


async def test_a_new_workflow_waits_in_the_queue(database: Database) -> None:
    workflow = await create(database, labels={"team": "a"}, priority=3, owner="ada")
    view = await Workflows(database).get(workflow)
    assert (view.status, view.labels, view.priority, view.owner) == (WorkflowStatus.QUEUED, {"team": "a"}, 3, "ada")
    assert view.plan == PLAN
    steps = await Workflows(database).steps(workflow)
    assert [(each.name, each.kind, each.status) for each in steps] == [
        (spec.name, spec.phase.kind, StepStatus.WAITING) for spec in PLAN.steps
    ]


async def test_many_callers_at_once_each_get_their_own(database: Database) -> None:
    intake = Intake(database)
    created = await asyncio.gather(*(intake.create(wanted()) for _ in range(300)))
    assert len({workflow.id for (workflow,) in created}) == 300
    assert len(await Workflows(database).page(limit=400)) == 300


async def test_one_that_is_held_from_the_start_cannot_be_claimed(database: Database, drivers: Drivers) -> None:
    driver, other = await drivers.start(), await drivers.start()
    workflow = await create(database, holder=driver.id)
    assert (await Workflows(database).get(workflow)).status is WorkflowStatus.RUNNING
    assert await other.claim() == []
    driver.session.terminate()
    assert await until(other.claim) == [workflow]


async def test_the_same_key_and_plan_give_the_same_workflow(database: Database) -> None:
    intake = Intake(database)
    pairs = await asyncio.gather(*(intake.create(wanted(idempotency_key="k")) for _ in range(5)))
    assert len({created.id for (created,) in pairs}) == 1
    assert sum(created.is_new for (created,) in pairs) == 1
    assert await create(database, idempotency_key="k", owner="somebody else") != pairs[0][0].id


async def test_whoever_cannot_be_answered_is_told_and_the_others_are_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(database)
    await intake.create(wanted(idempotency_key="k"))

    async def refused(*_: object) -> None:
        raise StoreError("permission denied")

    monkeypatch.setattr(database, "fetchrow", refused)
    async with asyncio.timeout(10):
        same, other = await asyncio.gather(
            intake.create(wanted(idempotency_key="k")), intake.create(wanted()), return_exceptions=True
        )
    assert isinstance(same, StoreError)
    assert isinstance(other, list)
    assert other[0].is_new


async def test_the_same_key_with_another_plan_is_a_conflict(database: Database) -> None:
    first = await create(database, idempotency_key="k")
    other = plan(step("read", "source"))
    with pytest.raises(IdempotencyConflictError, match=str(first)) as caught:
        await Intake(database).create(wanted(plan=other, code=CODE, idempotency_key="k"))
    assert caught.value.workflow_id == str(first)


async def test_code_under_the_digest_of_other_code_is_refused(database: Database) -> None:
    """Even where the plan is known already: whoever drives the workflow would run what was given."""
    intake, victim = Intake(database), PLAN.steps[0].phase.digest
    planted = {**CODE, victim: b"planted"}
    for _ in range(2):
        with pytest.raises(PlanError, match=f"is not the code of its digest {victim}"):
            await intake.create(wanted(code=planted))
        await intake.create(wanted())
    kept = await Workflows(database).code([victim])
    assert kept == {victim: CODE[victim]}
    assert len(await Workflows(database).page()) == 2


async def test_code_that_is_missing_is_not_taken_from_others(database: Database) -> None:
    await create(database)
    with pytest.raises(PlanError, match="the code of phase 'tidy'"):
        await create(database, code={digest: code for digest, code in CODE.items() if code != b"'tidy'"})


async def test_planted_code_does_not_stop_others_that_come_with_it(database: Database) -> None:
    intake = Intake(database)
    offers = [intake.create(wanted(code=code)) for code in (CODE, dict.fromkeys(CODE, b"planted"), CODE)]
    made = await asyncio.gather(*offers, return_exceptions=True)
    assert [isinstance(each, PlanError) for each in made] == [False, True, False]


async def test_a_caller_that_goes_away_does_not_stop_what_it_began(database: Database) -> None:
    task = asyncio.create_task(Intake(database).create(wanted()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(Workflows(database).page)
