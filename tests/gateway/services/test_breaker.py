"""Whether an instance is called after it has failed, and which of several."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.gateway.services.balancing import Candidate, choose
from eopiez_ray.gateway.services.breaker import FAILURES, LONGEST_OPEN_S, OPEN_S, Breaker, State


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = breaker.failed(now)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker = breaker.failed(0.0)
    assert breaker.state(0.0) is State.CLOSED
    assert breaker.succeeded().failed(0.0).state(0.0) is State.CLOSED
    assert breaker.failed(0.0).state(0.0) is State.OPEN


def test_one_call_tries_a_half_open_one() -> None:
    breaker, now = opened(), OPEN_S
    assert not breaker.admits(now - 0.01)
    assert (breaker.state(now), breaker.admits(now)) == (State.HALF_OPEN, True)
    tried = breaker.begun(now, 10.0)
    assert not tried.admits(now + 9.0)
    assert tried.succeeded() == Breaker()


def test_a_lost_trial_is_made_again() -> None:
    assert opened().begun(OPEN_S, 10.0).admits(OPEN_S + 10.0)


def test_a_failed_trial_opens_it_for_longer_and_never_for_ever() -> None:
    breaker, now = opened(), 0.0
    for _ in range(10):
        now = breaker.open_until or 0.0
        breaker = breaker.begun(now, 1.0).failed(now)
        assert breaker.state(now) is State.OPEN
    assert breaker.open_until == now + LONGEST_OPEN_S


def test_calls_that_began_before_it_opened_do_not_prolong_it() -> None:
    breaker = opened()
    assert breaker.failed(1.0).open_until == breaker.open_until


@given(st.lists(st.tuples(st.sampled_from(["call", "good", "bad"]), st.floats(0, 30)), max_size=60))
def test_whatever_happens_it_admits_again(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(), 0.0
    for kind, seconds in events:
        now += seconds
        if kind == "call" and breaker.admits(now):
            breaker = breaker.begun(now, 30.0)
        elif kind == "good":
            breaker = breaker.succeeded()
        elif kind == "bad":
            breaker = breaker.failed(now)
    assert breaker.admits(now + LONGEST_OPEN_S + 30.0)


CANDIDATES = st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 100)), min_size=1, max_size=20)


@given(CANDIDATES, st.integers(0, 2**32))
def test_the_chosen_one_is_never_the_only_worst(facts: list[tuple[int, int]], seed: int) -> None:
    candidates = [Candidate(number, *each) for number, each in enumerate(facts)]
    chosen = choose(candidates, random.Random(seed))
    assert chosen in candidates
    better = [each for each in candidates if each.load < chosen.load]
    assert len(candidates) == 1 or len(better) < len(candidates) - 1 or chosen.load == min(
        each.load for each in candidates if each is not chosen
    )  # fmt: skip


def test_calls_spread_by_weight() -> None:
    chance, in_flight = random.Random(1), Counter[str]()
    weights = {"light": 1, "middle": 2, "heavy": 4}
    for _ in range(7000):
        candidates = [Candidate(name, weight, in_flight[name]) for name, weight in weights.items()]
        in_flight[choose(candidates, chance).key] += 1
    assert {name: round(count / 1000) for name, count in in_flight.items()} == weights


def test_two_choices_keep_the_longest_queue_short() -> None:
    chance, in_flight = random.Random(2), Counter[int]()
    for _ in range(1000):
        in_flight[choose([Candidate(each, 1, in_flight[each]) for each in range(100)], chance).key] += 1
    assert max(in_flight.values()) <= 10 + 3
