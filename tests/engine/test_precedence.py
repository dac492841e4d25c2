"""Shapes of workers: who goes first, and what is left to those that lack room. Nothing runs here."""

from __future__ import annotations

import asyncio
import math

import pytest

from eopiez_ray.engine.nodes import Node, Nodes
from eopiez_ray.engine.pool import Pool, Pooled
from eopiez_ray.engine.precedence import PATIENCE_S, Precedence
from eopiez_ray.model.policies import Placement, Resources

SMALL, LARGE, GPU = Resources(cpu=1), Resources(cpu=2), Resources(cpu=0, gpu=1)


def pool_of(*workers: tuple[str, Resources, int], cpus: int = 2, nodes: int = 1) -> Pool:
    """Workers given by node, shape and load; without a node they have not started."""
    pool = Pool()
    pool.nodes = Nodes(Node(f"n{number}", f"host{number}", {"CPU": cpus, "GPU": 1}, {}) for number in range(nodes))
    for number, (node, resources, load) in enumerate(workers):
        actor: asyncio.Future[object] = asyncio.Future(loop=LOOP)
        name = f"w{number}"
        pool.workers[name] = Pooled(name, actor, resources, load=load, node=node)  # type: ignore[arg-type]
    return pool


LOOP = asyncio.new_event_loop()


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


@pytest.mark.parametrize(
    ("workers", "lacks"),
    [
        ([("n0", SMALL, 1), ("n0", SMALL, 0)], True),
        ([("n0", SMALL, 0), ("n0", SMALL, 0)], False),
        ([("n0", SMALL, 1), ("n0", SMALL, 0), ("", LARGE, 0)], False),
        ([("n0", LARGE, 1)], False),
        ([], False),
    ],
    ids=["one at work", "both idle", "already starting", "as many as fit", "empty"],
)
def test_room_is_lacking_where_others_are_at_work(workers: list[tuple[str, Resources, int]], *, lacks: bool) -> None:
    assert pool_of(*workers).lacks_room(LARGE, [SMALL, LARGE]) is lacks


def test_an_idle_worker_is_not_used_where_room_is_kept() -> None:
    pool = pool_of(("n0", SMALL, 1), ("n0", SMALL, 0))
    kept = pool.kept_for([LARGE], SMALL, math.inf, 0)
    assert kept == {"n0"}
    assert pool.idle(SMALL) is pool.workers["w1"]
    assert pool.idle(SMALL, kept) is None


def test_only_the_roomiest_node_is_kept() -> None:
    pool = pool_of(("n0", SMALL, 1), ("n0", SMALL, 1), ("n1", SMALL, 1), ("n1", SMALL, 0), nodes=2)
    assert pool.kept_for([LARGE], SMALL, math.inf, 0) == {"n1"}
    gang = Resources(cpu=2, placement=Placement(gang=2))
    assert pool.kept_for([gang], SMALL, math.inf, 0) == {"n0", "n1"}


def test_who_needs_nothing_of_it_takes_nothing_from_it() -> None:
    pool = pool_of(("n0", SMALL, 1), ("n0", GPU, 0))
    assert pool.kept_for([LARGE], GPU, math.inf, 0) == set()


def test_a_call_that_is_over_before_others_takes_nothing_either() -> None:
    pool = pool_of(("n0", SMALL, 1), ("n0", SMALL, 0))
    pool.workers["w0"].busy_until = 60
    assert pool.kept_for([LARGE], SMALL, seconds=5, now=50) == set()
    assert pool.kept_for([LARGE], SMALL, seconds=15, now=50) == {"n0"}
