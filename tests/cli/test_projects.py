"""Projects on the command line: who is asked, where nothing is said, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, Projects, Workflows

from ..store.given import create

PLAN = """
plan: counting
steps:
  numbers: {values: [1, 2, 3]}
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")


def eopiez(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def listed(*arguments: str) -> list[str]:
    return [json.loads(line)["id"] for line in eopiez("list", "--json", *arguments).stdout.splitlines()]


async def test_a_list_is_of_all_projects_or_of_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = str(await create(database, labels={"team": "a"}, owner="anna"))
    assert "Project" not in eopiez("list").stdout
    await Projects(database).create("red")
    theirs = str(await create(database, project="red", labels={"team": "a"}))
    assert listed() == listed("--label", "team=a") == [theirs, mine]
    assert listed("--project", "red") == [theirs]
    assert listed("--owner", "anna", "--name", "plan") == [mine]
    assert "red" in eopiez("list").stdout
    monkeypatch.setenv("EOPIEZ_PROJECT", "default")
    assert listed() == [mine]
    assert "No workflow matches" in eopiez("list", "--project", "blue").stderr


async def test_a_described_request_stays_in_its_project(database: Database) -> None:
    await Projects(database).create("red")
    mine, theirs = await create(database), await create(database, project="red")
    workflows = Workflows(database)
    eopiez("pause", "--all", "--no-wait")
    assert (await workflows.get(theirs)).status is WorkflowStatus.QUEUED
    eopiez("resume", "--all", "--no-wait")
    eopiez("pause", "--all", "--no-wait", "--project", "red")
    assert (await workflows.get(mine)).status is WorkflowStatus.QUEUED
    assert (await workflows.get(theirs)).status is WorkflowStatus.PAUSED
    assert "name workflows by id" in eopiez("pause", "--project", "red", code=2).output


async def test_an_id_is_found_in_any_project_unless_one_is_given(database: Database) -> None:
    await Projects(database).create("red")
    theirs = await create(database, project="red")
    eopiez("pause", str(theirs)[-8:], "--project", "default", code=66)
    eopiez("pause", str(theirs), "--project", "default", code=66)
    eopiez("pause", str(theirs)[-8:])
    assert (await Workflows(database).get(theirs)).status is WorkflowStatus.PAUSED


async def test_a_plan_starts_in_a_project_that_exists(database: Database, tmp_path: Path) -> None:
    await Projects(database).create("red")
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    eopiez("start", str(plan), "--no-wait", "--project", "red")
    (view,) = await Workflows(database).page()
    assert view.project == "red"
    assert "no project 'blue'" in eopiez("start", str(plan), "--no-wait", "--project", "blue", code=66).output
    assert "cannot be called so" in eopiez("start", str(plan), "--no-wait", "--project", "No!", code=64).output


async def test_limits_and_weights_may_be_of_a_project(database: Database) -> None:
    await Projects(database).create("red")
    assert (
        "owner 'anna' of project 'red' may have 4" in eopiez("limit", "owner", "anna", "4", "--project", "red").stdout
    )
    eopiez("limit", "project", "red", "9")
    eopiez("weigh", "anna", "2", "--project", "red")
    eopiez("weigh-project", "red", "3")
    lines = [" ".join(line.split()) for line in eopiez("limits").stdout.splitlines()]
    assert {"owner anna red 0 4 0", "project red 0 9 0", "red 3", "anna red 2"} <= set(lines)
    value = json.loads(eopiez("limits", "--json").stdout)
    assert value["project_weights"] == {"red": 3}
    assert (value["weights"], value["weights_elsewhere"]) == ({}, [{"project": "red", "owner": "anna", "weight": 2}])
    assert "no project 'blue'" in eopiez("weigh-project", "blue", "3", code=66).output
