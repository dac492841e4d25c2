"""Pause, resume, cancel and retry, of one workflow and of thousands: who asked, how, and what became of each."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from eopiez_ray.errors import ParameterError, TransitionError
from eopiez_ray.machine import Command, RecordAttempt, RecordInterruption, SetStatus, UpdateStep, WorkflowState
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.requests import Mode, Request, Selection, Timers, Verb
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Failure, Report, TaskKey
from eopiez_ray.store import Batch, Database, Intake, Workflows, requests

from .given import PLAN, Driver, Drivers, batch_of, create, result, wanted

S = WorkflowStatus
MAINTENANCE = Request(by="anna", why="maintenance")
BLUE = {"team": "blue"}


async def write(driver: Driver, workflow: WorkflowId, *commands: Command, running: int = 0, epoch: int = 1) -> None:
    """Commit commands of a holder whose first step has so many tasks in flight."""
    state = WorkflowState.restore(PLAN)
    state.steps[0].running = running
    batch = Batch()
    batch.add(workflow, epoch, state, commands)
    await driver.ledger.commit(batch)


def attempt(partition: int, retry_at: float | None, error_type: str = "OSError") -> RecordAttempt:
    failure = Failure(error_type, f"no luck with {partition}", "")
    return RecordAttempt(Report(TaskKey(1, partition), Outcome.FAILED, failure=failure, started_at=1.0), 3, retry_at)


async def put_back_request(database: Database) -> None:
    """Let what was asked for last have been asked for 100 s before."""
    earlier = """jsonb_build_object('at', (request ->> 'at')::timestamptz - interval '100 seconds')"""
    await database.fetch(f"update workflows set request = request || {earlier}")


async def failed(database: Database, driver: Driver, *attempts: RecordAttempt, **options: object) -> WorkflowId:
    workflow = await create(database, **options)
    await driver.claim()
    await write(driver, workflow, *attempts, SetStatus(S.FAILED))
    return workflow


async def held(database: Database, drivers: Drivers) -> tuple[WorkflowId, Driver]:
    workflow, driver = await create(database), await drivers.start()
    await driver.claim()
    return workflow, driver


async def test_a_request_is_remembered_with_who_and_why(database: Database) -> None:
    workflows, workflow = Workflows(database), await create(database)
    await workflows.pause(workflow, Request("anna", "maintenance", Mode.NOW, Timers.FROZEN))
    asked = (await workflows.get(workflow)).request
    assert asked is not None
    assert (asked.verb, asked.request) == (Verb.PAUSE, Request("anna", "maintenance", Mode.NOW, Timers.FROZEN))
    assert abs((asked.at - datetime.now(UTC)).total_seconds()) < 60
    await workflows.resume(workflow, Request("ben", "it is over"))
    await workflows.cancel(workflow, Request("ben", "no\0body needs it"))
    assert [(event.kind, event.data) for event in await workflows.events(workflow)] == [
        ("created", {}),
        ("pause_requested", {"by": "anna", "why": "maintenance", "mode": "now", "timers": "frozen"}),
        ("paused", {}),
        ("resume_requested", {"by": "ben", "why": "it is over"}),
        ("cancel_requested", {"by": "ben", "why": "no␀body needs it", "mode": "drain"}),
        ("cancelled", {}),
    ]


async def test_a_pause_may_be_sharpened_and_keeps_its_moment(database: Database, drivers: Drivers) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    await workflows.pause(workflow, Request("anna", timers=Timers.FROZEN))
    first = (await workflows.get(workflow)).request
    await workflows.pause(workflow, Request("ben", "at once", Mode.NOW))
    second = (await workflows.get(workflow)).request
    assert first is not None
    assert second is not None
    assert second.at == first.at
    assert second.request == Request("ben", "at once", Mode.NOW, Timers.FROZEN)
    (asked,) = await driver.ledger.requested(driver.id)
    assert (asked.id, asked.status, asked.mode) == (workflow, S.PAUSING, Mode.NOW)
    await workflows.pause(workflow, MAINTENANCE)
    assert (await workflows.get(workflow)).request == second


async def test_what_nobody_drives_any_more_is_paused_when_it_is_asked_again(
    database: Database, drivers: Drivers
) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    await write(driver, workflow, UpdateStep(0), running=2)
    await workflows.pause(workflow)
    await driver.die()
    assert await workflows.pause(workflow) is S.PAUSED
    assert [step.running for step in await workflows.steps(workflow)] == [0, 0, 0]


async def test_tasks_in_flight_are_counted_while_they_are_waited_for(database: Database, drivers: Drivers) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    await write(driver, workflow, UpdateStep(0), running=3)
    assert (await workflows.get(workflow)).in_flight == 0
    await workflows.pause(workflow)
    assert (await workflows.get(workflow)).in_flight == 3
    await write(driver, workflow, UpdateStep(0), running=1)
    assert [view.in_flight for view in await workflows.page()] == [1]
    await write(driver, workflow, UpdateStep(0), SetStatus(S.PAUSED))
    assert (await workflows.get(workflow)).in_flight == 0


async def test_a_new_holder_has_nothing_in_flight(database: Database, drivers: Drivers) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    await write(driver, workflow, UpdateStep(0), running=3)
    await driver.die()
    await (await drivers.start()).claim()
    assert [step.running for step in await workflows.steps(workflow)] == [0, 0, 0]


async def test_a_cancel_while_a_pause_is_reached_is_not_forgotten(database: Database, drivers: Drivers) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    await workflows.pause(workflow)
    await workflows.cancel(workflow)
    await write(driver, workflow, SetStatus(S.PAUSING))
    assert (await workflows.get(workflow)).status is S.CANCELLING
    await write(driver, workflow, SetStatus(S.PAUSED))
    view = await workflows.get(workflow)
    assert (view.status, view.finished_at is None, view.drained_at) == (S.CANCELLED, False, None)


async def test_interrupted_tasks_are_told_before_the_rest_that_they_led_to(
    database: Database, drivers: Drivers
) -> None:
    workflow, driver = await held(database, drivers)
    await write(driver, workflow, RecordInterruption(2), RecordInterruption(3), SetStatus(S.PAUSED))
    events = await Workflows(database).events(workflow)
    assert [(event.kind, event.data) for event in events[2:]] == [("tasks_interrupted", {"tasks": 5}), ("paused", {})]


@pytest.mark.parametrize("timers", Timers)
async def test_frozen_timers_wait_on_after_the_pause_as_long_as_they_had_to(
    database: Database, drivers: Drivers, timers: Timers
) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    now = time.time()
    await write(driver, workflow, attempt(0, now + 50), attempt(1, now - 200), attempt(2, now + 30))
    await workflows.pause(workflow, Request(timers=timers))
    await write(driver, workflow, SetStatus(S.PAUSED))
    await put_back_request(database)
    failed_at = "clock_timestamp() - case partition when 2 then interval '60 seconds' else interval '1 hour' end"
    await database.fetch(f"update attempts set ended_at = {failed_at}")
    await workflows.resume(workflow)
    retries = {view.partition: view.retry_at for view in await workflows.attempts(workflow)}
    moved = [at.timestamp() - now for at in (retries[0], retries[1], retries[2]) if at is not None]
    # The second was due before the pause; the third failed while the pause was being reached, 60 s ago.
    expected = [150, -200, 90] if timers is Timers.FROZEN else [50, -200, 30]
    assert moved == pytest.approx(expected, abs=10)
    assert (await workflows.get(workflow)).frozen_s == pytest.approx(100 if timers is Timers.FROZEN else 0, abs=10)


@pytest.mark.parametrize("running", [0, 1], ids=["drained", "left with a task in flight"])
@pytest.mark.parametrize("timers", Timers)
async def test_frozen_timers_lengthen_the_time_of_steps_that_have_begun_and_of_no_other(
    database: Database, drivers: Drivers, timers: Timers, running: int
) -> None:
    workflows = Workflows(database)
    workflow, driver = await held(database, drivers)
    began = time.time()
    await write(driver, workflow, UpdateStep(0), UpdateStep(1), running=running)
    await workflows.pause(workflow, Request(timers=timers))
    await write(driver, workflow, SetStatus(S.PAUSED))
    long_ago = "clock_timestamp() - interval '300 seconds'"
    await database.fetch(f"update steps set started_at = {long_ago} where position = 0")
    await put_back_request(database)
    await workflows.resume(workflow)
    (claim,) = await driver.ledger.claim(driver.id, None, 1)
    begun, not_begun = claim.state.steps[0].begun_at, claim.state.steps[1].begun_at
    assert began - begun == pytest.approx(200 if timers is Timers.FROZEN else 300, abs=10)
    assert not_begun == 0


async def test_each_of_many_is_answered_for_and_a_refusal_undoes_nothing(database: Database, drivers: Drivers) -> None:
    workflows = Workflows(database)
    done, driver = await held(database, drivers)
    await driver.ledger.commit(batch_of(done, 1, result(0, 0), status=S.SUCCEEDED))
    driven = await create(database)
    await driver.claim()
    waiting, paused, unknown = await create(database), await create(database), WorkflowId(uuid7())
    await workflows.pause(paused)
    answers = await workflows.pause_all(Selection(ids=(unknown, waiting, done, paused, driven)), MAINTENANCE)
    found = {answer.id: (answer.status, answer.refusal) for answer in answers}
    assert found == {
        done: (S.SUCCEEDED, f"cannot pause workflow {done}: it is succeeded"),
        driven: (S.PAUSING, ""),
        waiting: (S.PAUSED, ""),
        paused: (S.PAUSED, ""),
        unknown: (None, f"there is no workflow {unknown}; `eopiez list` shows the existing ones"),
    }
    assert await workflows.statuses([done, driven, waiting]) == {
        done: S.SUCCEEDED, driven: S.PAUSING, waiting: S.PAUSED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(labels=BLUE), {"blue", "other"}),
        (Selection(labels=BLUE, owner="ben"), {"other"}),
        (Selection(owner="ben"), {"other", "plain"}),
        (Selection(name="plan", labels=BLUE | {"kind": "x"}), {"blue"}),
        (Selection(name="nothing"), set()),
        (Selection(statuses=(S.PAUSED,)), {"plain"}),
        (Selection(everything=True), {"blue", "other", "plain"}),
    ],
)
async def test_workflows_are_selected_by_what_they_are(
    database: Database, selection: Selection, expected: set[str]
) -> None:
    workflows = Workflows(database)
    ids = {
        await create(database, labels=BLUE | {"kind": "x"}): "blue",
        await create(database, labels=BLUE, owner="ben"): "other",
        await create(database, owner="ben"): "plain",
        await create(database): "ended",
    }
    (plain,) = [workflow for workflow, name in ids.items() if name == "plain"]
    (ended,) = [workflow for workflow, name in ids.items() if name == "ended"]
    await workflows.pause(plain)
    await workflows.cancel(ended)
    assert await workflows.count(Verb.PAUSE, selection) == len(expected)
    assert {ids[answer.id] for answer in await workflows.pause_all(selection)} == expected


async def test_what_nobody_drives_any_more_goes_on_only_from_where_it_was_to_come_to_rest(
    database: Database, drivers: Drivers
) -> None:
    workflows = Workflows(database)
    paused, driver = await held(database, drivers)
    cancelled = await create(database)
    await driver.claim()
    await workflows.pause(paused)
    await workflows.cancel(cancelled)
    await driver.die()
    with pytest.raises(TransitionError):
        await workflows.resume(cancelled)
    with pytest.raises(TransitionError):
        await workflows.retry(paused)
    assert await workflows.statuses([paused, cancelled]) == {paused: S.PAUSING, cancelled: S.CANCELLING}
    assert await workflows.resume(paused) is S.QUEUED
    assert await workflows.retry(cancelled) is S.QUEUED


async def test_a_described_retry_leaves_what_was_cancelled_alone(database: Database, drivers: Drivers) -> None:
    workflows, driver = Workflows(database), await drivers.start()
    lost = await failed(database, driver, attempt(0, None), labels=BLUE)
    cancelled = await create(database, labels=BLUE)
    await workflows.cancel(cancelled)
    answers = await workflows.retry_all(Selection(labels=BLUE))
    assert [(answer.id, answer.status) for answer in answers] == [(lost, S.QUEUED)]
    answers = await workflows.retry_all(Selection(labels=BLUE, statuses=(S.CANCELLED,)))
    assert [(answer.id, answer.status) for answer in answers] == [(cancelled, S.QUEUED)]


async def test_bulk_requests_go_through_all_pages(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PAGE", 3)
    workflows = Workflows(database)
    ids = [await create(database) for _ in range(9)]
    for verb, status in ((workflows.pause_all, S.PAUSED), (workflows.resume_all, S.QUEUED)):
        answers = await verb(Selection(everything=True))
        assert [(answer.id, answer.status) for answer in answers] == [(workflow, status) for workflow in ids]


async def test_ten_thousand_workflows_are_paused_and_resumed_in_bulk(database: Database, drivers: Drivers) -> None:
    workflows, driver = Workflows(database), await drivers.start()
    await Intake(database).create(*(wanted(labels=BLUE) for _ in range(10_000)))
    await driver.ledger.claim(driver.id, None, 500)
    began = time.perf_counter()
    answers = await workflows.pause_all(Selection(labels=BLUE), MAINTENANCE)
    assert time.perf_counter() - began < 60
    assert [sum(answer.status is status for answer in answers) for status in (S.PAUSING, S.PAUSED)] == [500, 9500]
    answers = await workflows.resume_all(Selection(statuses=(S.PAUSED,)))
    assert time.perf_counter() - began < 120
    assert {answer.status for answer in answers} == {S.QUEUED}


async def test_tasks_that_were_given_up_are_listed_until_they_are_retried(database: Database, drivers: Drivers) -> None:
    workflows, driver = Workflows(database), await drivers.start()
    retried = time.time() + 60
    blue = await failed(database, driver, attempt(0, retried), attempt(0, None), attempt(3, None), labels=BLUE)
    other = await failed(database, driver, attempt(1, None, "ValueError"))
    running = await create(database)
    await driver.claim()
    await write(driver, running, attempt(2, None))
    found = await workflows.given_up()
    assert [(task.workflow_id, task.partition, task.attempts) for task in found] == [
        (other, 1, 3), (blue, 3, 3), (blue, 0, 3),
    ]  # fmt: skip
    assert (found[0].step, found[0].error_type, found[0].message) == ("tidy", "ValueError", "no luck with 1")
    assert await workflows.given_up(before=found[0].id, limit=1) == found[1:2]
    assert await workflows.given_up(Selection(labels=BLUE)) == found[1:]
    assert await workflows.given_up(Selection(error_type="ValueError")) == found[:1]
    answers = await workflows.retry_all(Selection(error_type="OSError"))
    assert [answer.id for answer in answers] == [blue]
    assert await workflows.given_up() == found[:1]


def test_a_selection_without_a_condition_is_refused() -> None:
    with pytest.raises(ParameterError, match="everything=True"):
        Selection()


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ParameterError, match="choose drain or now"):
        Request(mode="later")  # type: ignore[arg-type]
