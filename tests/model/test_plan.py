"""Finished plans: their order, and why some cannot run."""

from __future__ import annotations

import pytest

from eopiez_ray.errors import CycleError, PlanError
from eopiez_ray.model.plan import ordered

from ..machine.plans import step


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
