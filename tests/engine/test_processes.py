"""A task that ends its process is found and blamed alone, and nothing but our own words reaches a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

import eopiez_ray as ez
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.errors import EopiezError, StoreError
from eopiez_ray.model.status import WorkflowStatus

from ..waiting import wait_until
from . import phases_of_processes as phases

S = WorkflowStatus
ENDS = {
    "exit": "the process ended with code 3, by os._exit; it last wrote: about to end by exit",
    "signal": "the process ended by signal 9, which it sent to itself; it last wrote: about to end by signal",
    "exit in C": "the process ended with code 200, by exit in native code; it last wrote: about to end by exit in C",
    "fault": "the process ended by a fatal error: Segmentation fault; it last wrote: about to end by fault",
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=2, object_store_bytes=80 * 2**20) as made:
        yield made


@pytest.mark.parametrize("how", ENDS)
def test_a_task_that_ends_its_process_is_blamed_alone(
    system: ez.Local, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = ez.Plan(how)
    plan.step("ends", phases.ends, plan.values("v", range(60)), how=how)
    workflow = system.start(plan)
    view = workflow.settled(150)
    assert view.status is S.FAILED
    assert view.error is not None
    assert view.error["message"] == ENDS[how]
    assert {(attempt.partition, attempt.error_type) for attempt in workflow.attempts()} == {(7, "ProcessEnded")}
    assert len(workflow.attempts()) == 2
    heard = capfd.readouterr()
    assert "raylet" not in heard.out + heard.err
    assert "Traceback" not in heard.out + heard.err


def test_a_time_limit_leaves_no_traceback(system: ez.Local, capfd: pytest.CaptureFixture[str]) -> None:
    plan = ez.Plan("sleeps")
    plan.step("sleeps", phases.sleeps, plan.values("v", [1, 2]))
    view = system.start(plan).settled(150)
    assert view.error is not None
    assert view.error["message"] == "took longer than its limit of 1 s"
    heard = capfd.readouterr()
    assert "never retrieved" not in heard.out + heard.err
    assert "raylet" not in heard.out + heard.err


def test_asynchronous_tasks_share_a_worker(system: ez.Local) -> None:
    plan = ez.Plan("awaits")
    plan.step("awaits", phases.awaits, plan.values("v", range(80)))
    system.start(plan).wait(150)  # How long its tasks take is known from now on.
    at_once = system.start(plan).wait(150).result("awaits")
    assert len(at_once) == 80
    assert max(at_once) > 10, "two workers would have one each, one by one"


def test_an_orchestrator_that_has_ended_is_told_of_and_followed_by_another(system: ez.Local) -> None:
    plan = ez.Plan("sleeps")
    plan.tune(plan.step("sleeps", phases.sleeps, plan.values("v", [1])), timeout_s=300)
    workflow = system.start(plan)
    first = system._engine._orchestrator
    assert first is not None
    with ThreadPoolExecutor(1) as waiting:
        waiter = waiting.submit(workflow.wait, 150)
        system._run(broken(first))
        with pytest.raises(StoreError, match="gone for good"):
            waiter.result(150)
    quick = ez.Plan("quick")
    quick.step("ends", phases.ends, quick.values("v", [1]), how="exit")
    assert system.start(quick).wait(150).status is S.SUCCEEDED
    assert system._engine._orchestrator is not first
    workflow.cancel(mode="now")
    assert workflow.settled(150).status is S.CANCELLED


class Gone:
    """A database that stays away."""

    async def commit(self, _batch: object) -> NoReturn:
        raise StoreError("gone for good")


async def broken(orchestrator: Orchestrator) -> None:
    """Let its journal give up."""
    journal: Any = orchestrator._journal
    journal._ledger, journal._patience_s = Gone(), 0.0
    journal._note()


def test_a_closed_system_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = ez.local(home=tmp_path_factory.mktemp("closed"))
    made.close()
    with pytest.raises(EopiezError, match="this system was closed"):
        made.workflows()


def test_who_waits_while_a_system_is_closed_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = ez.local(home=tmp_path_factory.mktemp("closing"))
    plan = ez.Plan("one")
    plan.step("ends", phases.ends, plan.values("v", [1]), how="exit")
    workflow = made.submit(plan)
    with ThreadPoolExecutor(1) as waiting:
        waiter = waiting.submit(workflow.settled)
        wait_until(lambda: made._engine._changes)
        made.close()
        with pytest.raises(EopiezError, match="closed by another thread"):
            waiter.result(150)
