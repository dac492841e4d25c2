"""A cluster of several nodes on this machine: where tasks go, and what happens when nodes leave, join or run full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import eopiez_ray as ez
from eopiez_ray.engine.joining import authenticate
from eopiez_ray.errors import ClusterError
from eopiez_ray.supervision.parts import free_ports

from ..waiting import wait_until
from . import phases_of_clusters as phases
from .phases_of_clusters import Marks, slow_plan
from .test_clusters import REPEATABLE, driver_of, wind_down

STORE_BYTES = 80 * 2**20
# Ray leaves a socket open when a port that it tries is taken.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")


class Machines:
    """A cluster to which nodes can be added."""

    def __init__(self, home: Path) -> None:
        authenticate(home)
        from ray.cluster_utils import Cluster

        head = {"gcs_server_port": free_ports(1)[0], "num_cpus": 1, "include_dashboard": False}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args={"object_store_memory": STORE_BYTES, **head})
        self.address = str(self._cluster.address)

    def add(self, **options: Any) -> Any:
        return self._cluster.add_node(object_store_memory=STORE_BYTES, **options)

    def kill(self, node: Any) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def demand(self) -> list[dict[str, float]]:
        """What waits in Ray's queue, as an autoscaler sees it."""
        from ray.autoscaler.v2.sdk import get_cluster_status

        wanted = get_cluster_status(self.address).resource_demands.ray_task_actor_demand
        return [dict(each.bundle) for demand in wanted for each in demand.bundles_by_count]

    def close(self) -> None:
        session = self._cluster.head_node.get_session_dir_path()
        self._cluster.shutdown()
        shutil.rmtree(session, ignore_errors=True)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    made = Machines(tmp_path_factory.mktemp("token"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def east(machines: Machines) -> Any:
    return machines.add(num_cpus=1, labels={"zone": "east"})


@pytest.fixture(scope="module")
def system(machines: Machines, east: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home"), ray_address=machines.address) as made:
        made.warm_up()
        yield made


def places(system: ez.Local, count: int = 1, seconds: float = 0.0, **resources: Any) -> list[dict[str, Any]]:
    """Where tasks with such resources have run."""
    plan = ez.Plan("where")
    plan.step("where", phases.where, plan.values("v", range(count)), seconds=seconds)
    plan.tune("where", resources=ez.Resources(**resources))
    return list(system.start(plan).wait(150).result("where"))


def test_tasks_use_all_nodes(system: ez.Local, east: Any) -> None:
    assert east.node_id in nodes_at_once(system)


def nodes_at_once(system: ez.Local) -> set[str]:
    """The nodes that share a plan's tasks; those of a busy machine may need a while to have a worker."""
    runs = ({place["node"] for place in places(system, 12, 0.3)} for _ in range(20))
    return next(nodes for nodes in runs if len(nodes) == 2)


def test_labels_say_which_node(system: ez.Local, east: Any) -> None:
    labelled = ez.Placement({"zone": "east"})
    assert {place["node"] for place in places(system, 3, placement=labelled)} == {east.node_id}


def test_a_fallback_will_do_where_no_node_has_the_label(system: ez.Local, east: Any) -> None:
    wish = ez.Placement({"zone": "moon"}, fallback=({"zone": "east"},))
    assert {place["node"] for place in places(system, 1, placement=wish)} == {east.node_id}


def test_a_label_that_no_node_has_is_refused(system: ez.Local) -> None:
    with pytest.raises(ClusterError, match="a node with the label zone=moon, but no node has it"):
        places(system, 1, placement=ez.Placement({"zone": "moon"}))


def test_a_gang_is_reserved_as_a_whole_and_given_back(system: ez.Local) -> None:
    gang = ez.Placement(gang=2, layout=ez.Spread.SPREAD)
    assert [place["bundles"] for place in places(system, 1, placement=gang)] == [2]
    assert len(nodes_at_once(system)) == 2


def test_a_phase_gets_its_runtime_environment(system: ez.Local) -> None:
    assert [place["colour"] for place in places(system, 1, runtime_env={"env_vars": {"COLOUR": "red"}})] == ["red"]


def test_a_step_waits_for_a_node_that_joins(system: ez.Local, machines: Machines) -> None:
    plan = ez.Plan("licensed")
    plan.step("where", phases.where, plan.values("v", [1]))
    plan.tune("where", resources=ez.Resources(custom={"license": 1}), wait_timeout_s=90)
    workflow = system.start(plan)
    wait_until(lambda: "license" in workflow.steps()[-1].reason)
    node = machines.add(num_cpus=1, resources={"license": 1})
    assert workflow.wait(150).result("where")[0]["node"] == node.node_id
    machines.kill(node)


def test_an_autoscaler_sees_work_that_waits_and_its_nodes_are_used(
    system: ez.Local, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOPIEZ_AUTOSCALING", "true")
    system._run(wind_down(system))
    marks = Marks(tmp_path / "marks")
    with driver_of(system, marks, machines.address, count=1500) as driver:
        assert driver.stdout is not None
        name = driver.stdout.readline().strip()
        wait_until(lambda: len(marks.workers()) == 2 and machines.demand() == [{"CPU": 1.0}])
        node = machines.add(num_cpus=2)
        wait_until(lambda: len(marks.workers()) == 4)
        driver.kill()
    system.workflow(name).resume().wait(120)
    machines.kill(node)


def test_a_killed_node_costs_what_was_in_flight_on_it(system: ez.Local, machines: Machines, tmp_path: Path) -> None:
    node = machines.add(num_cpus=2)
    marks = Marks(tmp_path / "marks")
    workflow = system.start(slow_plan(str(marks.folder), 600, 0.05))
    wait_until(lambda: len(marks.workers()) > 2, timeout_s=120)
    machines.kill(node)
    assert workflow.wait(120).result("total") == sum(range(600))
    assert {attempt.outcome for attempt in workflow.attempts()} <= {
        "lost"
    }  # It may have had nothing in hand just then.
    assert marks.repeated() <= 2 * REPEATABLE


def test_a_worker_killed_for_its_memory_is_retried_with_twice_as_much(
    system: ez.Local, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, total, size = psutil.virtual_memory().used, psutil.virtual_memory().total, 4 * 2**30
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{(used + size / 2) / total:.3f}")
    node = machines.add(num_cpus=1, resources={"full": 1}, memory=4 * 2**30)
    plan = ez.Plan("hungry")
    plan.step("devour", phases.devour, plan.values("v", [7]), size=size)
    plan.tune("devour", resources=ez.Resources(memory_bytes=2**30, custom={"full": 1}), wait_timeout_s=150)
    workflow = system.start(plan)
    assert list(workflow.wait(200).result("devour")) == [7]
    assert [(each.outcome, each.retry_memory_bytes) for each in workflow.attempts()] == [("out_of_memory", 2**31)]
    machines.kill(node)
