"""Standing orchestrators as real processes on one database and one cluster; one is killed, one is told to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import eopiez_ray as ez
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.samples import Samples
from eopiez_ray.store import connect

from ..waiting import wait_until
from .phases_of_clusters import Marks, fill, mean, slow_plan

COUNT = 60
PROGRAM = "from eopiez_ray.cli import main; main()"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    """A database and a cluster; this process only submits."""
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=3, object_store_bytes=80 * 2**20) as made:
        made.warm_up()
        made._run(_free(made))
        yield made


async def _free(system: ez.Local) -> None:
    """Give the whole cluster to others."""
    assert system._engine._executor is not None
    system._engine._executor.release_idle()


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(system: ez.Local, tmp_path: Path) -> Iterator[Start]:
    """Starts ``eopiez orchestrate`` on the system's database and cluster; its log is in ``NAME.log``."""
    import ray

    running: list[subprocess.Popen[str]] = []
    own = {"EOPIEZ_HOME": str(system.settings.home), "EOPIEZ_RAY_ADDRESS": ray.get_runtime_context().gcs_address}

    def begin(name: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, "orchestrate", "--name", name, *arguments]
        with (tmp_path / f"{name}.log").open("w") as log:
            made = subprocess.Popen(command, stderr=log, text=True, env=os.environ | own, cwd=Path(__file__).parents[2])
        running.append(made)
        wait_until(lambda: "orchestrating" in log_of(tmp_path, name))
        return made

    yield begin
    for process in running:
        process.terminate()
        process.wait(120)


def log_of(folder: Path, name: str) -> str:
    return (folder / f"{name}.log").read_text()


def driver_of(workflow: ez.Workflow) -> str:
    found = workflow.driver
    return found.name if found else ""


def test_what_a_killed_orchestrator_had_is_finished_by_another(system: ez.Local, marks: Marks, start: Start) -> None:
    processes = {name: start(name) for name in ("one", "two")}
    workflows = [system.submit(slow_plan(str(marks.folder), COUNT), owner=f"owner{number}") for number in range(3)]
    victim = wait_until(lambda: driver_of(workflows[0]))
    wait_until(lambda: next(iter(workflows[0].tasks()), None))
    processes[victim].kill()
    for workflow in workflows:
        assert workflow.wait(120).result("total") == sum(range(COUNT))
    assert len(marks.lines()) == 3 * COUNT, "nothing ran twice: the other one took over the workers, too"
    claimed = [event for event in workflows[0].events() if event.kind == "claimed"]
    assert [event.data["by"] for event in claimed] == [victim, ({"one", "two"} - {victim}).pop()]
    assert claimed[1].data["finished_tasks"] > 0


def test_a_signal_hands_over_at_once_and_nothing_runs_twice(
    system: ez.Local, marks: Marks, start: Start, tmp_path: Path
) -> None:
    first = start("leaving")
    workflow = system.submit(slow_plan(str(marks.folder), COUNT, 0.2))
    wait_until(lambda: len(marks.lines()) > 5)
    start("staying")
    before = len(marks.lines())
    first.send_signal(signal.SIGTERM)
    assert first.wait(120) == 0
    assert workflow.wait(120).result("total") == sum(range(COUNT))
    assert [event.data["by"] for event in workflow.events() if event.kind == "claimed"] == ["leaving", "staying"]
    assert marks.repeated() == 0
    workers, later = [{pid for _, pid in lines} for lines in (marks.lines()[:before], marks.lines()[before:])]
    assert workers <= later, "the workers have stayed"
    assert workflow.attempts() == []
    log = log_of(tmp_path, "leaving")
    assert "tasks_in_flight=" in log
    assert "Traceback" not in log
    assert "***" not in log, "Ray's own handler of signals is quiet"


def test_one_that_was_frozen_past_its_lease_writes_nothing(
    system: ez.Local, marks: Marks, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOPIEZ_LEASE_S", "3")
    frozen = start("frozen")
    workflow = system.submit(slow_plan(str(marks.folder), COUNT, 0.2))
    wait_until(lambda: len(marks.lines()) > 5)
    start("awake")
    frozen.send_signal(signal.SIGSTOP)
    wait_until(lambda: driver_of(workflow) == "awake")
    frozen.send_signal(signal.SIGCONT)
    assert workflow.wait(150).result("total") == sum(range(COUNT))
    wait_until(lambda: "workflow no longer held" in log_of(tmp_path, "frozen"))
    claims = [event for event in workflow.events() if event.kind == "claimed"]
    assert [event.data["by"] for event in claims[:2]] == ["frozen", "awake"]
    after = [event.kind for event in workflow.events() if event.id > claims[1].id]
    assert {*after} <= {"claimed", "succeeded"}, "claimed again only where a machine is too slow for such a lease"
    assert after[-1] == "succeeded"
    assert len(workflow.task_times()) == COUNT + 1


def test_what_ended_long_ago_is_forgotten_without_being_asked(system: ez.Local, start: Start, tmp_path: Path) -> None:
    ended = system.submit(slow_plan(str(tmp_path), 2))
    ended.cancel()
    waiting = system.submit(slow_plan(str(tmp_path), 2))
    waiting.pause()
    start("tidy", "--retain-days", "0", "--keep", "0")
    wait_until(lambda: "cleaned" in log_of(tmp_path, "tidy"))
    assert [view.id for view in system.workflows()] == [waiting.id]


def test_an_orchestrator_without_a_cluster_ends_with_a_sentence(system: ez.Local) -> None:
    own = {"EOPIEZ_HOME": str(system.settings.home), "EOPIEZ_RAY_ADDRESS": "127.0.0.1:1"}
    command = [sys.executable, "-c", PROGRAM, "orchestrate"]
    ended = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 69
    assert "cannot attach to the Ray cluster at '127.0.0.1:1'" in " ".join(ended.stderr.split())


def test_one_that_comes_later_gets_its_part_of_work_and_cluster(system: ez.Local, marks: Marks, start: Start) -> None:
    workflows = [system.submit(slow_plan(str(marks.folder), 8, 0.12)) for _ in range(60)]
    start("early")
    wait_until(lambda: len(marks.lines()) > 20)
    start("late")
    for workflow in workflows:
        assert workflow.wait(150).result("total") == sum(range(8))
    drivers = [[event.data["by"] for event in each.events() if event.kind == "claimed"][-1] for each in workflows]
    assert min(drivers.count("early"), drivers.count("late")) > 5
    assert len(marks.lines()) == 60 * 8, "nothing ran twice"


def test_what_its_workers_its_cluster_and_its_database_do_is_measured(
    system: ez.Local, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOPIEZ_METRICS_INTERVAL_S", "0.3")
    start("measuring")
    plan = ez.Plan("large")
    plan.step("mean", mean, plan.step("fill", fill, plan.values("v", range(4)), size=50_000))
    system.submit(plan).wait(120)

    async def measured() -> bool:
        async with await connect(system.database_url) as database:
            samples, since = Samples(database, system.settings), datetime.now(UTC) - timedelta(hours=1)
            window: dict[str, Any] = {"projects": None, "since": since, "until": since + timedelta(hours=2)}
            moved = await samples.totals(c.ARTIFACT_TRANSFERRED, **window)
            calls = await samples.totals(c.DB_STATEMENT_CALLS, **window)
            store = await samples.latest(c.RAY_STORE, projects=None)
        is_moved = min(moved.get((operation,), 0.0) for operation in ("read", "write")) > 4 * 50_000 * 8
        return is_moved and ("commit",) in calls and sum(store.values()) == 80 * 2**20

    wait_until(measured)
