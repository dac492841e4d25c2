"""Answers of workers are read by orchestrators of this version and of the one before, whichever wrote them."""

from __future__ import annotations

import pickle

import pytest

from eopiez_ray.engine.answers import read, written
from eopiez_ray.model.dealings import Dealt, Ending, Operation
from eopiez_ray.model.work import Answer

DEALT = Dealt()
DEALT.ends[Operation.READ, Ending.SUCCEEDED] = 3


@pytest.mark.parametrize("dealt", [None, DEALT])
def test_an_answer_comes_back_with_what_was_done(dealt: Dealt | None) -> None:
    answer = Answer([[], []], is_spent=True)
    assert read(written(answer, dealt)) == (answer, dealt)


def test_the_version_before_reads_what_it_knows() -> None:
    reports, is_spent = pickle.loads(written(Answer([[]], is_spent=False), DEALT))
    assert (reports, is_spent) == ([[]], False)


@pytest.mark.parametrize("told", [Answer([[]], is_spent=False), [[]]])
def test_what_earlier_versions_wrote_is_read(told: object) -> None:
    assert read(pickle.dumps(told, protocol=5)) == (Answer([[]], is_spent=False), None)
