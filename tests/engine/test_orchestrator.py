"""The orchestrator with a real store and a real worker; only Ray is left out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eopiez_ray import Plan, Resources, RetryPolicy
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.model.status import StepStatus, WorkflowStatus
from eopiez_ray.model.tasks import TaskKey
from eopiez_ray.store import NewWorkflow

from ..waiting import PATIENCE_S, until
from . import phases_of_tests as phases
from .conftest import Stage, held
from .inline import InlineExecutor

S = WorkflowStatus


def summing(n: int) -> Plan:
    plan = Plan("summing")
    plan.step("total", phases.total, plan.step("double", phases.double, plan.step("count", phases.count_to, n=n)))
    return plan


def lines(path: Path) -> list[int]:
    return sorted(map(int, path.read_text().split())) if path.exists() else []


@pytest.mark.parametrize("n", [0, 1, 2, 500])
async def test_a_pipeline_of_any_width_gives_its_result(stage: Stage, n: int) -> None:
    stage.orchestrate()
    workflow = await stage.submit(summing(n))
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert await stage.values(workflow, "total") == [n * (n - 1)]
    assert await stage.values(workflow, "double") == [2 * value for value in range(n)]
    steps = await stage.workflows.steps(workflow)
    assert [(step.partitions, step.done, step.running) for step in steps] == [(n, n, 0), (n, n, 0), (1, 1, 0)]
    assert {step.status for step in steps} == {StepStatus.SUCCEEDED}


async def test_given_values_run_a_map_once_each(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("given")
    numbers = plan.values("numbers", [3, 4, 5])
    doubled = plan.step("double", phases.double, numbers)
    plan.step("both", phases.add, doubled, numbers)
    plan.step("all", phases.total, numbers)
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    assert await stage.values(workflow, "both") == [9, 12, 15]
    assert await stage.values(workflow, "all") == [12]
    given, _ = (await stage.workflows.steps(workflow))[:2]
    assert (given.status, given.partitions, given.done) == (StepStatus.SUCCEEDED, 3, 3)


async def test_a_step_may_decide_how_many_tasks_follow(stage: Stage) -> None:
    stage.orchestrate()
    plan = summing(4)
    plan.step("spread", phases.each_below, "total")
    plan.step("shifted", phases.double, "spread")
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    assert await stage.values(workflow, "shifted") == [2 * value for value in range(12)]


async def test_a_single_value_goes_to_every_partition(stage: Stage) -> None:
    stage.orchestrate()
    plan = summing(4)
    plan.step("shifted", phases.add, "double", "total")
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    assert await stage.values(workflow, "shifted") == [12, 14, 16, 18]


async def test_inputs_of_different_width_fail_with_a_reason(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("uneven")
    plan.step("add", phases.add, plan.values("a", [1, 2]), plan.values("b", [1, 2, 3]))
    view = await stage.rest(await stage.submit(plan))
    assert view.status is S.FAILED
    assert "2 and 3 partitions" in (view.error or {})["message"]


async def test_forty_steps_in_sequence_take_a_handful_of_calls(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    plan = Plan("chain")
    last = plan.step("one", phases.one)
    for number in range(39):
        last = plan.step(f"double{number}", phases.double, last)
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    assert await stage.values(workflow, "double38") == [2**39]
    assert len(executor.calls) <= 3


async def test_many_small_workflows_share_calls(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    ids = [await stage.submit(summing(2)) for _ in range(60)]
    stage.orchestrate(executor)
    for workflow in ids:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert len(executor.calls) < 60


async def test_code_is_sent_to_a_worker_once(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    stage.orchestrate(executor)
    await stage.rest(await stage.submit(summing(5)))
    before = len(executor.calls)
    await stage.rest(await stage.submit(summing(5)))
    assert all(not call.code for call in executor.calls[before:])


async def test_higher_priority_starts_first(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    low, high = await stage.submit(summing(3)), await stage.submit(summing(3), priority=1)
    stage.orchestrate(executor)
    await stage.rest(low)
    await stage.rest(high)
    started = [part.workflow_id for call in executor.calls for part in call.parts]
    assert started[0] == str(high)


async def test_owners_take_turns_however_much_each_brings(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=2)
    executor.gate.clear()
    slow = Resources(cpu=2)
    ids = []
    for owner in ("greedy", "greedy", "greedy", "modest"):
        plan = Plan("p")
        plan.tune(plan.step("one", phases.one), resources=slow, timeout_s=60)
        ids.append(await stage.submit(plan, owner=owner))
    stage.orchestrate(executor)
    await until(lambda: len(executor.calls) == 2)
    assert {part.workflow_id for call in executor.calls for part in call.parts} == {str(ids[0]), str(ids[3])}
    executor.gate.set()
    for workflow in ids:
        await stage.rest(workflow)


async def test_a_failing_task_is_tried_again_by_its_policy(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = Plan("luck")
    plan.step("luck", phases.fail_until, plan.values("v", [1, 2]), marks=str(tmp_path / "marks"), times=2)
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert lines(tmp_path / "marks") == [1, 1, 1, 2, 2, 2]
    attempts = await stage.workflows.attempts(workflow)
    assert sorted((attempt.partition, attempt.attempt) for attempt in attempts) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert all("no luck" in attempt.message and "Traceback" in attempt.traceback for attempt in attempts)


async def test_a_task_without_luck_fails_the_workflow_and_keeps_what_is_done(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = Plan("no luck")
    counted = plan.step("count", phases.count_to, n=3)
    plan.step("luck", phases.fail_until, counted, marks=str(tmp_path / "marks"), times=99)
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert view.status is S.FAILED
    assert view.error is not None
    assert (view.error["step"], view.error["attempts"], view.error["error_type"]) == ("luck", 3, "OSError")
    assert await stage.values(workflow, "count") != []


async def test_retry_runs_what_failed_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    plan = Plan("again")
    plan.step("luck", phases.fail_until, plan.values("v", [7]), marks=str(tmp_path / "marks"), times=3)
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.FAILED
    await stage.workflows.retry(workflow)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert lines(tmp_path / "marks") == [7] * 4


async def test_an_error_of_ours_in_a_phase_is_told_with_its_message(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("refuses")
    plan.tune(plan.step("refuse", phases.refuse, plan.values("v", [1])), retry=phases.FAST)
    view = await stage.rest(await stage.submit(plan))
    assert (view.error or {})["message"] == "cannot use 1"


async def test_a_lost_worker_costs_its_tasks_one_more_run(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder, losses=2)
    stage.orchestrate(executor)
    plan = Plan("lossy")
    plan.step("mark", phases.mark, plan.values("v", range(10)), marks=str(tmp_path / "marks"))
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert view.status is S.SUCCEEDED, view.error
    assert lines(tmp_path / "marks") == list(range(10))
    assert [event.data["reason"] for event in await stage.workflows.events(workflow) if event.kind == "worker_lost"]
    assert {attempt.outcome for attempt in await stage.workflows.attempts(workflow)} <= {"lost"}


async def test_a_task_that_kills_every_worker_is_given_up(stage: Stage) -> None:
    stage.orchestrate(InlineExecutor(stage.folder, losses=99))
    plan = Plan("deadly")
    plan.step("one", phases.one)
    view = await stage.rest(await stage.submit(plan))
    assert view.status is S.FAILED
    assert (view.error or {})["attempts"] == 5


async def test_an_attempt_that_takes_too_long_is_ended_and_tried_again(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    executor.gate.clear()
    stage.orchestrate(executor)
    plan = Plan("slow")
    plan.tune(plan.step("one", phases.one), timeout_s=0.05, retry=phases.FAST)
    view = await stage.rest(await stage.submit(plan))
    assert view.status is S.FAILED
    assert "longer than its limit of 0.05 s" in (view.error or {})["message"]
    assert len(executor.calls) == 3


async def test_paused_means_drained_and_resume_repeats_nothing(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    plan = Plan("long")
    plan.step("mark", phases.mark, plan.values("v", range(300)), marks=str(tmp_path / "marks"))
    workflow = await stage.submit(plan)
    await until(lambda: executor.calls)
    assert await stage.workflows.pause(workflow) is S.PAUSING
    await until(lambda: held(orchestrator, workflow).state.status is S.PAUSING)
    assert (await stage.workflows.get(workflow)).drained_at is None
    executor.gate.set()
    assert (await stage.rest(workflow)).status is S.PAUSED
    assert executor.released
    done = len(lines(tmp_path / "marks"))
    assert 0 < done < 300
    await stage.workflows.resume(workflow)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert lines(tmp_path / "marks") == list(range(300))


async def test_cancel_ends_and_keeps_what_is_done(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    plan = Plan("long")
    plan.step("double", phases.double, plan.values("v", range(300)))
    workflow = await stage.submit(plan)
    await until(lambda: executor.calls)
    assert await stage.workflows.cancel(workflow) is S.CANCELLING
    await until(lambda: held(orchestrator, workflow).state.status is S.CANCELLING)
    executor.gate.set()
    assert (await stage.rest(workflow)).status is S.CANCELLED
    assert 0 < len(await stage.values(workflow, "double")) < 300


async def test_a_task_that_outlasts_its_cancel_is_stopped_by_force(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.engine.wishes.CANCEL_GRACE_S", 0.05)
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    stage.orchestrate(executor)
    workflow = await stage.submit(summing(3))
    await until(lambda: executor.calls)
    await stage.workflows.cancel(workflow)
    assert (await stage.rest(workflow)).status is S.CANCELLED
    assert executor.stopped == ["w0"]
    assert await stage.workflows.attempts(workflow) == []


async def test_a_dead_orchestrators_workflow_goes_on_and_repeats_no_finished_task(stage: Stage, tmp_path: Path) -> None:
    first_executor = InlineExecutor(stage.folder, count=1)
    first = stage.orchestrate(first_executor)
    plan = Plan("long")
    marked = plan.step("mark", phases.mark, plan.values("v", range(200)), marks=str(tmp_path / "marks"))
    plan.step("total", phases.total, marked)
    workflow = await stage.submit(plan)
    await until(lambda: len(lines(tmp_path / "marks")) > 20)
    first_executor.gate.clear()

    async def committed() -> int:
        return len(await stage.values(workflow, "mark"))

    await until(lambda: first._journal._written == first._journal._added)
    finished = await committed()
    await stage.kill(first)
    second_executor = InlineExecutor(stage.folder)
    stage.orchestrate(second_executor)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert await stage.values(workflow, "total") == [sum(range(200))]
    again = [key for key in second_executor.tasks() if key.step == 1]
    assert len(again) == 200 - finished
    assert len(lines(tmp_path / "marks")) == 200


async def test_a_holder_that_slept_past_its_lease_writes_nothing(stage: Stage) -> None:
    sleeper_executor = InlineExecutor(stage.folder)
    sleeper_executor.gate.clear()
    sleeper = stage.orchestrate(sleeper_executor, lease_s=3600)
    workflow = await stage.submit(summing(50))
    await until(lambda: sleeper_executor.calls)
    await stage.database.fetch("update orchestrators set lease_until = clock_timestamp() - interval '1 second'")
    other = stage.orchestrate(InlineExecutor(stage.folder))
    await until(lambda: workflow in other.held)
    sleeper_executor.gate.set()
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert await stage.values(workflow, "total") == [50 * 49]
    await until(lambda: workflow not in sleeper.held)
    epochs = await stage.database.fetch("select epoch from workflows")
    assert [row["epoch"] for row in epochs] == [2]


async def test_an_effect_waits_for_what_it_shows(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = summing(5)
    plan.step("write", phases.write, "total", path=str(tmp_path / "out"))
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    assert (tmp_path / "out").read_text() == f"20 {workflow}/write/0"


async def test_equal_tasks_share_their_result_by_the_cache(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()

    def cached() -> Plan:
        plan = Plan("cached")
        marked = plan.step("mark", phases.mark, plan.values("v", [1, 2, 3]), marks=str(tmp_path / "marks"))
        plan.tune(marked, cache=True)
        return plan

    await stage.rest(await stage.submit(cached()))
    again = await stage.submit(cached())
    assert (await stage.rest(again)).status is S.SUCCEEDED
    assert lines(tmp_path / "marks") == [1, 2, 3]
    assert [step.cached for step in await stage.workflows.steps(again)] == [0, 3]
    assert await stage.values(again, "mark") == [1, 2, 3]


async def test_too_many_rejects_fail_the_step_with_the_share(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("rejects")
    plan.tune(plan.step("odd", phases.reject_odd, plan.values("v", range(10))), max_rejects=0.1)
    workflow = await stage.submit(plan)
    view = await stage.rest(workflow)
    assert view.status is S.FAILED
    assert "--max-rejects" in (view.error or {})["message"]
    assert len(await stage.workflows.rejects(workflow)) == 5


async def test_what_a_phase_prints_is_in_its_logs(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("talk")
    plan.step("talk", phases.talk, plan.values("v", [1, 2]))
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    logged = [(line.step, line.partition, line.message) for line in await stage.workflows.logs(workflow)]
    assert sorted(logged) == [("talk", 0, "value is 1"), ("talk", 1, "value is 2")]


async def test_a_lost_database_delays_and_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate(InlineExecutor(stage.folder, count=1))
    plan = Plan("long")
    plan.step("mark", phases.mark, plan.values("v", range(400)), marks=str(tmp_path / "marks"))
    workflow = await stage.submit(plan)
    await until(lambda: len(lines(tmp_path / "marks")) > 10)
    others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    await stage.database.fetch(f"select pg_terminate_backend(pid) {others}")
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert lines(tmp_path / "marks") == list(range(400))


async def test_what_the_cluster_cannot_run_waits_and_says_so(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    orchestrator: Orchestrator = stage.orchestrate(executor)
    plan = Plan("gpu")
    plan.tune(plan.step("one", phases.one), resources=Resources(gpu=1))
    workflow = await stage.submit(plan)
    await until(lambda: workflow in orchestrator.held)

    async def reason() -> str:
        return (await stage.workflows.steps(workflow))[0].reason

    assert await until(reason) == "it needs a GPU, the cluster has none; it starts when such a node joins"
    assert executor.calls == []
    assert await stage.workflows.cancel(workflow) in {S.CANCELLING, S.CANCELLED}
    assert (await stage.rest(workflow)).status is S.CANCELLED


async def test_a_step_that_waits_for_its_turn_says_for_what(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    stage.orchestrate(executor)
    plan = Plan("alone")
    plan.tune(plan.step("one", phases.one), timeout_s=60)
    first, second = await stage.submit(plan), await stage.submit(plan)

    async def reason() -> str:
        return (await stage.workflows.steps(second))[0].reason

    assert await until(reason) == "needs 1 CPU, 0 free, 0 ahead of it"
    executor.gate.set()
    for workflow in (first, second):
        await stage.rest(workflow)
    assert await reason() == ""


async def test_a_step_between_attempts_says_when_it_goes_on(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = Plan("later")
    luck = plan.step("luck", phases.fail_until, plan.values("v", [1]), marks=str(tmp_path / "marks"), times=1)
    plan.tune(luck, retry=RetryPolicy(initial_interval_s=60.0))
    workflow = await stage.submit(plan)

    async def reason() -> str:
        return (await stage.workflows.steps(workflow))[1].reason

    assert "1 task failed; the next attempt is in 5" in await until(reason)
    await stage.workflows.cancel(workflow)
    await stage.rest(workflow)


async def test_no_finished_task_is_ever_sent_again(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    stage.orchestrate(executor)
    await stage.rest(await stage.submit(summing(100)))
    sent = [key for key in executor.tasks() if key.step == 1 and key.partition < 100]
    assert sorted(set(sent)) == [TaskKey(1, number) for number in range(100)]


async def test_workflows_of_one_call_each_do_not_wait_for_one_another(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    plan = Plan("alone")
    plan.tune(plan.step("one", phases.one), timeout_s=60)
    ids = [await stage.submit(plan) for _ in range(4)]
    await until(lambda: len(orchestrator.held) == 4)
    executor.gate.set()
    for workflow in ids:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED


async def test_a_source_goes_on_where_its_iterator_is(stage: Stage, tmp_path: Path) -> None:
    executor = InlineExecutor(stage.folder, count=3)
    stage.orchestrate(executor)
    plan = Plan("source")
    plan.step("count", phases.count_aloud, n=600, marks=str(tmp_path / "marks"))
    workflow = await stage.submit(plan)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert len(executor.calls) > 3
    assert lines(tmp_path / "marks") == [1]


@pytest.mark.parametrize("turns", range(4))
async def test_an_end_that_meets_news_is_not_missed(stage: Stage, turns: int) -> None:
    orchestrator = stage.orchestrate()
    await stage.rest(await stage.submit(summing(1)))
    await until(lambda: not orchestrator._wishes._has_some.is_set() and not orchestrator._claims._has_work.is_set())
    ending = asyncio.ensure_future(stage.kill(orchestrator))
    for _ in range(turns):
        await asyncio.sleep(0)
    orchestrator._wishes.look()
    orchestrator._claims.look()
    done, _ = await asyncio.wait({ending}, timeout=PATIENCE_S)
    assert done, "it goes on though it was told to end"


async def test_a_caller_that_gives_up_stops_neither_its_workflow_nor_those_of_others(stage: Stage) -> None:
    orchestrator = stage.orchestrate()
    await until(orchestrator.ready.is_set)
    given_up, kept = (NewWorkflow(summing(3).spec(), summing(3).code(), owner=owner) for owner in ("anna", "ben"))
    giving_up = asyncio.create_task(orchestrator.create(given_up))
    await asyncio.sleep(0)
    giving_up.cancel()
    (workflow,) = await orchestrator.create(kept)
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    (others,) = [view for view in await stage.workflows.page() if view.owner == "anna"]
    assert (await stage.rest(others.id)).status is S.SUCCEEDED


async def test_an_orchestrator_that_ends_starts_nothing_in_the_place_of_what_it_drops(stage: Stage) -> None:
    executor = InlineExecutor(stage.folder, count=8)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    for _ in range(30):
        plan = Plan("doubling")
        plan.step("double", phases.double, plan.values("v", [1]))
        await stage.submit(plan)
    await until(lambda: executor.waiting == executor.count and len(orchestrator.held) == 30)
    await stage.close()
    assert len(executor.calls) == executor.count
