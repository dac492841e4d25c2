"""Plans: what is wrong with one is said where it is, and equal plans have equal digests."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eopiez_ray as ez
from eopiez_ray.errors import CycleError, ParameterError, PlanError, UnknownPhaseError
from eopiez_ray.model.ids import uuid7
from eopiez_ray.model.plan import PlanSpec, ordered
from eopiez_ray.model.policies import Resources, RetryPolicy, StepPolicy

from ..machine.plans import step


@ez.phase
def words(*, folder: str, limit: int = 3) -> Iterator[str]:
    yield from [folder] * limit


@ez.phase(kind="map")
def shout(word: str, *, loud: bool = True) -> str:
    return word.upper() if loud else word


@ez.phase(kind="reduce")
def join(parts: ez.Partitions[str]) -> str:
    return " ".join(parts)


def small() -> ez.Plan:
    plan = ez.Plan("small")
    plan.step("join", join, plan.step("shout", shout, plan.step("words", words, folder="x"), loud=False))
    return plan


def test_steps_are_ordered_behind_their_inputs() -> None:
    spec = ordered("p", [step("c", "map", "b"), step("b", "map", "a"), step("a", "source")])
    assert [each.name for each in spec.steps] == ["a", "b", "c"]


def test_a_cycle_is_named_step_by_step() -> None:
    steps = [step("a", "map", "c"), step("b", "map", "a"), step("c", "map", "b"), step("d", "map", "a")]
    with pytest.raises(CycleError, match="has a cycle: a → c → b → a") as caught:
        ordered("p", steps)
    assert caught.value.cycle == ["a", "c", "b", "a"]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "has no steps"),
        ([step("a", "source"), step("a", "source")], "two steps named 'a'"),
        ([step("a", "map", "nowhere")], "takes its input from 'nowhere'"),
    ],
)
def test_a_plan_that_cannot_run_says_why(steps: list[object], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        ordered("p", steps)  # type: ignore[arg-type]


def test_a_plan_survives_its_way_through_json() -> None:
    spec = small().spec()
    assert PlanSpec.from_value(spec.to_value()) == spec
    assert PlanSpec.from_value(spec.to_value()).digest == spec.digest


def test_equal_plans_are_the_same_plan_and_others_are_not() -> None:
    first, second = small(), small()
    assert first.spec().digest == second.spec().digest
    second.tune("join", timeout_s=9.0)
    assert first.spec().digest != second.spec().digest


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"folder": "x", "limits": 1}, "has no parameter 'limits'; did you mean 'limit'"),
        ({"folder": "x", "limit": "many"}, "parameter 'limit' is 'many'"),
        ({}, "parameter 'folder' is missing"),
    ],
)
def test_a_wrong_parameter_is_named_when_the_plan_is_built(parameters: dict[str, object], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        ez.Plan("p").step("words", words, **parameters)


def test_names_of_inputs_and_parameters_are_free() -> None:
    @ez.phase(kind="map")
    def odd(_input: int, schema: int, *, _factor: int = 1, copy: str = "") -> str:
        return copy * schema * _factor

    plan = ez.Plan("p")
    given = plan.values("v", [1])
    plan.step("s", odd, given, schema=2, _factor=3, copy="x")
    with pytest.raises(ParameterError, match="has no parameter '_input'; it takes schema, _factor, copy"):
        plan.step("t", odd, given, _input=1, schema=2)


def test_an_unknown_phase_suggests_the_nearest() -> None:
    with pytest.raises(UnknownPhaseError, match="did you mean shout"):
        ez.Plan("p").step("s", "shoud")


def test_a_phase_takes_no_more_inputs_than_it_has_arguments() -> None:
    plan = ez.Plan("p")
    first = plan.values("a", [1])
    with pytest.raises(PlanError, match=r"takes at most 1 input\(s\), 2 were given"):
        plan.step("s", shout, first, first)
    with pytest.raises(PlanError, match="needs at least one input"):
        plan.step("j", join)


def test_tuning_a_step_that_is_not_there_says_so() -> None:
    with pytest.raises(PlanError, match="has no step 'nothing'"):
        small().tune("nothing", timeout_s=1.0)


def test_a_phase_called_by_hand_is_the_function_that_it_wraps() -> None:
    assert shout("a") == "A"
    assert join(["a", "b"]) == "a b"


def test_phases_of_this_file_travel_by_value() -> None:
    """A worker does not have this file."""
    assert b"upper" in shout.code
    assert pickle.loads(shout.code)("a") == "A"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Resources(cpu=-1),
        lambda: RetryPolicy(maximum_attempts=0),
        lambda: RetryPolicy(backoff_coefficient=0.5),
        lambda: StepPolicy(timeout_s=0.0),
        lambda: StepPolicy(max_rejects=1.5),
    ],
)
def test_policies_refuse_nonsense(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"negative|at least|above|between|not"):
        wrong()  # type: ignore[operator]


def test_retries_wait_longer_each_time_up_to_a_limit() -> None:
    policy = RetryPolicy(initial_interval_s=1.0, backoff_coefficient=2.0, maximum_interval_s=5.0)
    assert [policy.delay_s(attempt) for attempt in range(1, 6)] == [1.0, 2.0, 4.0, 5.0, 5.0]


@given(st.integers(min_value=2, max_value=200))
def test_ids_are_of_version_7_and_differ(count: int) -> None:
    made = [uuid7() for _ in range(count)]
    assert len(set(made)) == count
    assert {(each.version, each.variant) for each in made} == {(7, UUID(int=made[0].int).variant)}


def test_ids_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_700_000_000_000_000_000, 1_700_000_000_001_000_000, 1_800_000_000_000_000_000])
    monkeypatch.setattr("eopiez_ray.model.ids.time.time_ns", lambda: next(times))
    made = [uuid7() for _ in range(3)]
    assert made == sorted(made)
