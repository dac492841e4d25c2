"""Reports in columns say what they said one by one."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.model.results import FEWEST, Results, condensed, expanded
from eopiez_ray.model.status import Outcome
from eopiez_ray.model.tasks import LogLine, Output, Report, TaskKey

outputs = st.builds(
    Output, st.binary(min_size=16, max_size=16), st.integers(0, 99), st.just("pickle"), st.none() | st.binary()
)
keys = st.builds(TaskKey, st.integers(0, 1), st.integers(0, 30))


@st.composite
def plain(draw: st.DrawFn) -> Report:
    return Report(draw(keys), Outcome.SUCCEEDED, draw(outputs), draw(st.integers(0, 9)), 1.0, 0.5, 0.25, worker="w")


@st.composite
def special(draw: st.DrawFn) -> Report:
    outcome = draw(st.sampled_from([Outcome.FAILED, Outcome.NOT_STARTED, Outcome.SUCCEEDED]))
    return Report(draw(keys), outcome, logs=(LogLine(1.0, "info", "said"),))


@given(st.lists(plain() | special(), max_size=40), st.integers(1, 5))
def test_columns_hold_what_was_reported(reports: list[Report], fewest: int) -> None:
    short = pickle.loads(pickle.dumps(condensed(reports, fewest)))
    assert list(expanded(short)) == reports


def test_a_row_of_successes_becomes_columns_and_little_else_does() -> None:
    output = Output(b"digest".ljust(16), 1, "pickle", b"1")
    row = [Report(TaskKey(0, number), Outcome.SUCCEEDED, output) for number in range(FEWEST)]
    assert [type(each) for each in condensed(row)] == [Results]
    assert condensed(row[1:]) == row[1:]
    logged = [report._replace(logs=(LogLine(1.0, "info", "said"),)) for report in row]
    assert condensed(logged) == logged
    assert condensed(row[::-1]) == row[::-1]
