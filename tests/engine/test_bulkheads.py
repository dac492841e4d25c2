"""No workflow can hurt another: whatever fails while one is handled ends that one alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from eopiez_ray import Plan
from eopiez_ray.engine import accounting, admission, claims, conductor, dispatch, explaining, wishes
from eopiez_ray.engine.inputs import InputResolver
from eopiez_ray.engine.limits import Limits
from eopiez_ray.engine.run import Run
from eopiez_ray.engine.turns import Turns
from eopiez_ray.engine.worker import Worker
from eopiez_ray.errors import DatabaseUnavailableError
from eopiez_ray.machine import WorkflowState
from eopiez_ray.machine.profiles import Profiles
from eopiez_ray.model.changes import Change, StepChange
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.model.work import WorkCall
from eopiez_ray.store import Batch, Claim, Updates, claiming, ledger
from eopiez_ray.store.database import Database

from ..waiting import until
from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor

S = WorkflowStatus
VICTIM = "victim"


class SabotageError(RuntimeError):
    """What nobody foresees."""


class Seam(NamedTuple):
    """A place where a workflow is handled."""

    owner: Any
    name: str


SEAMS = {
    "the machine takes an event": Seam(conductor, "advance"),
    "commands are remembered": Seam(conductor.Conductor, "_remember"),
    "writes are gathered": Seam(Batch, "add"),
    "a batch is committed": Seam(ledger.Ledger, "commit"),
    "columns of a batch are made": Seam(ledger, "_task_columns"),
    "a workflow is restored": Seam(claiming, "restored"),
    "a claimed workflow is held": Seam(claims.Claims, "_run_of"),
    "inputs are resolved": Seam(InputResolver, "resolve"),
    "outputs are kept at hand": Seam(InputResolver, "remember_all"),
    "policies are adopted": Seam(Run, "adopt_policies"),
    "work is packed": Seam(admission, "next_call"),
    "wants are looked at": Seam(Run, "wants"),
    "limits are asked": Seam(Limits, "may_start"),
    "turns are looked at": Seam(Turns, "look"),
    "a call is estimated": Seam(dispatch, "_expected"),
    "a call is made": Seam(Worker, "run"),
    "reports are looked at": Seam(dispatch.Dispatcher, "_note"),
    "waits are explained": Seam(explaining, "reasons"),
    "the time of slots is accounted for": Seam(accounting, "held_back"),
}
"""Places that every workflow passes."""
NOW_AND_THEN = {"waits are explained", "the time of slots is accounted for"}
"""Those that are passed by the clock, as long as a workflow is under way."""


def concerns(value: Any) -> bool:
    """Whether an argument is of the victim, or holds something of it."""
    if isinstance(value, WorkflowState):
        return value.plan.name == VICTIM
    if isinstance(value, Run):
        return concerns(value.state)
    if isinstance(value, Claim):
        return concerns(value.state)
    if isinstance(value, InputResolver):
        return concerns(value._state)
    if isinstance(value, Batch):
        return any(workflow in VICTIMS and workflow not in value.quarantined for workflow in value.epochs)
    if isinstance(value, WorkCall):
        return any(part.workflow_id in map(str, VICTIMS) for part in value.parts)
    if isinstance(value, list | tuple):
        return any(map(concerns, value))
    return getattr(value, "name", None) == VICTIM


VICTIMS: set[WorkflowId] = set()


def sabotage(monkeypatch: pytest.MonkeyPatch, seam: Seam) -> list[str]:
    """Let the place raise whenever it handles the victim; a line for each time."""
    original: Callable[..., Any] = getattr(seam.owner, seam.name)
    struck: list[str] = []

    def raising(*arguments: Any, **options: Any) -> Any:
        if any(map(concerns, (*arguments, *options.values()))):
            struck.append(seam.name)
            raise SabotageError(f"at {seam.name}")
        return original(*arguments, **options)

    monkeypatch.setattr(seam.owner, seam.name, raising)
    return struck


@pytest.fixture(autouse=True)
def _no_victims() -> Iterator[None]:
    VICTIMS.clear()
    yield
    VICTIMS.clear()


def counting(name: str, n: int = 20) -> Plan:
    plan = Plan(name)
    plan.step("total", phases.total, plan.step("double", phases.double, plan.step("count", phases.count_to, n=n)))
    return plan


async def load(stage: Stage, count: int = 12) -> list[WorkflowId]:
    return [await stage.submit(counting("good")) for _ in range(count)]


async def all_succeed(stage: Stage, workflows: list[WorkflowId]) -> None:
    for workflow in workflows:
        view = await stage.rest(workflow)
        assert view.status is S.SUCCEEDED, view.error
        assert await stage.values(workflow, "total") == [380]


@pytest.mark.parametrize("place", SEAMS)
async def test_an_unforeseen_error_hits_its_workflow_alone(
    stage: Stage, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "EXPLAIN_S", 0.01)
    monkeypatch.setattr(accounting, "LOOK_S", 0.01)
    executors = [InlineExecutor(stage.folder), InlineExecutor(stage.folder)]
    before, victim, after = await load(stage), await stage.submit(counting(VICTIM)), await load(stage)
    VICTIMS.add(victim)
    struck = sabotage(monkeypatch, SEAMS[place])
    for executor in executors:
        executor.gate.clear()
        stage.orchestrate(executor)
    await until(lambda: any(executor.calls for executor in executors))
    if place in NOW_AND_THEN:
        await until(lambda: struck)
    for executor in executors:
        executor.gate.set()
    await all_succeed(stage, [*before, *after])
    view = await stage.rest(victim)
    assert struck, "the place was never passed"
    assert view.status is S.QUARANTINED
    assert view.error is not None
    assert "Sabotage" in view.error["message"]
    monkeypatch.undo()
    await stage.workflows.retry(victim)
    await all_succeed(stage, [victim])


async def test_an_error_while_a_wish_is_seen_to_hits_its_workflow_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = InlineExecutor(stage.folder)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    victim, good = await stage.submit(counting(VICTIM)), await load(stage)
    await asyncio.wait_for(orchestrator.ready.wait(), 150)
    sabotage(monkeypatch, Seam(wishes, "refusal"))
    await until(lambda: victim in orchestrator.held)
    change = Change((StepChange("total", timeout_s=60.0),))
    await Updates(stage.database).ask(victim, change)
    assert (await stage.rest(victim)).status is S.QUARANTINED
    executor.gate.set()
    await all_succeed(stage, good)


async def test_an_error_in_what_all_share_is_survived(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A duty that fails begins again; nobody is set aside for it."""
    failures = iter(range(3))

    def failing(self: Turns) -> Any:
        if next(failures, None) is not None:
            raise SabotageError("for all")
        return wanted(self)

    wanted = vars(Turns)["wanted"].fget
    monkeypatch.setattr(Turns, "wanted", property(failing))
    good = await load(stage)
    stage.orchestrate()
    await all_succeed(stage, good)


