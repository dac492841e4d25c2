"""Which shapes of workers go first, and for whom the others leave room."""

from __future__ import annotations

from eopiez_ray.engine.precedence import PATIENCE_S, Precedence
from eopiez_ray.model.policies import Resources

SMALL, LARGE = Resources(cpu=1), Resources(cpu=2)


def test_a_higher_priority_goes_first_and_keeps_its_node() -> None:
    precedence, wanted = Precedence(), {SMALL: 0, LARGE: 5}
    assert precedence.order(wanted, 0) == [LARGE, SMALL]
    assert precedence.ahead_of(SMALL, wanted, 0) == []
    precedence.note(LARGE, 0, lacks_room=True)
    assert precedence.ahead_of(SMALL, wanted, 0) == [LARGE]
    assert precedence.ahead_of(LARGE, wanted, 0) == []


def test_among_equals_a_shape_goes_first_once_it_has_waited_for_long() -> None:
    precedence, wanted = Precedence(), {SMALL: 0, LARGE: 0}
    precedence.note(LARGE, 100, lacks_room=True)
    precedence.note(LARGE, 105, lacks_room=True)
    assert precedence.ahead_of(SMALL, wanted, 100 + PATIENCE_S / 2) == []
    assert precedence.order(wanted, 100 + PATIENCE_S) == [LARGE, SMALL]
    assert precedence.ahead_of(SMALL, wanted, 100 + PATIENCE_S) == [LARGE]


def test_two_that_wait_never_wait_for_each_other() -> None:
    precedence, wanted = Precedence(), {SMALL: 0, LARGE: 0}
    precedence.note(LARGE, 0, lacks_room=True)
    precedence.note(SMALL, 1, lacks_room=True)
    assert precedence.ahead_of(SMALL, wanted, 60) == [LARGE]
    assert precedence.ahead_of(LARGE, wanted, 60) == []


def test_a_long_wait_never_overtakes_a_higher_priority() -> None:
    precedence, wanted = Precedence(), {SMALL: 1, LARGE: 0}
    precedence.note(LARGE, 0, lacks_room=True)
    assert precedence.order(wanted, 1000) == [SMALL, LARGE]
    assert precedence.ahead_of(SMALL, wanted, 1000) == []


def test_who_has_found_room_or_wants_none_any_more_holds_nobody_back() -> None:
    precedence, wanted = Precedence(), {SMALL: 0, LARGE: 5}
    precedence.note(LARGE, 0, lacks_room=True)
    precedence.note(LARGE, 1, lacks_room=False)
    assert precedence.ahead_of(SMALL, wanted, 1) == []
    precedence.note(LARGE, 2, lacks_room=True)
    precedence.order({SMALL: 0}, 3)
    assert precedence.ahead_of(SMALL, wanted, 3) == []
