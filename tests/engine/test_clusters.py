"""A real Ray cluster and a real Postgres, and everything that can be killed is killed."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import eopiez_ray as ez
from eopiez_ray.engine.actors import start_actor
from eopiez_ray.engine.line import Line
from eopiez_ray.errors import ClusterError, WorkflowFailedError, WorkflowNotFinishedError, WorkflowPausedError
from eopiez_ray.model.dealings import Ending, Operation
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.model.tasks import TaskKey
from eopiez_ray.model.work import VERSION, Element, WorkCall, WorkItem, WorkPart, WorkStep

from ..waiting import wait_until
from . import phases_of_clusters as phases
from .phases_of_clusters import Marks, slow_plan

COUNT = 120
REPEATABLE = 12
"""Tasks that a kill may cost: those in flight on two workers, two calls deep, of about 0.05 s each, and one commit."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=2, object_store_bytes=80 * 2**20) as made:
        made.warm_up()
        yield made


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


def daemons() -> dict[str, psutil.Process]:
    """The processes of the cluster that this process has started, by name."""
    children = psutil.Process().children(recursive=True)
    return {child.name(): child for child in children if child.status() != psutil.STATUS_ZOMBIE}


def finished_in_spite_of(system: ez.Local, marks: Marks, workflow: ez.Workflow, timeout_s: float = 120) -> None:
    """It succeeds with the right result, and what had been finished was not run again."""
    assert workflow.wait(timeout_s).result("total") == sum(range(COUNT))
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() <= REPEATABLE


def test_a_plan_runs_and_its_results_can_be_read(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), 10, 0.0), labels={"kind": "test"}).wait(150)
    assert workflow.result("total") == 45
    assert list(workflow.result("mark")) == list(range(10))
    assert workflow.view().labels == {"kind": "test"}
    assert workflow.status is WorkflowStatus.SUCCEEDED
    assert workflow.id in [view.id for view in system.workflows()]
    with pytest.raises(KeyError, match="it has v, mark, total"):
        workflow.result("nothing")


def test_the_object_store_says_what_it_holds_and_spills(system: ez.Local) -> None:
    import ray

    before, size = system.object_store(), 16 * 2**20
    assert before is not None
    assert before.used + before.free == 80 * 2**20
    kept = [ray.put(np.zeros(size, np.uint8)) for _ in range(8)]
    spilled = wait_until(lambda: (now := system.object_store()) and now.spilled >= before.spilled + 4 * size and now)
    assert spilled.used > before.used
    assert [int(ray.get(each)[0]) for each in kept] == [0] * 8
    wait_until(lambda: (now := system.object_store()) and now.restored >= before.restored + 4 * size)


def test_large_values_travel_between_steps_and_are_counted_where_they_are_read_and_written(system: ez.Local) -> None:
    system.dealt()
    plan = ez.Plan("large")
    filled = plan.step("fill", phases.fill, plan.values("v", range(4)), size=500_000)
    plan.step("mean", phases.mean, filled)
    workflow = system.start(plan).wait(150)
    assert list(workflow.result("mean")) == [0.0, 1.0, 2.0, 3.0]
    np.testing.assert_array_equal(workflow.result("fill")[3][:5], np.full(5, 3.0))
    dealt = system.dealt()
    assert dealt is not None
    assert dealt.ends[Operation.WRITE, Ending.SUCCEEDED] == 4
    assert dealt.bytes[Operation.WRITE] > 4 * 500_000 * 8
    assert dealt.bytes[Operation.READ] > dealt.bytes[Operation.WRITE]  # By the next step, and here.
    assert system.dealt() is None


def test_workers_use_as_many_threads_as_their_task_has_cpus(system: ez.Local) -> None:
    plan = ez.Plan("threads")
    plan.tune(plan.step("two", phases.environment), resources=ez.Resources(cpu=2))
    plan.step("one", phases.environment)
    workflow = system.start(plan).wait(150)
    assert [workflow.result(step)[0]["threads"] for step in ("one", "two")] == ["1", "2"]


def test_the_same_key_is_the_same_workflow(system: ez.Local, marks: Marks) -> None:
    plan = slow_plan(str(marks.folder), 3, 0.0)
    first, second = (system.start(plan, idempotency_key="once") for _ in range(2))
    assert first.id == second.id
    second.wait(150)
    assert marks.repeated() == 0


