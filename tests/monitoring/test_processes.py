"""What processes and nodes use: each node is measured by one process, wherever that is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from eopiez_ray.engine.accounting import Held, Look, Spent, Use
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.dealings import Dealings
from eopiez_ray.engine.figures import NodeFigures, StoreFigures, node_figures
from eopiez_ray.engine.pool import Pool, Usage
from eopiez_ray.errors import ArtifactMissingError
from eopiez_ray.model.dealings import Dealt
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.processes import Cluster, Node, OwnProcess, count_dealings, watch_of

from .conftest import Post


class Seen:
    """A cluster of two nodes, ours and another, whose disk has read so many bytes."""

    def __init__(self) -> None:
        self.read = 0
        self.dealings = Dealings()
        self.store: StoreFigures | None = None

    def usage(self) -> Usage:
        return Pool().usage()

    def spent(self) -> Spent:
        spent = Spent()
        spent.add(Look(4, 1, {Held("default", Use.LIMIT): 2.0}), 10.0)
        return spent

    def figures(self) -> list[NodeFigures]:
        memory, disk = {"used": 3, "available": 5}, {"used": 1, "free": 2}
        transfers = {"read": self.read, "written": 0}
        return [NodeFigures(host, 0.5, memory, disk, transfers, {}) for host in (socket.gethostname(), "elsewhere")]

    def object_store(self) -> StoreFigures | None:
        return self.store

    def dealt(self) -> Dealt | None:
        return self.dealings.take()


def test_figures_are_those_of_the_machine(tmp_path: Path) -> None:
    found = node_figures(tmp_path / "not" / "there")
    assert found.host == socket.gethostname()
    assert 0 <= found.cpu <= 1
    assert min(found.memory["used"], found.memory["available"], found.disk["free"]) > 0


async def test_own_node_and_process_are_measured(post: Post, home: Path) -> None:
    process = OwnProcess(post.meter, "gateway")
    await process.sample()
    await process.watch_loop()
    await Node(post.meter, home).sample()
    await post.report()
    await post.fold()
    (memory,) = (await post.samples.latest(c.PROCESS_MEMORY, projects=None, by=("part",))).items()
    assert memory[0] == ("gateway",)
    assert memory[1] > 10 * 2**20
    assert set(await post.samples.latest(c.NODE_MEMORY, projects=None, by=("state",))) == {("used",), ("available",)}
    assert (await post.totals(c.PROCESS_CPU, by=("part",)))["gateway",] > 0
    (lag,) = (await post.distributions(c.LOOP_LAG, by=())).values()
    assert lag.count == 1


async def test_node_elsewhere_is_measured_by_one_orchestrator(post: Post, another: Callable[[], Post]) -> None:
    seen, other = Seen(), another()
    clusters = [Cluster(each.station, seen) for each in (post, other)]
    for seen.read in (100, 700):
        for cluster in clusters:
            await cluster.sample()
    for each in (post, other):
        await each.report()
    await post.fold()
    assert await post.samples.latest(c.NODE_CPU, projects=None) == {("elsewhere",): 0.5}
    assert (await post.totals(c.NODE_DISK_BYTES, {"node": "elsewhere", "direction": "read"}, by=())) == {(): 600.0}
    assert set(await post.samples.latest(c.RAY_WORKERS, projects=None)) == {("busy",), ("idle",), ("waiting",)}


async def test_object_store_is_measured_by_one_orchestrator_of_its_cluster(
    post: Post, another: Callable[[], Post]
) -> None:
    seen, beside, elsewhere = Seen(), another(), another()
    clusters = [Cluster(each.station, seen) for each in (post, beside)]
    here = StoreFigures("here:1", used=3, free=5, spilled=100, restored=10)
    for spilled in (100, 700, 900):
        seen.store = here._replace(spilled=spilled, restored=spilled // 10)
        for cluster in clusters:
            await cluster.sample()
    await post.station.watches.leave("cluster here:1")
    for spilled in (1000, 4):  # The other one counts on from where the first one ended; then a node is gone.
        seen.store = here._replace(spilled=spilled, restored=90)
        await clusters[1].sample()
    seen.store = StoreFigures("there:1", used=10, free=20, spilled=5000, restored=0)
    await Cluster(elsewhere.station, seen).sample()
    for each in (post, beside, elsewhere):
        await each.report()
    await post.fold()
    assert await post.samples.latest(c.RAY_STORE, projects=None) == {("used",): 16.0, ("free",): 30.0}
    assert await post.totals(c.RAY_SPILLED) == {(): 900.0}
    assert await post.totals(c.RAY_RESTORED) == {(): 80.0}


async def test_what_is_done_with_artifacts_adds_up_across_processes(
    post: Post, another: Callable[[], Post], tmp_path: Path
) -> None:
    written = 0
    for each in (post, another()):
        artifacts, seen = Artifacts(str(tmp_path)), Seen()
        seen.dealings = artifacts.dealings
        output = artifacts.store("x" * 100_000)
        artifacts.load(output)
        written += output.size
        await Cluster(each.station, seen).sample()
        await each.report()
    with pytest.raises(ArtifactMissingError):
        artifacts.load(output._replace(digest=b"0" * 16))
    count_dealings(post.meter, artifacts.dealings.take())
    await post.report()
    await post.fold()
    assert await post.totals(c.ARTIFACT_OPERATIONS) == {
        ("write", "succeeded"): 1, ("write", "found"): 1, ("read", "succeeded"): 2, ("read", "missing"): 1,
    }  # fmt: skip
    assert await post.totals(c.ARTIFACT_TRANSFERRED) == {("write",): written / 2, ("read",): written}
    took = await post.distributions(c.ARTIFACT_OPERATION_SECONDS, by=("operation",))
    assert {labels: found.count for labels, found in took.items()} == {("write",): 1, ("read",): 2}


async def test_node_that_a_process_of_its_own_measures_is_left_to_it(post: Post, another: Callable[[], Post]) -> None:
    there = another()
    assert await there.station.watches.keep(watch_of("elsewhere"))
    await Cluster(post.station, Seen()).sample()
    await post.report()
    await post.fold()
    assert await post.samples.latest(c.NODE_CPU, projects=None) == {}


async def test_cluster_that_is_being_closed_is_no_error(post: Post) -> None:
    from eopiez_ray.errors import EopiezError

    class Closed(Seen):
        def usage(self) -> Usage:
            raise EopiezError("this system was closed")

    await Cluster(post.station, Closed()).sample()
    assert not post.meter.take().gauges


def test_pool_says_what_is_held() -> None:
    usage = Pool().usage()
    assert (usage.nodes, usage.busy, usage.idle, usage.waiting) == (0, 0, 0, 0)
    with pytest.raises(AttributeError):
        usage.nodes = 1  # type: ignore[misc]
