"""What becomes of tasks in flight when somebody wants a pause or an end now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eopiez_ray import Plan
from eopiez_ray.model.requests import Mode, Request, Selection
from eopiez_ray.model.status import WorkflowStatus

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage, held
from .inline import InlineExecutor

S = WorkflowStatus
NOW = Request("anna", "maintenance", Mode.NOW)


@pytest.fixture
def held_back(stage: Stage) -> InlineExecutor:
    """One worker, whose calls do not end."""
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    return executor


def marking(marks: Path, count: int) -> Plan:
    plan = Plan("marking")
    plan.step("mark", phases.mark, plan.values("v", range(count)), marks=str(marks))
    return plan


async def interrupted(stage: Stage, workflow: Any) -> list[int]:
    """Tasks that were interrupted, each time."""
    events = await stage.workflows.events(workflow)
    return [event.data["tasks"] for event in events if event.kind == "tasks_interrupted"]


async def test_pause_now_hands_back_what_is_in_flight_and_counts_it_for_nobody(
    stage: Stage, held_back: InlineExecutor, tmp_path: Path
) -> None:
    first = await stage.submit(marking(tmp_path / "first", 3))
    neighbour = await stage.submit(marking(tmp_path / "neighbour", 2))
    stage.orchestrate(held_back)
    await until(lambda: held_back.calls)
    assert {part.workflow_id for part in held_back.calls[0].parts} == {str(first), str(neighbour)}
    await stage.workflows.pause(first, NOW)
    assert (await stage.rest(first)).status is S.PAUSED
    held_back.gate.set()
    assert (await stage.rest(neighbour)).status is S.SUCCEEDED
    await stage.workflows.resume(first)
    assert (await stage.rest(first)).status is S.SUCCEEDED
    assert [await interrupted(stage, workflow) for workflow in (first, neighbour)] == [[3], [2]]
    for workflow, count in ((first, 3), (neighbour, 2)):
        assert await stage.workflows.attempts(workflow) == []
        assert await stage.values(workflow, "mark") == list(range(count))
    assert held_back.stopped == ["w0"]


async def test_short_tasks_end_within_the_grace_of_a_pause_now(
    stage: Stage, held_back: InlineExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.engine.wishes.NOW_GRACE_S", 60)
    orchestrator = stage.orchestrate(held_back)
    workflow = await stage.submit(marking(tmp_path / "marks", 300))
    await until(lambda: held_back.calls)
    await stage.workflows.pause(workflow, NOW)
    await until(lambda: held(orchestrator, workflow).force)
    held_back.gate.set()
    assert (await stage.rest(workflow)).status is S.PAUSED
    assert len(await stage.values(workflow, "mark")) > 0
    assert held_back.stopped == []
    assert await interrupted(stage, workflow) == []


async def test_a_pause_that_drains_too_long_may_be_had_now(
    stage: Stage, held_back: InlineExecutor, tmp_path: Path
) -> None:
    stage.orchestrate(held_back)
    workflow = await stage.submit(marking(tmp_path / "marks", 3))
    await until(lambda: held_back.calls)
    await stage.workflows.pause(workflow, Request("ben"))

    async def in_flight() -> int:
        return (await stage.workflows.get(workflow)).in_flight

    assert await until(in_flight) == 3
    assert held_back.stopped == []
    await stage.workflows.pause(workflow, NOW)
    view = await stage.rest(workflow)
    assert (view.status, view.in_flight, view.request and view.request.request.by) == (S.PAUSED, 0, "anna")


async def test_cancel_now_does_not_wait_for_the_grace_of_a_cancel(
    stage: Stage, held_back: InlineExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.engine.wishes.CANCEL_GRACE_S", 3600)
    stage.orchestrate(held_back)
    workflow = await stage.submit(marking(tmp_path / "marks", 3))
    await until(lambda: held_back.calls)
    await stage.workflows.cancel(workflow)
    await stage.workflows.cancel(workflow, NOW)
    assert (await stage.rest(workflow)).status is S.CANCELLED
    assert await stage.workflows.attempts(workflow) == []


async def test_the_next_driver_keeps_to_what_was_asked_of_the_last_one(
    stage: Stage, held_back: InlineExecutor, tmp_path: Path
) -> None:
    first = stage.orchestrate(held_back)
    workflow = await stage.submit(marking(tmp_path / "marks", 3))
    await until(lambda: held_back.calls)
    await stage.workflows.pause(workflow)
    await stage.kill(first)
    stage.orchestrate(InlineExecutor(stage.folder))
    view = await stage.rest(workflow)
    assert (view.status, view.in_flight) == (S.PAUSED, 0)
    assert not (tmp_path / "marks").exists()


async def test_many_are_paused_and_go_on_and_repeat_nothing(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    ids = [await stage.submit(marking(tmp_path / f"{number}", 40), labels={"team": "blue"}) for number in range(20)]
    stage.orchestrate(executor)
    await until(lambda: executor.calls)
    team = Selection(labels={"team": "blue"})
    paused = await stage.workflows.pause_all(team, NOW)
    assert {answer.id for answer in paused} <= {*ids}
    for workflow in ids:
        await stage.rest(workflow)
    await stage.workflows.resume_all(team)
    for number, workflow in enumerate(ids):
        assert (await stage.rest(workflow)).status is S.SUCCEEDED
        assert sorted(map(int, (tmp_path / f"{number}").read_text().split())) == list(range(40))


async def test_retry_of_what_was_given_up_runs_that_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    plan = Plan("again")
    marked = plan.step("mark", phases.mark, plan.values("v", range(5)), marks=str(tmp_path / "all"))
    plan.step("luck", phases.fail_until, marked, marks=str(tmp_path / "luck"), times=3)
    unlucky = await stage.submit(plan, labels={"team": "blue"})
    assert (await stage.rest(unlucky)).status is S.FAILED
    done = await stage.submit(marking(tmp_path / "done", 3), labels={"team": "blue"})
    await stage.rest(done)
    team = Selection(labels={"team": "blue"})
    given_up = await stage.workflows.given_up(team)
    assert given_up
    assert {(task.workflow_id, task.step, task.attempts) for task in given_up} == {(unlucky, "luck", 3)}
    finished = await stage.values(unlucky, "mark")
    before = len(executor.calls)
    answers = await stage.workflows.retry_all(team)
    assert [answer.id for answer in answers] == [unlucky]
    assert (await stage.rest(unlucky)).status is S.SUCCEEDED
    again = [item.key.step for call in executor.calls[before:] for part in call.parts for item in part.tasks()]
    assert again.count(1) == 5 - len(finished)
    assert sorted(map(int, (tmp_path / "all").read_text().split())) == list(range(5))
    assert await stage.workflows.given_up() == []
