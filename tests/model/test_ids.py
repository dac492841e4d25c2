"""Ids: UUIDs that sort by time."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.model.ids import uuid7


@given(st.integers(min_value=2, max_value=200))
def test_ids_are_of_version_7_and_differ(count: int) -> None:
    made = [uuid7() for _ in range(count)]
    assert len(set(made)) == count
    assert {(each.version, each.variant) for each in made} == {(7, UUID(int=made[0].int).variant)}


@pytest.mark.parametrize("step", [1_000_000, 0, -5_000_000])
def test_ids_sort_by_the_order_of_their_making(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Whether time goes on, stands still or is set back; more in a moment than can be counted."""
    times = itertools.count(time.time_ns(), step)
    monkeypatch.setattr("eopiez_ray.model.ids.time.time_ns", lambda: next(times))
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_make_different_ids() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: uuid7(), range(20_000)))
    assert len(set(made)) == len(made)
