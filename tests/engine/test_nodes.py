"""What nodes can hold, told from what Ray says of them."""

from __future__ import annotations

import pytest

from eopiez_ray.engine.nodes import Node, Nodes, matches
from eopiez_ray.model.policies import Placement, Resources

SMALL = Node("a", "one", {"CPU": 2.0, "memory": 2.0**31}, {"zone": "east"})
LARGE = Node("b", "two", {"CPU": 8.0, "GPU": 1.0, "memory": 2.0**33}, {"zone": "west", "disk": "ssd"})
NODES = Nodes([SMALL, LARGE])


@pytest.mark.parametrize(
    ("resources", "slots"),
    [
        (Resources(), 10),
        (Resources(cpu=3), 2),
        (Resources(cpu=1, gpu=0.5), 2),
        (Resources(cpu=0), 100),
        (Resources(memory_bytes=2**32), 2),
        (Resources(placement=Placement({"zone": "east"})), 2),
        (Resources(placement=Placement({"zone": "north"}, fallback=({"disk": "ssd"},))), 8),
        (Resources(cpu=2, placement=Placement(gang=3)), 1),
    ],
)
def test_as_many_tasks_fit_as_single_nodes_hold(resources: Resources, slots: int) -> None:
    assert NODES.refusal(resources) is None
    assert NODES.slots(resources) == slots


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (Resources(cpu=9), "needs 9 CPU, but the largest node has 8 CPU"),
        (Resources(gpu=2), "needs 2 GPU, but the largest node has 1 GPU"),
        (Resources(memory_bytes=2**34), "needs 16 GiB of memory, but the largest node has 8 GiB of memory"),
        (Resources(custom={"license": 1}), "needs 1 license, but the largest node has 0 license"),
        (Resources(placement=Placement({"zone": "north"})), "a node with the label zone=north, but no node has it"),
        (Resources(cpu=4, placement=Placement({"zone": "east"})), "on one node, but no node it may run on has all of"),
        (Resources(cpu=4, placement=Placement(gang=3)), "needs 3 bundles of 4 CPU, but the nodes hold 2"),
    ],
)
def test_what_no_node_can_run_is_refused_with_what_is_missing(resources: Resources, reason: str) -> None:
    assert reason in (NODES.refusal(resources) or "")


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [("east", True), ("west", False), ("!west", True), ("!east", False), ("in(east,west)", True), ("!in(east)", False)],
)
def test_labels_are_matched_as_ray_does(wanted: str, is_met: bool) -> None:
    assert matches(SMALL.labels, {"zone": wanted}) is is_met


def test_a_missing_label_meets_only_what_is_negated() -> None:
    assert not matches({}, {"zone": "east"})
    assert matches({}, {"zone": "!east"})


def test_an_empty_cluster_refuses_everything() -> None:
    assert "the largest node has 0 CPU" in (Nodes().refusal(Resources()) or "")
