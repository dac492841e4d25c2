"""Bursts against all sequences of states, differences between themes against SciPy."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from eopiez_ray.phases.report.bursts import SCALING, bursts
from eopiez_ray.phases.report.differences import CRITICAL, differences, log_likelihood_ratio

BINS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=2, max_size=9)


def cost(states: tuple[bool, ...], counts: list[int], total: list[int]) -> float:
    """Of a sequence of states, by the definition of Kleinberg 2002, equations of section 4."""
    share = sum(counts) / sum(total)
    entries = sum(now and not before for before, now in itertools.pairwise((False, *states)))
    likely = [min(SCALING * share, 0.9999) if state else share for state in states]
    return entries * math.log(len(counts)) - sum(
        math.log(math.comb(every, own)) + own * math.log(p) + (every - own) * math.log1p(-p)
        for own, every, p in zip(counts, total, likely, strict=True)
    )


@given(BINS)
def test_bursts_are_those_of_the_cheapest_sequence(drawn: list[tuple[int, int]]) -> None:
    counts, total = [own for own, _ in drawn], [own + others for own, others in drawn]
    found = list(bursts(7, counts, total))
    if not 0 < sum(counts) < sum(total):
        assert not found
        return
    states = tuple(any(burst.first <= place <= burst.last for burst in found) for place in range(len(counts)))
    cheapest = min(cost(each, counts, total) for each in itertools.product((False, True), repeat=len(counts)))
    assert cost(states, counts, total) == pytest.approx(cheapest, abs=1e-6)
    for burst in found:
        assert burst.documents == sum(counts[burst.first : burst.last + 1])


def test_a_month_of_much_talk_is_a_burst() -> None:
    (burst,) = bursts(3, [2, 3, 2, 20, 18, 2, 1, 2], [40] * 8)
    assert (burst.theme, burst.first, burst.last, burst.documents) == (3, 3, 4, 38)
    assert burst.expected == pytest.approx(12.5)
    assert burst.weight > math.log(8)


@given(st.tuples(*[st.integers(1, 500)] * 4))
def test_the_log_likelihood_ratio_is_that_of_another_library(cells: tuple[int, int, int, int]) -> None:
    both, first, second, neither = cells
    expected = chi2_contingency([[both, first], [second, neither]], correction=False, lambda_="log-likelihood")
    assert log_likelihood_ratio(both, first, second, sum(cells)) == pytest.approx(expected.statistic, abs=1e-6)


def test_a_theme_differs_by_what_chance_does_not_give_it() -> None:
    counts = Counter({(0, "sport"): 90, (0, "politics"): 10, (1, "sport"): 30, (1, "politics"): 170, (2, "sport"): 20})
    found = differences("label", counts, {0: 100, 1: 200, 2: 45})
    assert [(each.value, each.documents) for each in found[0]] == [("sport", 90)]
    assert found[0][0].share == pytest.approx(0.9)
    assert found[0][0].times == pytest.approx(0.9 / (140 / 345))
    assert [each.value for each in found[1]] == ["politics"]
    assert 2 not in found
    assert log_likelihood_ratio(20, 25, 120, 345) < CRITICAL


def test_where_all_have_one_value_no_theme_differs() -> None:
    assert differences("language", Counter({(0, "en"): 50, (1, "en"): 70}), {0: 60, 1: 90}) == {}
