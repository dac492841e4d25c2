"""Retention: each kind of data goes when its time is over, in its project, and nothing else does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from eopiez_ray import Settings
from eopiez_ray.cli import app
from eopiez_ray.engine.retaining import Retainer
from eopiez_ray.errors import ParameterError, ProjectNotFoundError, WorkflowNotFoundError
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.retention import Kept, RetentionRule
from eopiez_ray.store import Projects
from eopiez_ray.store.log_lines import LogLines
from eopiez_ray.store.retention import Retention
from eopiez_ray.store.uploads import Uploads
from tests.encryption.phases_with_payloads import failing, telling
from tests.encryption.test_at_rest import traces

from .conftest import Stage

VALUE = "something kept for a while"


async def ended(stage: Stage, project: str = "default", days: int = 10, **options: Any) -> list[WorkflowId]:
    """Two workflows that ended some days ago."""
    made = [await stage.submit(plan, project=project, **options) for plan in (telling(VALUE), failing(VALUE))]
    for workflow in made:
        await stage.rest(workflow)
    await stage.database.fetch(
        "update workflows set finished_at = now() - make_interval(days => $1) where id = any($2::uuid[])", days, made
    )
    return made


def retainer(stage: Stage, **days: Any) -> Retainer:
    return Retainer(stage.database, stage.artifacts, Settings(home=stage.folder, **days))


async def test_each_kind_goes_when_its_time_is_over(stage: Stage) -> None:
    stage.orchestrate()
    told, failed = await ended(stage)
    await LogLines(stage.database).gather()
    days = {"retain_logs_days": 5, "retain_rejects_days": 11, "retain_errors_days": 5}
    counts = await retainer(stage, **days).apply()
    assert counts == {Kept.LOGS: 1, Kept.REJECTS: 0, Kept.ERRORS: 1, Kept.RESULTS: 0, Kept.UPLOADS: 0}
    assert await stage.workflows.logs(told) == []
    assert set(await traces(stage.database, stage.folder, VALUE)) & {"logs", "log_lines", "attempts", "events"} == set()
    assert len(await stage.workflows.rejects(told)) == 1
    assert {each.error_type for each in await stage.workflows.attempts(failed)} == {"ValueError"}
    error = (await stage.workflows.get(failed)).error
    assert error is not None
    assert (error["error_type"], error["message"]) == ("ValueError", "")
    assert sum((await retainer(stage, **days).apply()).values()) == 0


async def test_whole_workflows_go_with_their_results_code_and_folders(stage: Stage) -> None:
    stage.orchestrate()
    folder = Settings(home=stage.folder).shared_folder / f"results/default/{uuid4()}"
    put(folder / "report.html")
    workflows = await ended(stage, labels={"output": str(folder)})
    await retainer(stage, retain_results_days=5).apply()
    for workflow in workflows:
        with pytest.raises(WorkflowNotFoundError):
            await stage.workflows.get(workflow)
    assert not exists(folder)
    assert [trace for trace in await traces(stage.database, stage.folder, VALUE) if "/" not in trace] == []


async def test_a_rule_of_a_project_goes_before_that_of_the_system(stage: Stage) -> None:
    stage.orchestrate()
    for name in ("blue", "red"):
        await Projects(stage.database).create(name)
    kept = {project: await ended(stage, project) for project in ("default", "blue", "red")}
    await Retention(stage.database).set(RetentionRule("blue", Kept.RESULTS, None))
    await Retention(stage.database).set(RetentionRule("red", Kept.RESULTS, 20))
    await retainer(stage, retain_results_days=5).apply()
    left = {row["id"] for row in await stage.database.fetch("select id from workflows")}
    assert left == {*kept["blue"], *kept["red"]}
    await Retention(stage.database).lift("red", Kept.RESULTS)
    await retainer(stage, retain_results_days=5).apply()
    assert {row["id"] for row in await stage.database.fetch("select id from workflows")} == {*kept["blue"]}


async def test_old_uploads_go_unless_a_workflow_under_way_names_them(stage: Stage) -> None:
    old, young, used = [await _upload(stage, days) for days in (10, 1, 10)]
    await stage.submit(telling(VALUE), owner="anna")
    await stage.database.fetch(
        "update plans set spec = jsonb_set(spec, '{name}', to_jsonb($1::text))", f"reads /uploads/default/{used}/a.txt"
    )
    counts = await retainer(stage, retain_uploads_days=5).apply()
    assert counts[Kept.UPLOADS] == 1
    folder = Settings(home=stage.folder).shared_folder / "uploads/default"
    assert names(folder) == {str(young), str(used)}
    assert old not in {view.id for view in await Uploads(stage.database).page(None, None, 10)}


async def test_rules_that_make_no_sense_are_refused(stage: Stage) -> None:
    retention = Retention(stage.database)
    for days in (-1, math.nan, math.inf):
        with pytest.raises(ParameterError, match="no number of days"):
            await retention.set(RetentionRule("default", Kept.LOGS, days))
    with pytest.raises(ProjectNotFoundError):
        await retention.set(RetentionRule("nowhere", Kept.LOGS, 1))


def test_rules_are_shown_set_and_lifted(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        env = {"EOPIEZ_HOME": str(tmp_path), "EOPIEZ_RETAIN_LOGS_DAYS": "90"}
        result = CliRunner().invoke(app, ["retention", *words], env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "default keeps logs 30 days" in run("set", "default", "logs", "30")
    run("set", "default", "errors", "forever")
    assert '"days": 30.0' in run("show", "--json")
    assert "forever" in run("show")
    assert "the system's rule holds." in run("lift", "default", "logs")
    assert "as before" in run("lift", "default", "logs")


async def _upload(stage: Stage, days: int) -> UUID:
    view = await Uploads(stage.database).create("default", "anna", "a.txt", 1)
    put(Settings(home=stage.folder).shared_folder / f"uploads/default/{view.id}/a.txt")
    await stage.database.fetch(
        "update uploads set created_at = now() - make_interval(days => $1) where id = $2", days, view.id
    )
    return view.id


def put(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("a")


def exists(path: Path) -> bool:
    return path.exists()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
