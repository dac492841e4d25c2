"""Blocks: they come back from their bytes as they were, and add up."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.model.sketch import SUM
from eopiez_ray.monitoring.blocks import MAXIMUM, Block, added, averaged, gauges, unpacked
from eopiez_ray.monitoring.meter import VALUE

KEYS = st.tuples(st.integers(1, 2**31 - 1), st.integers(-(2**15), 2**15 - 1))
ROWS = st.dictionaries(KEYS, st.floats(allow_nan=False, allow_infinity=False), max_size=50)
COUNTS = st.dictionaries(KEYS, st.integers(0, 2**40).map(float), max_size=50)


SUMS = st.dictionaries(st.tuples(st.integers(1, 2**31 - 1), st.just(SUM)), st.floats(-1e30, 1e30), max_size=20)


@given(ROWS, SUMS)
def test_block_survives_its_bytes(rows: dict[tuple[int, int], float], sums: dict[tuple[int, int], float]) -> None:
    given_rows = rows | sums
    assert unpacked(Block.of(given_rows).packed(is_exact=True)).rows() == given_rows


@given(COUNTS, SUMS)
def test_counts_are_exact_and_sums_keep_seven_digits(
    rows: dict[tuple[int, int], float], sums: dict[tuple[int, int], float]
) -> None:
    found = unpacked(Block.of(rows | sums).packed()).rows()
    counts = {key: value for key, value in rows.items() if key[1] != SUM}
    assert {key: value for key, value in found.items() if key[1] != SUM} == counts
    assert found == pytest.approx(rows | sums, rel=1e-6)


@given(st.lists(COUNTS, max_size=5))
def test_counts_add_up(given_rows: list[dict[tuple[int, int], float]]) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    for rows in given_rows:
        expected.update(rows)
    assert added([Block.of(rows) for rows in given_rows]).rows() == expected


def test_gauges_keep_their_mean_and_maximum() -> None:
    minutes = [gauges({(1, VALUE): 2.0, (2, VALUE): 5.0}), gauges({(1, VALUE): 4.0})]
    hour = averaged(minutes)
    assert hour.rows() == {(1, VALUE): 3.0, (1, MAXIMUM): 4.0, (2, VALUE): 5.0}
    day = averaged([hour, gauges({(1, VALUE): 1.0})])
    assert day.rows() == {(1, VALUE): 2.0, (1, MAXIMUM): 4.0, (2, VALUE): 5.0}


def test_small_counts_take_few_bytes() -> None:
    random = np.random.default_rng(3)
    rows = {(series, bucket): 1.0 for series in range(1, 1001) for bucket in random.integers(-90, 90, 10).tolist()}
    assert len(Block.of(rows).packed()) < 1.5 * len(rows)


def test_block_of_some_series_leaves_out_the_others() -> None:
    block = Block.of({(1, 0): 1.0, (2, 0): 2.0, (3, 5): 3.0})
    assert block.of_series(np.array([3, 1], np.int32)).rows() == {(1, 0): 1.0, (3, 5): 3.0}


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_blocks_of_any_size(size: int) -> None:
    rows = {(series, 0): series / 7 for series in range(1, size + 1)}
    assert unpacked(Block.of(rows).packed(is_exact=True)).rows() == rows