def test_a_large_step_that_goes_first_finds_room_among_small_ones(system: ez.Local, marks: Marks) -> None:
    small = system.start(slow_plan(str(marks.folder), 400))
    wait_until(lambda: len(marks.lines()) > 20)
    plan = ez.Plan("large")
    plan.tune(plan.step("one", phases.environment), resources=ez.Resources(cpu=2))
    system.start(plan, priority=1).wait(150)
    assert len(marks.lines()) < 400
    small.wait(150)
    assert marks.repeated() == 0


def test_what_the_cluster_can_never_run_is_refused(system: ez.Local) -> None:
    plan = ez.Plan("gpu")
    plan.tune(plan.step("one", phases.environment), resources=ez.Resources(gpu=1))
    with pytest.raises(ClusterError, match="needs 1 GPU, but the largest node has 0 GPU"):
        system.start(plan)


def test_a_result_asked_for_too_early_says_so(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), 50))
    with pytest.raises(WorkflowNotFinishedError, match="wait for it first"):
        workflow.result("total")
    workflow.wait(150)


def test_pause_drains_and_resume_goes_on(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), COUNT))
    wait_until(lambda: len(marks.lines()) > 10)
    workflow.pause()
    with pytest.raises(WorkflowPausedError):
        workflow.wait(150)
    drained = len(marks.lines())
    assert workflow.view().drained_at is not None
    assert sum(step.running for step in workflow.steps()) == 0
    assert drained < COUNT
    workflow.resume().wait(150)
    assert marks.repeated() == 0


def test_a_killed_worker_costs_no_more_than_what_it_had_in_hand(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), COUNT))
    wait_until(lambda: len(marks.lines()) > 20)
    os.kill(marks.lines()[-1][1], signal.SIGKILL)
    finished_in_spite_of(system, marks, workflow)
    assert {attempt.outcome for attempt in workflow.attempts()} <= {"lost"}
    lost = [event for event in workflow.events() if event.kind == "worker_lost"]
    assert workflow.attempts() or lost, "nobody can see that a worker was killed"


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=1))
def deadly(value: int) -> int:
    """As if somebody else had killed the process."""
    subprocess.run(["kill", "-9", str(os.getpid())], check=True)
    return value


def test_a_phase_that_kills_its_worker_fails_in_the_end(system: ez.Local) -> None:
    plan = ez.Plan("deadly")
    plan.step("deadly", deadly, plan.values("v", [1]))
    with pytest.raises(WorkflowFailedError, match="attempt 5: WorkerLost"):
        system.start(plan).wait(120)


def test_a_killed_postgres_costs_no_finished_task(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), COUNT))
    wait_until(lambda: len(marks.lines()) > 20)
    os.kill(server_pid(system), signal.SIGKILL)
    finished_in_spite_of(system, marks, workflow)


def test_a_stopped_postgres_only_delays(system: ez.Local, marks: Marks) -> None:
    workflow = system.start(slow_plan(str(marks.folder), COUNT))
    wait_until(lambda: len(marks.lines()) > 20)
    stopped = server_pid(system)
    processes = [psutil.Process(stopped), *psutil.Process(stopped).children()]
    for process in processes:
        process.suspend()
    before = len(marks.lines())
    wait_until(lambda: len(marks.lines()) > before + 10)
    for process in processes:
        process.resume()
    assert workflow.wait(150).result("total") == sum(range(COUNT))
    assert marks.repeated() == 0