async def test_a_claim_that_the_database_refuses_ends_no_orchestrator(stage: Stage) -> None:
    """As with a share that a division cannot bear, whoever wrote it there."""
    await stage.database.fetch("update projects set weight = 5e-324")
    good = await load(stage)
    stage.orchestrate()
    await all_succeed(stage, good)


async def test_what_is_learned_of_phases_can_fail(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Profiles) -> Any:
        raise SabotageError("nothing learned")

    monkeypatch.setattr(Profiles, "take_learned", failing)
    monkeypatch.setattr("eopiez_ray.engine.chronicle.PROFILE_S", 0.01)
    good = await load(stage)
    orchestrator = stage.orchestrate()
    await all_succeed(stage, good)
    assert orchestrator.held == {}


async def test_a_shared_call_goes_on_when_one_of_its_workflows_is_lost(stage: Stage, database: Database) -> None:
    executor = InlineExecutor(stage.folder, count=1)
    executor.gate.clear()
    ids = [await stage.submit(counting("good", n=1)) for _ in range(10)]
    orchestrator = stage.orchestrate(executor)
    await until(lambda: executor.calls and len(orchestrator.held) == 10)
    orchestrator._conductor.lose(ids[0])
    await stage.workflows.cancel(ids[0])
    executor.gate.set()
    for workflow in ids[1:]:
        assert (await stage.rest(workflow)).status is S.SUCCEEDED


async def test_a_server_without_room_for_connections_is_waited_for(stage: Stage, database_url: str) -> None:
    executor = InlineExecutor(stage.folder)
    executor.gate.clear()
    orchestrator = stage.orchestrate(executor)
    workflow = await stage.submit(counting("good"))
    await until(lambda: executor.calls)
    for writer in stage.database._writers:
        writer.close()  # Each must open another connection, and there will be none.
    taken = await crowd(database_url)
    executor.gate.set()
    await until(lambda: orchestrator._journal._added > orchestrator._journal._written)
    with pytest.raises(DatabaseUnavailableError, match="too many clients"):
        await stage.database.listen(lambda *_: None, "nothing")
    for connection in taken:
        await connection.close()
    assert (await stage.rest(workflow)).status is S.SUCCEEDED
    assert not any(task.done() for _, task in stage._running)


async def crowd(url: str) -> list[asyncpg.Connection[asyncpg.Record]]:
    """As many connections as the server gives."""
    taken: list[asyncpg.Connection[asyncpg.Record]] = []
    with contextlib.suppress(asyncpg.TooManyConnectionsError):
        while True:
            taken.append(await asyncpg.connect(url))
    return taken
