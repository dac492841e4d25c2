"""Which workers may be used, who makes way, and what is kept for those that lack room. Nothing runs here."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from eopiez_ray.engine.cluster import RayExecutor
from eopiez_ray.engine.executor import Expected
from eopiez_ray.engine.nodes import Node, Nodes
from eopiez_ray.engine.pool import Pool, Pooled
from eopiez_ray.model.ids import OrchestratorId, uuid7
from eopiez_ray.model.policies import Placement, Resources
from eopiez_ray.settings import Settings

SMALL, LARGE, GPU = Resources(cpu=1), Resources(cpu=2), Resources(cpu=0, gpu=1)
LOOP = asyncio.new_event_loop()


def pool_of(*workers: tuple[str, Resources, int], cpus: int = 2, nodes: int = 1) -> Pool:
    """Workers given by node, shape and load; without a node they have not started."""
    pool = Pool()
    pool.nodes = Nodes(Node(f"n{number}", f"host{number}", {"CPU": cpus, "GPU": 1}, {}) for number in range(nodes))
    for number, (node, resources, load) in enumerate(workers):
        name = f"w{number}"
        pool.workers[name] = Pooled(name, LOOP.create_future(), resources, load=load, node=node)
    return pool


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


async def test_no_call_queues_behind_one_that_has_just_begun_and_lasts(tmp_path: Path) -> None:
    executor = RayExecutor(Settings(home=tmp_path), OrchestratorId(uuid7()))
    executor._staff.lost = asyncio.get_running_loop().create_future()
    executor._staff.pool.nodes = pool_of().nodes
    executor._staff.workers.update(pool_of(("n0", SMALL, 0), ("n0", SMALL, 0)).workers)
    for _ in range(2):
        slot = executor.take(SMALL, [SMALL], [], 0, lambda: True)
        assert slot is not None
        executor.expect(slot, Expected(5.0, is_known=True))
    assert executor.take(SMALL, [SMALL], [], 0, lambda: True) is None


async def test_a_call_queues_behind_a_short_one(tmp_path: Path) -> None:
    executor = RayExecutor(Settings(home=tmp_path), OrchestratorId(uuid7()))
    executor._staff.lost = asyncio.get_running_loop().create_future()
    executor._staff.pool.nodes = pool_of(cpus=1).nodes
    executor._staff.workers.update(pool_of(("n0", SMALL, 0)).workers)
    for _ in range(2):
        slot = executor.take(SMALL, [SMALL], [], 0, lambda: True)
        assert slot is not None
        executor.expect(slot, Expected(0.05, is_known=True))
    assert executor.take(SMALL, [SMALL], [], 0, lambda: True) is None


def test_workers_beyond_the_nodes_double_and_are_in_nobodys_way() -> None:
    pool = pool_of(("n0", SMALL, 1), ("n0", SMALL, 1))
    for name in ("b0", "b1"):
        assert pool.may_go_beyond(SMALL)
        pool.workers[name] = Pooled(name, LOOP.create_future(), SMALL, is_beyond=True)
    assert not pool.may_go_beyond(SMALL)
    assert not pool.may_grow(SMALL)
    assert not pool.is_starting(SMALL)
    assert pool.may_go_beyond(LARGE)
    pool.workers["w0"].load = pool.workers["w1"].load = 0
    assert [pooled.name for pooled in pool.making_way(LARGE, [SMALL, LARGE]) or []] == ["w1", "w0"]
    pool.nodes = Nodes([*pool.nodes.nodes, Node("n1", "host1", {"CPU": 2}, {})])
    assert pool.may_grow(SMALL)
