"""Diagnoses of single workflows: the path that counted, who straggled, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

import eopiez_ray as ez
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.plan import PlanSpec
from eopiez_ray.monitoring.critical import Diagnoses, Diagnosis, forecast
from eopiez_ray.store import Database, Intake, NewWorkflow
from eopiez_ray.store.performance import StepProgress, StepSpread, WorkflowTimes

CREATED = 1_700_000_000.0


@ez.phase(version="1")
def read(name: str) -> str:
    return name


@ez.phase(version="1")
def count(text: str) -> int:
    return len(text)


@ez.phase(version="1", kind="reduce")
def total(counts: list[int]) -> int:
    return sum(counts)


def plan_of(*names: str) -> ez.Plan:
    plan = ez.Plan("letters")
    plan.step("total", total, plan.step("count", count, plan.step("read", read, plan.values("names", list(names)))))
    return plan


async def diagnosed(database: Database, *tasks: tuple[str, int, float, float, int]) -> Diagnosis:
    """A workflow whose tasks are given by step, partition, start and duration in seconds, and rows."""
    plan = plan_of("a", "b", "c", "d")
    (made,) = await Intake(database).create(NewWorkflow(plan.spec(), plan.code()))
    positions = plan.spec().index()
    for step, partition, start, wall_s, rows in tasks:
        await database.fetch(
            "insert into tasks (workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, "
            "cpu_s, worker, is_cached, peak_bytes) "
            "values ($1, $2, $3, '', 0, '', $6, 0, to_timestamp($4), $5, 0, 'w', false, 0)",
            made.id, positions[step], partition, CREATED + start, wall_s, rows,
        )  # fmt: skip
    return await Diagnoses(WorkflowTimes(database)).of(WorkflowId(made.id), plan.spec(), CREATED, None)


async def test_critical_path_follows_the_partition_that_came_last(database: Database) -> None:
    found = await diagnosed(
        database,
        ("read", 0, 0.5, 1.0, 1), ("read", 1, 0.5, 2.0, 1), ("read", 2, 0.5, 1.0, 1),
        ("count", 0, 1.5, 1.0, 1), ("count", 1, 3.0, 4.0, 1), ("count", 2, 1.5, 1.0, 1),
        ("total", 0, 7.5, 0.5, 1),
    )  # fmt: skip
    path: Any = [(link.step, link.partition, link.waited_s, link.run_s, link.spare_s) for link in found.path]
    assert path == [
        ("read", 1, pytest.approx(0.5), 2.0, pytest.approx(1.0)),
        ("count", 1, pytest.approx(0.5), 4.0, pytest.approx(3.0)),
        ("total", 0, pytest.approx(0.5), 0.5, 0.0),
    ]
    assert found.advice[0].startswith("task count/1 took 4 s, 3 s more than the median")
    assert sum(link.waited_s + link.run_s for link in found.path) == pytest.approx(8.0)
    assert found.forecast is None


async def test_stragglers_and_skew_are_named(database: Database) -> None:
    found = await diagnosed(
        database, ("read", 0, 0, 1.0, 10), ("read", 1, 0, 1.1, 11), ("read", 2, 0, 0.9, 9), ("read", 3, 0, 5.0, 300)
    )
    (straggler,) = found.stragglers
    assert (straggler.step, straggler.partition, straggler.worker) == ("read", 3, "w")
    assert straggler.times_median == pytest.approx(5.0 / 1.05)
    (skew,) = found.skewed
    assert (skew.step, skew.most_rows) == ("read", 300)


async def test_workflow_without_a_finished_task_has_no_path(database: Database) -> None:
    found = await diagnosed(database)
    assert (found.path, found.advice, found.stragglers, found.skewed) == ([], [], [], [])


def spread(step: int, tasks: int, mean: float, variance: float = 0.0) -> StepSpread:
    return StepSpread(step, tasks, tasks * mean, mean, variance, mean, mean, mean, 1, 1.0, 0.0, 0.0)


def spec() -> PlanSpec:
    return plan_of("a").spec()


def digests(spec: PlanSpec) -> dict[str, str]:
    return {step.name: step.phase.digest for step in spec.steps}


def test_forecast_goes_on_at_the_pace_so_far() -> None:
    plan, at = spec(), spec().index()
    progress = {at["read"]: StepProgress(at["read"], 100, 60, 4), at["names"]: StepProgress(at["names"], 100, 100, 0)}
    known = {digests(plan)["count"]: 0.0, digests(plan)["total"]: 0.0}
    found = forecast(plan, progress, {at["read"]: spread(at["read"], 60, 2.0, 0.1)}, known, elapsed_s=30.0)
    assert found is not None
    assert found.expected_s == pytest.approx(40 * 2.0 / 4)
    assert 0 < found.earliest_s < found.expected_s < found.latest_s


def test_forecast_is_no_shorter_than_the_longest_chain() -> None:
    plan, at = spec(), spec().index()
    progress = {at[name]: StepProgress(at[name], 2, 0, 0) for name in ("read", "count")}
    known = {digests(plan)["read"]: 3.0, digests(plan)["count"]: 4.0, digests(plan)["total"]: 5.0}
    found = forecast(plan, progress | {at["read"]: StepProgress(at["read"], 2, 0, 64)}, {}, known, elapsed_s=1.0)
    assert found is not None
    assert found.expected_s == pytest.approx(12.0)


def test_nothing_is_forecast_of_what_nobody_knows() -> None:
    assert forecast(spec(), {}, {}, {}, elapsed_s=1.0) is None


def test_a_workflow_about_to_end_ends_now() -> None:
    plan, at = spec(), spec().index()
    done = {position: StepProgress(position, 1, 1, 0) for position in at.values()}
    assert forecast(plan, done, {}, {}, 1.0) == (0.0, 0.0, 0.0)
