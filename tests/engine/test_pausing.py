"""Pauses on a real cluster: what is stopped, what is given back, and what runs again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray.errors import WorkflowPausedError
from eopiez_ray.model.status import WorkflowStatus

from ..waiting import wait_until
from .phases_of_clusters import Marks, slow_plan

S = WorkflowStatus
CPUS = 2
LONG_S = 200
"""Seconds that a task sleeps while it is held: longer than anything else takes, however busy the machine is."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=CPUS, object_store_bytes=80 * 2**20) as made:
        made.warm_up()
        yield made


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


@ez.phase(kind="map")
def sleep_while_held(value: int, *, marks: str) -> int:
    """Leaves its value when it begins; the last one sleeps for minutes if there is a file ``hold``."""
    with (Path(marks) / "all").open("a") as file:
        file.write(f"{value} 0\n")
    if value == 3 and (Path(marks) / "hold").exists():
        time.sleep(LONG_S)
    return value


def held_plan(marks: Marks) -> ez.Plan:
    """Four tasks of which the last one takes minutes for now; each has a call of its own, for it has a time limit."""
    (marks.folder / "hold").touch()
    plan = ez.Plan("held")
    slept = plan.step("sleep", sleep_while_held, plan.values("v", range(4)), marks=str(marks.folder))
    plan.tune(slept, timeout_s=2 * LONG_S)
    return plan


def free_cpus() -> float:
    import ray

    return float(ray.available_resources().get("CPU", 0.0))  # type: ignore[no-untyped-call]


def begun(marks: Marks) -> list[int]:
    return sorted(value for value, _ in marks.lines())


def test_pause_now_frees_the_cluster_long_before_its_task_would_end_and_costs_only_that(
    system: ez.Local, marks: Marks
) -> None:
    workflow = system.start(held_plan(marks))
    wait_until(lambda: begun(marks) == [0, 1, 2, 3])
    wait_until(lambda: workflow.steps()[1].done == 3)
    asked_at = time.monotonic()
    workflow.pause(mode="now", by="anna", why="maintenance")
    with pytest.raises(WorkflowPausedError):
        workflow.wait(LONG_S / 2)
    assert time.monotonic() - asked_at < LONG_S / 2
    wait_until(lambda: free_cpus() == CPUS)
    assert workflow.attempts() == []
    assert sum(step.running for step in workflow.steps()) == 0
    assert [event.data for event in workflow.events() if event.kind == "tasks_interrupted"] == [{"tasks": 1}]
    (marks.folder / "hold").unlink()
    workflow.resume().wait(150)
    assert begun(marks) == [0, 1, 2, 3, 3]
    assert workflow.attempts() == []


def test_a_neighbour_of_a_stopped_task_loses_nothing(system: ez.Local, marks: Marks, tmp_path: Path) -> None:
    workflow = system.start(held_plan(marks))
    wait_until(lambda: 3 in begun(marks))
    neighbour_marks = Marks(tmp_path / "neighbour")
    neighbour = system.start(slow_plan(str(neighbour_marks.folder), 60))
    wait_until(lambda: len(neighbour_marks.lines()) > 5)
    workflow.cancel(mode="now")
    assert workflow.settled(LONG_S / 2).status is S.CANCELLED
    assert neighbour.wait(150).result("total") == sum(range(60))
    assert workflow.attempts() == neighbour.attempts() == []


def test_a_drain_tells_how_many_tasks_it_waits_for(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(held_plan(marks))
    wait_until(lambda: 3 in begun(marks))
    workflow.pause()
    wait_until(lambda: workflow.view().in_flight == 1)
    assert workflow.status is S.PAUSING
    assert workflow.cancel(mode="now") is S.CANCELLING
    assert workflow.settled(LONG_S / 2).status is S.CANCELLED


def test_many_workflows_are_paused_and_go_on_here(system: ez.Local, tmp_path: Path) -> None:
    folders = [Marks(tmp_path / f"marks{number}") for number in range(5)]
    for folder in folders:
        system.start(slow_plan(str(folder.folder), 40), labels={"team": "blue"})
    team = ez.Selection(labels={"team": "blue"})
    wait_until(lambda: any(folder.lines() for folder in folders))
    ids = [answer.id for answer in system.pause(team, why="lunch")]
    assert len(ids) == 5
    wait_until(lambda: {*system.statuses(ids).values()} <= {S.PAUSED, S.SUCCEEDED})
    answers = system.resume(team)
    assert {answer.refusal for answer in answers} == {""}
    wait_until(lambda: {*system.statuses(ids).values()} == {S.SUCCEEDED})
    for folder in folders:
        assert begun(folder) == list(range(40))


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=1))
def fail_while_held(value: int, *, marks: str) -> int:
    with (Path(marks) / "all").open("a") as file:
        file.write(f"{value} 0\n")
    if value == 1 and (Path(marks) / "hold").exists():
        raise OSError("the mill is out of order")
    return value


def test_what_was_given_up_is_told_and_runs_again_alone(system: ez.Local, marks: Marks) -> None:
    (marks.folder / "hold").touch()
    plan = ez.Plan("mill")
    plan.step("mill", fail_while_held, plan.values("v", range(3)), marks=str(marks.folder))
    workflow = system.start(plan, labels={"kind": "mill"})
    assert workflow.settled(150).status is S.FAILED
    mill = ez.Selection(labels={"kind": "mill"})
    (task,) = system.given_up(mill)
    assert (task.workflow_id, task.step, task.partition, task.error_type) == (workflow.id, "mill", 1, "OSError")
    (marks.folder / "hold").unlink()
    assert [answer.id for answer in system.retry(mill)] == [workflow.id]
    workflow.wait(150)
    assert begun(marks) == [0, 1, 1, 2]
    assert system.given_up(mill) == []
