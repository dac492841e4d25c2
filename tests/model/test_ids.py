"""Ids: UUIDs that sort by time."""

from __future__ import annotations

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


def test_ids_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_700_000_000_000_000_000, 1_700_000_000_001_000_000, 1_800_000_000_000_000_000])
    monkeypatch.setattr("eopiez_ray.model.ids.time.time_ns", lambda: next(times))
    made = [uuid7() for _ in range(3)]
    assert made == sorted(made)
