"""Calls on a node that is away for too long are given up, should Ray not report them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eopiez_ray.engine.cluster import DEPARTED_S, RayExecutor
from eopiez_ray.engine.pool import Pooled
from eopiez_ray.model.ids import OrchestratorId, uuid7
from eopiez_ray.model.policies import Resources
from eopiez_ray.settings import Settings


async def test_only_a_node_that_stays_away_loses_its_calls(tmp_path: Path) -> None:
    executor = RayExecutor(Settings(home=tmp_path), OrchestratorId(uuid7()))
    pooled = Pooled("worker", asyncio.get_running_loop().create_future(), Resources(), load=1, node="a")
    executor._give_up([pooled], 0.0)
    executor._give_up([], DEPARTED_S)  # It is back.
    executor._give_up([pooled], DEPARTED_S + 1)
    executor._give_up([pooled], 2 * DEPARTED_S + 0.5)
    assert not pooled.departed.done()
    executor._give_up([pooled], 2 * DEPARTED_S + 2)
    assert pooled.departed.done()
