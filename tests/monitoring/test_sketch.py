"""Sketches: quantiles are as exact as they say, whatever is added in whichever order."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.model.sketch import (
    ACCURACY,
    LARGEST,
    SUM,
    ZERO,
    bucket_of,
    count_within,
    quantile,
    value_of,
)
from eopiez_ray.monitoring.blocks import Block, Runs
from eopiez_ray.monitoring.distribution import distributions

VALUES = st.floats(min_value=2e-9, max_value=LARGEST)


@given(VALUES)
def test_value_of_a_bucket_is_near_all_that_it_counts(value: float) -> None:
    assert value_of(bucket_of(value)) == pytest.approx(value, rel=ACCURACY * 1.0001)


@given(st.lists(VALUES, min_size=1, max_size=300), st.floats(0, 1))
def test_quantiles_are_off_by_one_percent_at_most(values: list[float], q: float) -> None:
    sketch = dict(Counter(map(bucket_of, values)))
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    assert quantile(sketch, q) == pytest.approx(exact, rel=ACCURACY * 1.0001)


@pytest.mark.parametrize("draw", [random.lognormvariate, random.gammavariate, random.weibullvariate])
def test_quantiles_of_many_values_meet_numpys(draw: object) -> None:
    random.seed(7)
    values = [draw(1.0, 2.0) + 1e-6 for _ in range(20_000)]  # type: ignore[operator]
    halves = [Counter(map(bucket_of, half)) for half in (values[::2], values[1::2])]
    sketch = dict(halves[0] + halves[1])
    for q in (0.01, 0.5, 0.95, 0.99):
        exact = float(np.quantile(values, q, method="lower"))
        assert quantile(sketch, q) == pytest.approx(exact, rel=ACCURACY * 1.01)


@pytest.mark.parametrize("value", [0.0, -1.0, -0.0, math.nan, -math.inf, 1e-12])
def test_what_is_no_duration_counts_as_nothing(value: float) -> None:
    assert bucket_of(value) == ZERO
    assert quantile({ZERO: 3}, 0.9) == 0.0


def test_infinity_has_a_bucket() -> None:
    assert ZERO < bucket_of(math.inf) < SUM


def test_empty_sketch_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({SUM: 4.0}, 0.5) is None


def test_counts_below_a_bound_leave_the_sum_out() -> None:
    sketch = {bucket_of(0.5): 2.0, bucket_of(5.0): 1.0, ZERO: 1.0, SUM: 6.0}
    assert [count_within(sketch, bound) for bound in (0.1, 1.0, 10.0)] == [1.0, 3.0, 4.0]


@given(st.lists(st.tuples(st.integers(1, 4), st.one_of(VALUES, st.just(0.0))), max_size=200), st.floats(0, 1))
def test_distributions_of_groups_are_their_sketches(values: list[tuple[int, float]], q: float) -> None:
    rows: Counter[tuple[int, int]] = Counter((series, bucket_of(value)) for series, value in values)
    sums: dict[tuple[int, int], float] = {}
    for series, value in values:
        sums[series, SUM] = sums.get((series, SUM), 0.0) + value
    halves = [Block.of({key: float(count) for key, count in rows.items()}), Block.of(sums)]
    runs = [Runs.of(block.packed(is_exact=True)) for block in halves]
    found = distributions(runs, {1: "odd", 2: "even", 3: "odd", 9: "none"})
    for name, members in (("odd", {1, 3}), ("even", {2})):
        sketch: Counter[int] = Counter()
        for (series, bucket), count in rows.items():
            sketch[bucket] += count if series in members else 0
        expected = {bucket: count for bucket, count in sketch.items() if count}
        assert (name in found) == bool(expected)
        if expected:
            assert found[name].quantile(q) == pytest.approx(quantile(expected, q) or 0.0)
            assert found[name].sum == pytest.approx(sum(sums.get((series, SUM), 0.0) for series in members))
            assert {key: value for key, value in found[name].sketch.items() if key != SUM} == expected
    assert "none" not in found
