"""Plans built in Python: what is wrong with one is said where it is, and equal plans have equal digests."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

import eopiez_ray as ez
from eopiez_ray.errors import ParameterError, PlanError, UnknownPhaseError
from eopiez_ray.model.plan import PlanSpec


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
    with pytest.raises(PlanError, match=r"takes at most 1 input\(s\), not 2"):
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
