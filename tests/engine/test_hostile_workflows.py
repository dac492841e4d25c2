"""Workflows of hostile values and errors beside good ones, on two orchestrators: no good one is hurt."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import eopiez_ray as ez
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.status import WorkflowStatus

from . import phases_of_tests as phases
from .conftest import Stage
from .inline import InlineExecutor
from .test_isolation import RAISED, OddText

S = WorkflowStatus
ONCE = ez.RetryPolicy(maximum_attempts=1)
TEXTS = ["\udcff", "\0", "\ud83d", "a\0b\udcffc", "x" * 1_000_000, "\x1b[2J", '"{}\\', "ﷺ" * 1000, ""]


@ez.phase(kind="map", retry=ONCE)
def raises(value: str) -> None:
    raise RAISED[value]()


@ez.phase(kind="map", retry=ONCE)
def says(value: str) -> str:
    task = ez.current_task()
    task.reject(value, value, value)
    task.reject(OddText(value), OddText(value), OddText(value))
    print(value)
    sys.stdout.buffer.write(value.encode("utf-8", "surrogatepass") + b"\xff\n")
    logging.getLogger("says").error("%s %d", value, "no number")
    record = logging.makeLogRecord({"msg": value, "levelno": 50, "levelname": value, "created": 1e300})
    logging.getLogger().handle(record)
    return value


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=2, initial_interval_s=1e12, maximum_interval_s=1e12))
def waits_for_ever(value: int) -> int:
    raise ValueError(value)


@ez.phase(kind="map", retry=ONCE)
def takes(value: int, *, anything: Any) -> Any:
    return anything


@ez.phase
def fails_at_once() -> Iterator[int]:
    yield 1 // len(RAISED[""]())


class Rows:
    """Not a table, though it seems to have rows."""

    num_rows = "many"


@ez.phase(kind="map", retry=ONCE)
def pretends(value: int) -> Rows:
    return Rows()


HOSTILE_PARAMETERS = [float("nan"), float("-inf"), -0.0, 1e22, 2**200, TEXTS[:4], {"\udcff\0": ["\ud83d"]}, [[[[]]]]]


def hostile_plans() -> Iterator[ez.Plan]:
    for kind in RAISED:
        plan = ez.Plan(f"raises {kind}")
        plan.step("raises", raises, plan.values("v", [kind] * 3))
        yield plan
    plan = ez.Plan("says", labels={f"label {number}": text[:1000] for number, text in enumerate(TEXTS)})
    plan.step("says", says, plan.values("v", TEXTS))
    yield plan
    for function in (waits_for_ever, pretends):
        plan = ez.Plan(function.name)
        plan.step("step", function, plan.values("v", [1]))
        yield plan
    for anything in HOSTILE_PARAMETERS:
        plan = ez.Plan("takes")
        plan.step("takes", takes, plan.values("v", [1]), anything=anything)
        yield plan
    plan = ez.Plan("fails at once")
    plan.tune(plan.step("source", fails_at_once), retry=ONCE)
    yield plan


def good_plan(number: int) -> ez.Plan:
    plan = ez.Plan("good")
    plan.step("total", phases.total, plan.step("double", phases.double, plan.values("v", range(number % 7))))
    return plan


async def test_no_good_workflow_is_hurt_by_hostile_ones(stage: Stage) -> None:
    good, hostile = list[WorkflowId](), list[WorkflowId]()
    plans = [*hostile_plans()]
    for number in range(100):
        good.append(await stage.submit(good_plan(number), owner=f"owner {number % 3}"))
        if number < len(plans):
            hostile.append(await stage.submit(plans[number], owner="hostile"))
    both = [stage.orchestrate(InlineExecutor(stage.folder)) for _ in range(2)]
    for number, workflow in enumerate(good):
        assert (await stage.rest(workflow)).status is S.SUCCEEDED
        assert await stage.values(workflow, "total") == [sum(2 * value for value in range(number % 7))]
    await every_hostile_one_ends(stage, hostile, both)
    later = await stage.submit(good_plan(6))
    assert (await stage.rest(later)).status is S.SUCCEEDED
    assert all(not task.done() for _, task in stage._running), "an orchestrator has ended"


async def every_hostile_one_ends(stage: Stage, hostile: list[WorkflowId], both: list[Orchestrator]) -> None:
    for workflow in hostile:
        view = await stage.workflows.get(workflow)
        if view.name == "waits_for_ever":
            await stage.workflows.cancel(workflow)
        view = await stage.rest(workflow)
        assert view.status in {S.SUCCEEDED, S.FAILED, S.CANCELLED}, (view.name, view.error)
        assert view.status is not S.SUCCEEDED or view.name in {"says", "takes", "pretends"}
        assert await stage.workflows.steps(workflow)
        assert await stage.workflows.events(workflow)
        await stage.workflows.logs(workflow)
    takers = [workflow for workflow in hostile if (await stage.workflows.get(workflow)).name == "takes"]
    values = [(await stage.values(workflow, "takes"))[0] for workflow in takers]
    assert list(map(repr, values)) == list(map(repr, HOSTILE_PARAMETERS))
