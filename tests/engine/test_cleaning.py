"""What ended long ago is forgotten, and what anything refers to is kept."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eopiez_ray import Plan
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.errors import ArtifactError, WorkflowNotFoundError
from eopiez_ray.model.status import WorkflowStatus

from . import phases_of_tests as phases
from .conftest import Stage

LARGE = b"x" * 100_000


def old(folder: Path) -> None:
    """Let all files be two hours old."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 7200, time.time() - 7200))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_nothing_refers_to_is_deleted_and_the_rest_is_kept(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    kept, lost = artifacts.store(LARGE), artifacts.store(LARGE + b"y")
    old(tmp_path)
    assert artifacts.collect({kept.digest}, 3600.0, dry_run=True) == (1, lost.size)
    assert artifacts.collect({kept.digest}, 3600.0) == (1, lost.size)
    assert artifacts.holds(kept)
    assert not artifacts.holds(lost)
    assert len(files(tmp_path)) == 1


def test_what_was_just_written_is_left_alone(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    written = artifacts.store(LARGE)
    assert artifacts.collect(set(), 3600.0) == (0, 0)
    assert artifacts.holds(written)


def test_an_old_artifact_that_is_stored_again_counts_as_new(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    artifacts.store(LARGE)
    old(tmp_path)
    again = artifacts.store(LARGE)
    assert artifacts.collect(set(), 3600.0) == (0, 0)
    assert artifacts.holds(again)


def test_an_object_store_has_rules_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="set a lifecycle rule for old objects"):
        Artifacts("mock://bucket").collect(set(), 0.0)


async def test_workflows_that_ended_long_ago_are_forgotten_and_the_last_are_kept(stage: Stage) -> None:
    stage.orchestrate()
    plan = Plan("short")
    plan.step("double", phases.double, plan.values("v", [1]))
    ids = [await stage.submit(plan) for _ in range(4)]
    for workflow in ids:
        assert (await stage.rest(workflow)).status is WorkflowStatus.SUCCEEDED
    later = datetime.now(UTC) + timedelta(hours=1)
    assert await stage.workflows.forgettable(datetime.now(UTC) - timedelta(hours=1), 0) == []
    forgettable = await stage.workflows.forgettable(later, 2)
    assert set(forgettable) == set(ids[:2])
    await stage.workflows.forget(forgettable, later)
    with pytest.raises(WorkflowNotFoundError):
        await stage.workflows.get(ids[0])
    assert await stage.values(ids[3], "double") == [2]


async def test_artifacts_of_results_and_of_the_cache_are_live(stage: Stage, tmp_path: Path) -> None:
    stage.orchestrate()
    plan = Plan("large")
    plan.tune(plan.step("large", phases.large, plan.values("v", [1])), cache=True)
    workflow = await stage.submit(plan)
    await stage.rest(workflow)
    (output,) = await stage.workflows.outputs(workflow, 1)
    assert await stage.workflows.live_digests() == {output.digest}
    future = datetime.now(UTC) + timedelta(hours=1)
    await stage.workflows.forget([workflow], future - timedelta(days=1))
    assert await stage.workflows.live_digests() == {output.digest}
    await stage.workflows.forget([], future)
    assert await stage.workflows.live_digests() == set()
