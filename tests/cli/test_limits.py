"""Limits, weights and updates by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import eopiez_ray as ez
from eopiez_ray.cli import app
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.store import Database, Intake, NewWorkflow, RuleBook, Workflows

from ..engine import phases_of_tests as phases
from ..store.conftest import drivers
from ..store.given import Drivers

__all__ = ["drivers"]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")


def eopiez(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


async def test_limits_are_set_seen_and_lifted(database: Database, drivers: Drivers) -> None:
    assert "owners share the cluster equally" in eopiez("limits").stderr
    assert "may have 4 concurrent calls" in eopiez("limit", "owner", "anna", "4").stdout
    eopiez("limit", "label", "team=red", "0")
    assert "has a weight of 2.5" in eopiez("weigh", "ben", "2.5").stdout
    driver = await drivers.start()
    await RuleBook(database).permits(driver.id, {LimitKey(LimitKind.OWNER, "anna"): (2, 3)}, lambda *_: 2)
    lines = [" ".join(line.split()) for line in eopiez("limits").stdout.splitlines()]
    assert "owner anna 2 4 3" in lines
    assert "label team=red 0 0 0" in lines
    assert "ben 2.5" in lines
    value = json.loads(eopiez("limits", "--json").stdout)
    assert value["limits"][1] == {
        "kind": "owner",
        "name": "anna",
        "project": None,
        "maximum": 4,
        "held": 2,
        "wanted": 3,
    }
    assert value["weights"] == {"ben": 2.5}
    assert "is no longer limited" in eopiez("limit", "owner", "anna", "none").stdout
    assert [each["name"] for each in json.loads(eopiez("limits", "--json").stdout)["limits"]] == ["team=red"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("limit", "owner", "anna", "many"), 64, "none to lift the limit"),
        (("limit", "label", "team", "1"), 64, "named key=value"),
        (("limit", "host", "a", "1"), 2, "owner"),
        (("weigh", "anna", "0"), 64, "from 0.001"),
        (("update", "ab", "--set", "a=1"), 64, "with --step"),
        (("update", "ab", "--step", "a"), 64, "say what to change in step 'a'"),
        (("update", "ab"), 64, "say what to change"),
        (("update", "ab", "--step", "a", "--set", "a"), 64, "such as lower=false"),
        (("update", "ab", "--step", "a", "--memory", "lots"), 64, "4GiB"),
        (("update", "ab", "--label", "spool=/etc/passwd"), 64, "reserved for the pipeline"),
        (("update", "ab", "--priority", "1"), 66, "there is no workflow"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    assert sentence in " ".join(eopiez(*arguments, code=code).output.split())


async def counting(database: Database) -> str:
    """The id of a workflow that waits in the queue."""
    plan = ez.Plan("counting")
    plan.tune(plan.step("count", phases.count_to, n=3), resources=ez.Resources(cpu=2, custom={"license": 1}))
    (created,) = await Intake(database).create(NewWorkflow(plan.spec(), plan.code()))
    return str(created.id)


async def test_an_update_changes_what_it_names_and_leaves_the_rest(database: Database) -> None:
    name = await counting(database)
    said = eopiez(
        "update", name, "--step", "count", "--set", "n=5", "--memory", "4GiB", "--gpu", "0.5", "--attempts", "7",
        "--timeout", "60", "--step-timeout", "600", "--wait-timeout", "30", "--max-rejects", "0.1",
        "--priority", "3", "--label", "team=red", "--by", "anna", "--why", "more", "--json",
    )  # fmt: skip
    assert json.loads(said.stdout) == {
        "workflow": name, "status": "queued", "plan_version": 2, "priority": 3, "labels": {"team": "red"},
    }  # fmt: skip
    (step,) = (await Workflows(database).get((await Workflows(database).page())[0].id)).plan.steps
    assert step.parameters == {"n": 5}
    wanted = ez.Resources(cpu=2, gpu=0.5, memory_bytes=4 * 2**30, custom={"license": 1})
    policy = step.policy
    assert (policy.resources, policy.retry.maximum_attempts) == (wanted, 7)
    assert (policy.timeout_s, policy.step_timeout_s, policy.wait_timeout_s, policy.max_rejects) == (60, 600, 30, 0.1)
    events = [json.loads(line) for line in eopiez("events", name, "--json").stdout.splitlines()]
    asked: dict[str, Any] = next(event["data"] for event in events if event["kind"] == "update_requested")
    assert (asked["by"], asked["why"]) == ("anna", "more")
    assert "its plan is now version 3" in eopiez("update", name, "-s", "count", "--set", "n=6").stdout


async def test_a_phase_refuses_a_parameter_that_it_does_not_have(database: Database) -> None:
    name = await counting(database)
    assert "no parameter 'm'" in eopiez("update", name, "--step", "count", "--set", "m=5", code=64).output
    assert "did you mean 'count'" in eopiez("update", name, "--step", "coun", "--cpu", "1", code=64).output
    assert "plan version" not in eopiez("show", name).stdout
