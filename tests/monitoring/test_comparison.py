"""Comparisons: what differs is called so, what does not is not, and the test is that of the book."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from scipy.stats import mannwhitneyu

from eopiez_ray.model.sketch import SUM, bucket_of, value_of
from eopiez_ray.monitoring.comparison import Comparison, Verdict, compared, mann_whitney


def sketch(values: list[float]) -> dict[int, float]:
    return dict(Counter(map(bucket_of, values))) | {SUM: sum(values)}


def drawn(seed: int, count: int, factor: float = 1.0) -> list[float]:
    chance = random.Random(seed)
    return [chance.lognormvariate(0.0, 0.5) * factor for _ in range(count)]


@pytest.mark.parametrize(("first", "second"), [(50, 50), (10, 400), (1, 30), (200, 3)])
def test_p_value_is_scipys_for_tied_values(first: int, second: int) -> None:
    now, then = drawn(1, first, 1.3), drawn(2, second)
    tied, others = ([value_of(bucket_of(value)) for value in values] for values in (now, then))
    expected = mannwhitneyu(tied, others, method="asymptotic", use_continuity=False).pvalue
    assert mann_whitney(sketch(now), sketch(then)) == pytest.approx(expected)


def test_what_got_slower_is_called_so_and_the_reverse() -> None:
    slow, quick = sketch(drawn(1, 500, 1.5)), sketch(drawn(2, 500))
    assert compared(slow, quick).verdict is Verdict.SLOWER
    assert compared(quick, slow).verdict is Verdict.FASTER
    assert compared(slow, quick).p50_ratio == pytest.approx(1.5, rel=0.15)


def test_equal_distributions_are_rarely_called_different() -> None:
    verdicts = Counter(compared(sketch(drawn(seed, 80)), sketch(drawn(-seed - 1, 80))).verdict for seed in range(300))
    assert verdicts[Verdict.SAME] >= 290


def test_a_difference_that_does_not_matter_is_none() -> None:
    now, then = {100: 1e6, SUM: 1.0}, {100: 1e6 - 1e4, 99: 1e4, SUM: 1.0}
    assert mann_whitney(now, then) < 1e-6
    assert compared(now, then).verdict is Verdict.SAME


@pytest.mark.parametrize(("now", "then"), [({}, {}), ({5: 3.0}, {}), ({5: 1.0}, {5: 1.0}), ({SUM: 2.0}, {5: 2.0})])
def test_nothing_to_compare_is_the_same(now: dict[int, float], then: dict[int, float]) -> None:
    assert compared(now, then) == Comparison(1.0, 1.0, 1.0, Verdict.SAME)


def test_many_comparisons_at_once_take_more_evidence() -> None:
    now, then = sketch(drawn(1, 60, 1.6)), sketch(drawn(2, 60))
    assert compared(now, then, 1).verdict is Verdict.SLOWER
    assert compared(now, then, 10**9).verdict is Verdict.SAME