def server_pid(system: ez.Local) -> int:
    return int((Path(system.settings.home) / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def test_a_killed_driver_is_followed_by_another_process(system: ez.Local, marks: Marks) -> None:
    with driver_of(system, marks) as driver:
        assert driver.stdout is not None
        name = driver.stdout.readline().strip()
        wait_until(lambda: len(marks.lines()) > 20)
        driver.kill()
    workflow = system.workflow(name)
    assert not workflow.status.is_at_rest
    finished_in_spite_of(system, marks, workflow.resume())
    claims = [event.data["finished_tasks"] for event in workflow.events() if event.kind == "claimed"]
    assert claims[-1] >= 20 - REPEATABLE


@pytest.mark.parametrize("version", [VERSION, VERSION + 1])
def test_work_in_flight_survives_the_loss_of_its_orchestrator(
    system: ez.Local, marks: Marks, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster that lives on, the next orchestrator takes over the workers and what they have in hand; those of
    another version of the program get no more of it."""
    import ray

    monkeypatch.setattr("eopiez_ray.engine.calls.VERSION", version)

    system._run(wind_down(system))
    address = ray.get_runtime_context().gcs_address
    with driver_of(system, marks, address) as driver:
        assert driver.stdout is not None
        name = driver.stdout.readline().strip()
        wait_until(lambda: len(marks.lines()) > 20)
        driver.kill()
    inherited = {str(each["name"]) for each in ray.util.list_named_actors(all_namespaces=True)}
    workflow = system.workflow(name).resume()
    assert workflow.wait(150).result("total") == sum(range(COUNT))
    assert marks.repeated() == 0
    assert workflow.attempts() == []
    left = {str(each["name"]) for each in ray.util.list_named_actors(all_namespaces=True)} & inherited
    assert bool(left) is (version == VERSION)


def marking_call(name: str, sender: str, marks: Marks, *, is_held: bool = False, step: int = 1) -> bytes:
    """A call of one task, whose value is the number that the call is named by; steps other than 1 are unknown to it."""
    marking, parameters = phases.mark_slowly, {"marks": str(marks.folder), "seconds": 0.0, "is_held": is_held}
    steps = {
        0: WorkStep("given", ez.PhaseKind.VALUES, "values", {}),
        1: WorkStep("mark", marking.kind, marking.ref.digest, parameters),
    }
    items = (WorkItem(TaskKey(step, 0), 1, 1, (Element(0, int(name)),)),)
    code = {"values": pickle.dumps(list(range(9))), marking.ref.digest: marking.code}
    return pickle.dumps(WorkCall(name, sender, (WorkPart("workflow", steps, items),), code, 10.0))


def test_a_call_that_waits_while_its_worker_is_handed_over_is_left_to_the_new_owner(
    system: ez.Local, marks: Marks, tmp_path: Path
) -> None:
    import ray

    actor = asyncio.run(start_actor(Line(), "handed", "old", ez.Resources(cpu=0), str(tmp_path))).handle
    actor.run.remote(marking_call("0", "old", marks))
    running = actor.run.remote(marking_call("1", "old", marks, is_held=True))
    waiting = actor.run.remote(marking_call("2", "old", marks))
    wait_until(lambda: len(marks.lines()) == 1)
    handover = ray.get(actor.hand_over.remote({"old"}, "new"))
    assert [each.id for each in handover.calls] == ["0", "1"]
    (marks.folder / "go").touch()
    assert ray.get(waiting) is None
    assert ray.get(actor.collect.remote("1")) == ray.get(running)
    assert ray.get(actor.run.remote(marking_call("3", "new", marks))) is not None
    assert [value for value, _ in marks.lines()] == [0, 1, 3]
    ray.kill(actor)


def test_a_call_that_breaks_is_not_waited_for_by_an_heir(system: ez.Local, marks: Marks, tmp_path: Path) -> None:
    import ray

    actor = asyncio.run(start_actor(Line(), "broken", "old", ez.Resources(cpu=0), str(tmp_path))).handle
    with pytest.raises(KeyError):
        ray.get(actor.run.remote(marking_call("0", "old", marks, step=7)))
    assert ray.get(actor.hand_over.remote({"old"}, "new")).calls == ()
    with pytest.raises(KeyError):
        ray.get(actor.collect.remote("0"))
    ray.kill(actor)


async def wind_down(system: ez.Local) -> None:
    """Give the whole cluster to others."""
    executor = system._engine._executor
    assert executor is not None
    executor.release_idle()


def driver_of(system: ez.Local, marks: Marks, *address: str, count: int = COUNT) -> subprocess.Popen[str]:
    """Another process that drives a workflow of the same data home."""
    command = [sys.executable, "-m", "tests.engine.killed_driver", str(system.settings.home), str(marks.folder)]
    root = Path(__file__).parents[2]
    return subprocess.Popen([*command, str(count), *address], stdout=subprocess.PIPE, text=True, cwd=root)


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_killed_cluster_is_replaced_and_the_work_goes_on(system: ez.Local, marks: Marks, name: str) -> None:
    workflow = system.start(slow_plan(str(marks.folder), COUNT))
    wait_until(lambda: len(marks.lines()) > 20)
    daemons()[name].kill()
    finished_in_spite_of(system, marks, workflow)


def test_a_head_that_dies_while_it_is_asked_ends_nothing_else(tmp_path: Path) -> None:
    """In a process of its own, since Ray would end the process with it, after a minute."""
    program = [sys.executable, "-m", "tests.engine.lost_head", str(tmp_path)]
    ended = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=300)
    assert (ended.returncode, ended.stdout.splitlines()) == (0, [str(sum(range(COUNT))), "closed"]), ended.stderr
