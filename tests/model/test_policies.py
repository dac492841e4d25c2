"""What a step may say about how it runs, kept in one form however it was said."""

from __future__ import annotations

from typing import Any

import pytest

from eopiez_ray.model.policies import Placement, Resources, RetryPolicy, StepPolicy

GIVEN = {"zone": "east", "disk": "ssd"}


def test_mappings_and_pairs_are_the_same_resources() -> None:
    env = {"env_vars": {"A": "1"}, "pip": ["x"]}
    said = Resources(custom={"b": 2, "a": 1}, placement=Placement(GIVEN, ({"zone": "north"},)), runtime_env=env)
    pairs = Placement((("zone", "east"), ("disk", "ssd")), ((("zone", "north"),),))
    same = Resources(custom=(("a", 1), ("b", 2)), placement=pairs, runtime_env=dict(reversed(env.items())))
    assert said == same
    assert hash(said) == hash(same)
    assert said.placement.choices == (GIVEN, {"zone": "north"})
    assert said.totals() == {"CPU": 1.0, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: Placement(gang=0), "at least 1"),
        (lambda: Placement(gang=2, fallback=(GIVEN,)), "a gang cannot have a fallback"),
        (lambda: Resources(cpu=-1), "negative"),
        (lambda: StepPolicy(wait_timeout_s=0), "wait_timeout_s must be above 0"),
        (lambda: StepPolicy(step_timeout_s=-1), "step_timeout_s must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(made: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        made()


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
