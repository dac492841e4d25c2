"""Which tasks share a call, and when a source may go on."""

from __future__ import annotations

import pytest

from eopiez_ray.machine import Call, Packing, Profile, Profiles, Reported, WorkflowState, advance, next_call
from eopiez_ray.machine.packing import CALL_S, MAXIMUM_TASKS, SPREAD_S
from eopiez_ray.model.plan import PlanSpec
from eopiez_ray.model.policies import Resources, StepPolicy
from eopiez_ray.model.status import Outcome, PhaseKind
from eopiez_ray.model.tasks import Output, Report, TaskKey

from .plans import digest_of, plan, step

RESOURCES = Resources()
OUTPUT = Output(b"digest", 1, "pickle", b"1")


def packing(slots: int = 2, **durations_s: float) -> Packing:
    known = [Profile(digest_of(name), name, "1", 1, seconds, seconds, 0) for name, seconds in durations_s.items()]
    return Packing(slots, Profiles(known))


def take(state: WorkflowState, how: Packing, budget_s: float | None = None) -> Call | None:
    return next_call(state, RESOURCES, how, budget_s)


def keys(call: Call | None) -> list[tuple[int, int]]:
    assert call is not None
    return [(task.key.step, task.key.partition) for task in call.tasks]


def wide(count: int, *more: str) -> PlanSpec:
    """Values, a map on them, and maps in a chain behind it."""
    names = ["m", *more]
    inputs = ["v", *names[:-1]]
    return plan(
        step("v", "values", count=count), *(step(name, "map", given) for name, given in zip(names, inputs, strict=True))
    )


def test_short_tasks_are_packed_up_to_the_length_of_a_call() -> None:
    call = take(WorkflowState.restore(wide(10_000)), packing(m=0.001))
    assert call is not None
    assert call.estimate_s == pytest.approx(CALL_S, abs=0.001)
    assert len(call.tasks) == round(call.estimate_s / 0.001)


def test_long_tasks_go_one_a_call() -> None:
    assert keys(take(WorkflowState.restore(wide(10)), packing(m=3.0))) == [(1, 0)]


def test_work_is_spread_over_all_slots_if_it_is_worth_a_call() -> None:
    state, how = WorkflowState.restore(wide(40)), packing(slots=2, m=SPREAD_S / 40)
    assert [len(keys(take(state, how))) for _ in range(2)] == [20, 20]
    assert len(keys(take(WorkflowState.restore(wide(40)), packing(slots=2, m=SPREAD_S / 50)))) == 40
    chains = keys(take(WorkflowState.restore(wide(40, "a")), packing(slots=2, m=SPREAD_S / 50, a=SPREAD_S / 50)))
    assert len(chains) == 2 * 20


def test_a_call_has_a_largest_number_of_tasks() -> None:
    call = take(WorkflowState.restore(wide(100_000)), packing(m=0.0))
    assert len(keys(call)) == MAXIMUM_TASKS


def test_a_chain_follows_its_partition_in_the_same_call() -> None:
    call = take(WorkflowState.restore(wide(2, "a", "b")), packing(slots=1, m=1e-3, a=1e-3, b=1e-3))
    assert keys(call) == [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)]


def test_a_chain_ends_where_its_next_step_is_too_long() -> None:
    call = take(WorkflowState.restore(wide(1, "a", "b")), packing(m=1e-3, a=1.0, b=1e-3))
    assert keys(call) == [(1, 0)]


def test_other_resources_do_not_share_a_call() -> None:
    other = StepPolicy(resources=Resources(cpu=2))
    state = WorkflowState.restore(
        plan(step("v", "values", count=1), step("m", "map", "v"), step("n", "map", "m", policy=other))
    )
    assert keys(take(state, packing())) == [(1, 0)]
    assert next_call(state, Resources(cpu=2), packing()) is None


@pytest.mark.parametrize("alone", [StepPolicy(timeout_s=9.0)])
def test_a_task_with_a_limit_goes_alone(alone: StepPolicy) -> None:
    state = WorkflowState.restore(plan(step("v", "values", count=3), step("m", "map", "v", policy=alone)))
    call = take(state, packing(m=1e-6))
    assert call is not None
    assert (keys(call), call.is_alone) == ([(1, 0)], True)


def test_behind_others_only_what_fits_the_rest_of_the_call_is_given() -> None:
    state = WorkflowState.restore(wide(100))
    assert take(state, packing(m=0.03), budget_s=0.02) is None
    assert len(keys(take(state, packing(slots=1, m=0.01), budget_s=0.02))) == 2


def test_the_deepest_ready_step_goes_first() -> None:
    state = WorkflowState.restore(plan(step("s", "source"), step("m", "map", "s"), step("r", "reduce", "m")))
    how = packing(s=1.0, m=1.0)
    assert keys(take(state, how)) == [(0, 0)]
    advance(state, Reported((Report(TaskKey(0, 0), Outcome.SUCCEEDED, OUTPUT, started_at=1.0),)), 1.0)
    assert keys(take(state, how)) == [(1, 0)]
    assert keys(take(state, how)) == [(0, 1)]


def test_a_source_waits_while_enough_is_ready() -> None:
    """However long the source, what is ready stays bounded: memory does not grow with the collection."""
    state = WorkflowState.restore(plan(step("s", "source"), step("m", "map", "s")))
    how = packing(slots=2, s=1e-5, m=1.0)
    yielded = 0
    while (call := take(state, how)) is not None and call.tasks[0].key.step == 0:
        first, quota = call.tasks[0].key.partition, call.tasks[0].quota
        done = [TaskKey(0, number) for number in range(first, first + quota)]
        yielded += quota
        advance(state, Reported(tuple(Report(key, Outcome.SUCCEEDED, OUTPUT, started_at=1.0) for key in done)), 1.0)
    assert state.steps[0].kind is PhaseKind.SOURCE
    assert 0 < yielded <= 10


def took(seconds: float) -> Report:
    return Report(TaskKey(1, 0), Outcome.SUCCEEDED, OUTPUT, wall_s=seconds)


def test_estimates_follow_what_is_measured() -> None:
    how, state = packing(), WorkflowState.restore(wide(1))
    for _ in range(20):
        how.profiles.learn(state.steps[1].spec.phase, took(0.5))
    how.profiles.learn(state.steps[1].spec.phase, took(1.5))
    assert how.estimate_s(state.steps[1]) == pytest.approx(0.8, rel=0.01)
