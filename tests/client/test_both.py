"""What a program can do with a system, whether it is its own or elsewhere: each test runs twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

import eopiez_ray as ez
from eopiez_ray.errors import (
    IdempotencyConflictError,
    ParameterError,
    PlanError,
    TransitionError,
    UpdateRefusedError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowNotFinishedError,
    WorkflowNotFoundError,
    WorkflowPausedError,
)
from eopiez_ray.model.requests import Verb
from tests.waiting import wait_until

System = ez.Local | ez.Remote
S = ez.WorkflowStatus
ONCE = ez.RetryPolicy(maximum_attempts=1)


@ez.phase(version="1", retry=ONCE)
def length(word: str, *, extra: int = 0) -> int:
    if word == "bad":
        raise ValueError("a bad word")
    print(f"saw {word}")
    return len(word) + extra


@ez.phase(kind="reduce", version="1")
def total(lengths: Any) -> dict[str, Any]:
    return {"total": sum(lengths), "array": np.arange(5000)}


@ez.phase(version="1")
def table(word: str) -> pa.Table:
    return pa.table({"word": [word], "letters": [len(word)]})


@ez.phase(version="1")
def patient(word: str, *, gate: str) -> str:
    """Waits until there is a file ``gate``."""
    while not Path(gate).exists():
        time.sleep(0.01)
    return word


def lengths(*words: str) -> ez.Plan:
    plan = ez.Plan("lengths", labels={"kind": "lengths"})
    plan.step("total", total, plan.step("length", length, plan.values("words", words)))
    return plan


def held(gate: Path, *words: str) -> ez.Plan:
    plan = ez.Plan("held")
    waiting = plan.step("patient", patient, plan.values("words", words), gate=str(gate))
    plan.step("length", length, waiting)
    return plan


def test_a_plan_is_started_and_gives_its_results(system: System) -> None:
    workflow = system.start(lengths("a", "bcd"), labels={"team": "x"}, priority=3)
    result = workflow.wait(150).result("total")
    assert (result["total"], result["array"].sum()) == (4, 12497500)
    parts = workflow.result("length")
    assert (list(parts), len(parts), parts[1], list(parts[1:])) == ([1, 3], 2, 3, [3])
    view = workflow.view()
    assert (view.status, view.priority, view.labels) == (S.SUCCEEDED, 3, {"kind": "lengths", "team": "x"})
    assert view.plan == lengths("a", "bcd").spec()
    assert [(step.name, step.done, step.position) for step in workflow.steps()] == [
        ("words", 2, 0), ("length", 2, 1), ("total", 1, 2),
    ]  # fmt: skip


def test_tables_come_back_as_tables(system: System) -> None:
    plan = ez.Plan("tables")
    plan.step("table", table, plan.values("words", ["a", "bcd"]))
    parts = system.start(plan).wait(150).result("table")
    assert pa.concat_tables(parts).to_pylist() == [{"word": "a", "letters": 1}, {"word": "bcd", "letters": 3}]


def test_a_failure_says_where_and_why_and_a_retry_goes_on(system: System) -> None:
    workflow = system.start(lengths("a", "bad"))
    with pytest.raises(WorkflowFailedError, match="step 'length', partition 1, attempt 1: ValueError: a bad word"):
        workflow.wait(150)
    (attempt,) = workflow.attempts()
    assert (attempt.step, attempt.partition, attempt.error_type) == ("length", 1, "ValueError")
    assert "a bad word" in attempt.traceback
    assert workflow.last_attempts() == [attempt]
    assert {facts.step: sum(facts.attempts.values()) for facts in workflow.step_facts()}["length"] == 1
    workflow.retry(why="again")
    assert workflow.settled(150).status is S.FAILED
    assert len(list(workflow.each_attempt(after=attempt.id))) == 1


def test_history_logs_and_tasks_are_the_same_from_everywhere(system: System) -> None:
    workflow = system.start(lengths("a", "bcd", "ef")).wait(150)
    kinds = [event.kind for event in workflow.history()]
    assert (kinds[0], kinds[-1]) == ("created", "succeeded")
    assert [event.kind for event in workflow.events()] == kinds
    assert [event.kind for event in workflow.events(workflow.events()[0].id)] == kinds[1:]
    assert sorted(line.message for line in workflow.logs(step="length")) == ["saw a", "saw bcd", "saw ef"]
    assert workflow.logs(partition=1)[0].message == "saw bcd"
    tasks = list(workflow.tasks(ez.TaskFilter(step="length")))
    assert [(task.step, task.partition, task.rows, tuple(task.key)) for task in tasks] == [
        ("length", number, 1, (1, number)) for number in range(3)
    ]
    assert len(list(workflow.tasks(limit=2))) == 2
    assert [task.partition for task in workflow.tasks(ez.TaskFilter(step="length"), after=tasks[0].key)] == [1, 2]
    with pytest.raises(PlanError):
        workflow.logs(step="no")
    with pytest.raises(ParameterError):
        workflow.logs(level="loud")


def test_one_key_makes_one_workflow(system: System) -> None:
    key = str(uuid4())
    first, second = [system.start(lengths("a"), idempotency_key=key) for _ in range(2)]
    assert first.id == second.id
    with pytest.raises(IdempotencyConflictError) as caught:
        system.start(lengths("b"), idempotency_key=key)
    assert (caught.value.key, caught.value.workflow_id) == (key, str(first.id))


def test_a_workflow_is_paused_resumed_and_cancelled(system: System, tmp_path: Path) -> None:
    workflow = system.start(held(tmp_path / "gate", "a"))
    wait_until(lambda: workflow.is_driven)
    assert workflow.pause(mode="now", why="lunch", timers="frozen") in {S.PAUSING, S.PAUSED}
    with pytest.raises(WorkflowPausedError):
        workflow.wait(150)
    request = workflow.view().request
    assert request is not None
    assert (request.verb, request.request.why) == (Verb.PAUSE, "lunch")
    workflow.resume()
    assert workflow.status in {S.QUEUED, S.RUNNING}
    workflow.cancel(mode="now", why="enough")
    with pytest.raises(WorkflowCancelledError):
        workflow.wait(150)
    with pytest.raises(TransitionError) as caught:
        workflow.pause()
    assert (caught.value.request, caught.value.status) == ("pause", "cancelled")


def test_a_wait_can_be_too_short(system: System, tmp_path: Path) -> None:
    workflow = system.start(held(tmp_path / "gate", "a"))
    for seconds in (0.05, 2.5):
        with pytest.raises(TimeoutError):
            workflow.settled(seconds)
    with pytest.raises(WorkflowNotFinishedError):
        workflow.result("length")
    (tmp_path / "gate").touch()
    assert list(workflow.wait(150).result("length")) == [1]


def test_what_has_not_started_can_be_changed(system: System, tmp_path: Path) -> None:
    workflow = system.start(held(tmp_path / "gate", "a", "b"))
    wait_until(lambda: workflow.is_driven)
    change = ez.StepChange("length", {"extra": 10}, retry=ez.RetryPolicy(maximum_attempts=7))
    workflow.update(change, priority=5, labels={"team": "y"}, why="more")
    view = workflow.view()
    assert (view.priority, view.labels["team"], view.plan_version) == (5, "y", 2)
    assert view.plan.steps[view.plan.index()["length"]].policy.retry.maximum_attempts == 7
    wait_until(lambda: workflow.steps()[1].running > 0)
    with pytest.raises(UpdateRefusedError):
        workflow.update(ez.StepChange("patient", {"gate": "elsewhere"}))
    with pytest.raises(PlanError):
        workflow.update(ez.StepChange("no", {"extra": 1}))
    (tmp_path / "gate").touch()
    assert list(workflow.wait(150).result("length")) == [11, 11]


def test_workflows_are_listed_by_conditions_and_pages(system: System) -> None:
    label = uuid4().hex
    made = [each.id for each in system.start_many([lengths(str(number)) for number in range(5)], labels={"n": label})]
    where = ez.WorkflowFilter(labels={"n": label})
    wait_until(lambda: all(view.status is S.SUCCEEDED for view in system.workflows(where=where)))
    newest = sorted(made, reverse=True)
    assert [view.id for view in system.workflows(S.SUCCEEDED, 2, where=where)] == newest[:2]
    assert [view.id for view in system.workflows(where=where, after=newest[1])] == newest[2:]
    assert [view.id for view in system.workflows(where=where, order=ez.Order.OLDEST)] == newest[::-1]
    assert system.workflows(S.FAILED, where=where) == []
    assert system.statuses(made) == dict.fromkeys(made, S.SUCCEEDED)


def test_a_workflow_is_found_by_either_end_of_its_id(system: System) -> None:
    workflow = system.start(lengths("a"))
    assert system.workflow(str(workflow.id)[-10:]).id == workflow.id
    assert system.workflow(str(workflow.id)).id == workflow.id
    with pytest.raises(WorkflowNotFoundError) as caught:
        system.workflow("no such")
    assert caught.value.workflow_id == "no such"
    with pytest.raises(WorkflowNotFoundError):
        system.workflow(str(uuid4())).view()


def test_a_request_to_many_answers_for_each(system: System, tmp_path: Path) -> None:
    label = {"bulk": uuid4().hex}
    first, second = system.start_many([held(tmp_path / "gate", "a"), held(tmp_path / "gate", "b")], labels=label)
    chosen = ez.Selection(labels=label, projects=("default",))
    assert system.count(Verb.CANCEL, chosen) == 2
    answers = system.pause(chosen, mode="now")
    assert {answer.id for answer in answers} == {first.id, second.id}
    assert {workflow.settled(150).status for workflow in (first, second)} == {S.PAUSED}
    (tmp_path / "gate").touch()
    assert all(not answer.refusal for answer in system.resume(chosen))
    assert {workflow.settled(150).status for workflow in (first, second)} == {S.SUCCEEDED}
    refused = system.retry(ez.Selection(ids=(first.id,)))
    assert [(answer.status, bool(answer.refusal)) for answer in refused] == [(S.SUCCEEDED, True)]
    assert system.cancel(chosen) == []


def test_names_may_hold_whatever_names_may_hold(system: System) -> None:
    plan = ez.Plan("naïve / plan?")
    plan.step("a b/ü%2F?#", length, plan.values("words", ["a"]))
    workflow = system.start(plan, labels={"k& ü": "v=;&"})
    assert list(workflow.wait(150).result("a b/ü%2F?#")) == [1]
    where = ez.WorkflowFilter(labels={"k& ü": "v=;&"}, name="naïve / plan?")
    assert [view.id for view in system.workflows(where=where)][:1] == [workflow.id]
    assert workflow.logs(step="a b/ü%2F?#")[0].message == "saw a"


def test_a_step_that_there_is_not_has_no_result(system: System) -> None:
    workflow = system.start(lengths("a")).wait(150)
    with pytest.raises(KeyError, match="length"):
        workflow.result("no")


def test_a_step_of_values_says_that_it_has_no_result(system: System) -> None:
    workflow = system.start(lengths("a")).wait(60)
    with pytest.raises(PlanError, match="only holds values that came with the plan"):
        list(workflow.result("words"))


@ez.phase(version="1")
def even(number: int) -> int:
    if number % 2:
        ez.current_task().reject(f"row {number}", "it is odd", str(number))
    return number


def test_rows_that_were_set_aside_are_listed_and_counted(system: System) -> None:
    plan = ez.Plan("evens")
    plan.step("even", even, plan.values("numbers", [0, 1, 2, 3]))
    workflow = system.start(plan).wait(120)
    rows = list(workflow.rejects())
    assert [(row.step, row.partition, row.source, row.sample) for row in rows] == [
        ("even", 1, "row 1", "1"), ("even", 3, "row 3", "3"),
    ]  # fmt: skip
    assert list(workflow.rejects("even", "it is odd", limit=1)) == rows[:1]
    assert list(workflow.rejects(reason="it is even")) == []
    assert [(each.step, each.reason, each.rows) for each in workflow.reject_reasons()] == [("even", "it is odd", 2)]
    with pytest.raises(PlanError, match="did you mean 'even'"):
        list(workflow.rejects("evne"))


def test_plans_that_were_replaced_can_be_read(system: System, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    workflow = system.start(held(gate, "a", "b"))
    wait_until(lambda: workflow.is_driven)
    before = workflow.view().plan
    assert workflow.plan(1) == before
    try:
        workflow.update(ez.StepChange("length", retry=ez.RetryPolicy(maximum_attempts=7)))
    finally:
        gate.touch()
    workflow.wait(120)
    assert [(each.version, each.replaced_at is None) for each in workflow.plans()] == [(1, False), (2, True)]
    assert (workflow.plan(1), workflow.plan(2)) == (before, workflow.view().plan)
    with pytest.raises(ParameterError, match="kept are 1, 2"):
        workflow.plan(3)


def test_ids_of_what_may_be_steered(system: System) -> None:
    label = {"group": uuid4().hex}
    made = [system.start(lengths("a"), labels=label).wait(120).id for _ in range(3)]
    where = ez.WorkflowFilter(labels=label)
    assert list(system.ids(where, order=ez.Order.OLDEST)) == made
    assert system.ids(where, limit=2) == dict.fromkeys(reversed(made[1:]), S.SUCCEEDED)
