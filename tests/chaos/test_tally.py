"""What visitors have met, and what of it breaks a promise."""

from __future__ import annotations

import pytest

from eopiez_ray.chaos.tally import Account, Strike, Victim, Visit, summarize


def strike(*visits: Visit, victim: Victim = Victim.REPLICA, at: float = 10.0) -> Strike:
    return Strike(victim=victim, at=at, visits=visits)


def test_a_part_is_away_until_somebody_is_answered_as_asked() -> None:
    assert strike(Visit(11, 0), Visit(12, 503), Visit(14, 200), Visit(14.5, 202)).away_s == 4
    assert strike(Visit(10.5, 200), Visit(17, 200)).away_s == 6.5


def test_errors_that_say_send_it_again_break_nothing() -> None:
    calm = strike(Visit(11, 503), Visit(11, 429), Visit(11, 0), Visit(11, 500, is_ours=False), Visit(12, 200))
    assert calm.breaches == ()
    assert calm.statuses == {"503": 1, "429": 1, "broken": 1, "500": 1, "answered": 1}


@pytest.mark.parametrize("visit", [Visit(11, 500), Visit(11, 404), Visit(11, 502, is_ours=False), Visit(11, 401)])
def test_other_errors_break_the_promise(visit: Visit) -> None:
    assert strike(visit).breaches == (f"1 answered {visit.status}!",)


def test_rounds_of_one_victim_are_one_row() -> None:
    strikes = [
        strike(Visit(11, 200)), strike(Visit(13, 200), Visit(13, 418)), strike(Visit(12, 200), victim=Victim.PROXY),
    ]  # fmt: skip
    replica, proxy = summarize(strikes)
    assert (replica.victim, replica.rounds, replica.requests) == (Victim.REPLICA, 2, 3)
    assert (replica.away_median_s, replica.away_worst_s, replica.breaches) == (2, 3, ("1 answered 418!",))
    assert (proxy.rounds, proxy.breaches) == (1, ())


def test_an_account_names_what_was_broken() -> None:
    assert Account(accepted=5, lost=0, wrong=(), doubled=0).breaches == ()
    broken = Account(accepted=5, lost=1, wrong=("a is b", "c"), doubled=2).breaches
    assert broken == ("1 lost", "2 doubled", "2 wrong answers, such as: a is b")
