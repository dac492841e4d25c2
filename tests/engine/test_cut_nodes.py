"""A node that the network cuts off under work and that comes back; it and the head are in network namespaces."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eopiez_ray.engine.local import Local
from eopiez_ray.settings import Settings

from .net import HEAD, NODE, Net, has_namespaces
from .phases_of_clusters import Marks, slow_plan

CUTS = int(os.environ.get("EOPIEZ_NODE_CUTS", "0"))
"""How often the node is cut off; `make test-long` says so."""
CUT_S = 30.0
COUNT = 600 * (CUTS + 1)
pytestmark = [
    pytest.mark.timeout(400 + COUNT),
    pytest.mark.skipif(not CUTS or not has_namespaces(), reason="it takes EOPIEZ_NODE_CUTS, iproute2 and root"),
]


@pytest.fixture
def net(database_url: str, tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path, database_url)
    made.open()
    yield made
    made.close()


def test_a_node_that_is_cut_off_again_and_again_costs_nothing(net: Net, database_url: str, tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    net.head_with(sys.executable, "-m", "eopiez_ray.cli", "orchestrate", "--name", "head")
    net.ray(NODE, f"--address={HEAD}:6379", "--num-cpus=1")
    local = Local(Settings(home=tmp_path / "own", database_url=database_url))
    workflow = local.submit(slow_plan(str(marks.folder), COUNT, 0.1))
    pauses = []
    for _ in range(CUTS):
        marks.wait_for(50)
        net.cut()
        began = time.monotonic()
        marks.wait_for(20)
        pauses.append(time.monotonic() - began)
        time.sleep(max(0.0, began + CUT_S - time.monotonic()))
        net.mend()
    assert workflow.wait(150 + COUNT / 2).result("total") == sum(range(COUNT)), pauses
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() <= 2 * CUTS, "more ran again than was in flight there"
    print(f"again: {marks.repeated()} of {COUNT}; until 20 tasks had run: {max(pauses):.1f} s at most")
    local.close()
