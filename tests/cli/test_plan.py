"""Plans in YAML and JSON by the command line: looked at, refused, started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.authoring.plans.models import plan_schema
from eopiez_ray.cli import app

PHASES = '''\
import eopiez_ray as ez


@ez.phase(name="cli.halve", version="3", retry=ez.RetryPolicy(maximum_attempts=1))
def halve(number: int, *, strict: bool = False) -> float:
    """Half of a number."""
    if strict and number % 2:
        raise ValueError(f"{number} is odd")
    return number / 2


@ez.phase(name="cli.total", kind="reduce")
def total(halves: ez.Partitions[float]) -> list[float]:
    return [sum(halves)]
'''
PLAN = """\
plan: halves
import: [./phases.py]
labels: {team: research, year: '2024'}
steps:
  numbers: {values: [1, 2, 3]}
  halve: {phase: cli.halve, inputs: numbers}
  total: {phase: cli.total, inputs: halve}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a plan and its phases."""
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phases.py").write_text(PHASES)
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "strict.yaml").write_text(
        PLAN.replace("inputs: numbers", "inputs: numbers, parameters: {strict: true}")
    )
    return tmp_path


def eopiez(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


def program(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the real program says on standard output and on standard error."""
    command = [sys.executable, "-c", "from eopiez_ray.cli import main; main()", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"})
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout, ran.stderr


@pytest.mark.parametrize("command", ["check", "schema", "phases"])
def test_every_command_has_help(command: str) -> None:
    assert eopiez("plan", command, "--help").exit_code == 0


def test_check_says_what_a_plan_is() -> None:
    result = eopiez("plan", "check", "plan.yaml")
    assert result.exit_code == 0
    assert result.output.startswith("Right: plan halves, 3 steps, digest ")
    assert [line.split()[:4] for line in result.output.splitlines()[3:6]] == [
        ["numbers", "values", "1", "values"],
        ["halve", "cli.halve", "3", "map"],
        ["total", "cli.total", "1", "reduce"],
    ]


def test_check_for_machines(folder: Path) -> None:
    value = json.loads(eopiez("plan", "check", "plan.yaml", "--json").output)
    assert (value["plan"], value["labels"]) == ("halves", {"team": "research", "year": "2024"})
    assert value["steps"][1]["inputs"] == ["numbers"]
    given = json.loads(eopiez("plan", "check", "-", "--json", given=PLAN).output)
    assert given == value


def test_schema_is_printed_whole() -> None:
    assert json.loads(eopiez("plan", "schema").output) == plan_schema()


def test_phases_are_listed_with_what_they_take() -> None:
    rows = [json.loads(line) for line in eopiez("plan", "phases", "plan.yaml", "--json").output.splitlines()]
    halve = next(row for row in rows if row["name"] == "cli.halve")
    assert (halve["kind"], halve["version"], halve["description"]) == ("map", "3", "Half of a number.")
    assert halve["parameters"] == [
        {"name": "number", "type": "int", "may_be_input": True, "required": True},
        {"name": "strict", "type": "bool", "may_be_input": False, "required": False, "default": False},
    ]
    assert "ingest_read" in {row["name"] for row in rows}
    shown = " ".join(eopiez("plan", "phases", "--import", "./phases.py").output.split())
    assert "cli.halve map 3 number: int, *, strict: bool = False" in shown


def test_refusals_are_sentences_with_places(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(PLAN.replace("inputs: halve", "input: halve"))
    (folder / "kept.yaml").write_text(PLAN.replace("team:", "spool:"))
    refusals: list[tuple[tuple[str, ...], int, str]] = [
        (("plan", "check", "none.yaml"), 64, "none.yaml: it cannot be read: No such file"),
        (("plan", "check", "wrong.yaml"), 64, "wrong.yaml:7:29: steps.total.input: unknown key 'input'; did you mean"),
        (("plan", "phases", "--import", "nowhere"), 64, "there is no module 'nowhere'"),
        (("start", "wrong.yaml"), 64, "did you mean 'inputs'?"),
        (("start", "plan.yaml", "--result", "totl"), 64, "not a step of the plan; did you mean 'total'?"),
        (("start", "plan.yaml", "--label", "team"), 64, "give a name and a value"),
        (("start", "plan.yaml", "--label", "output=x"), 64, "label 'output' is reserved for the pipeline"),
        (("start", "kept.yaml"), 64, "label 'spool' is reserved for the pipeline"),
        (("start", "plan.yaml", "--priority", "40000"), 2, "--priority"),
    ]
    for arguments, code, sentence in refusals:
        result = eopiez(*arguments)
        assert (result.exit_code, sentence in " ".join(result.output.split())) == (code, True), result.output
    assert eopiez("plan", "check", "-", given="").exit_code == 64
    assert "standard input:1:2: " in eopiez("plan", "check", "-", given="{").output
    assert not (folder / "home").exists()


def test_started_plan_is_kept_and_found_by_its_key() -> None:
    said = json.loads(program("start", "plan.yaml", "--no-wait", "--json", "--idempotency-key", "k")[0])
    assert said["status"] == "queued"
    listed = json.loads(program("list", "--json")[0])
    assert (listed["labels"], listed["priority"], listed["owner"]) == ({"team": "research", "year": "2024"}, 0, "")

    out, err = program("start", "plan.yaml", "--idempotency-key", "k", "--json", "-r", "total", "-r", "halve")
    results = {"total": [3.0], "halve": [0.5, 1.0, 1.5]}
    assert json.loads(out) == {"workflow": said["workflow"], "status": "succeeded", "results": results}
    assert json.loads(err.splitlines()[-1])["status"] == "succeeded"

    out, err = program("start", "plan.yaml", "--idempotency-key", "k", "--result", "total", "--result", "halve")
    assert out.splitlines() == ["[3.0]", "0.5", "1.0", "1.5"]
    assert "Starting Ray" not in err
    assert "another plan" in program("start", "strict.yaml", "--idempotency-key", "k", code=1)[1]


def test_options_win_over_the_plan_and_failures_over_success() -> None:
    options = ("--owner", "ada", "--priority", "7", "--label", "team=x=y", "--label", "step=2")
    said = program("start", "strict.yaml", *options, "--result", "total", code=1)
    assert said[0] == ""
    assert "1 is odd" in said[1] or "3 is odd" in said[1], "whichever of the two workers was quicker"
    listed = json.loads(program("list", "--json")[0])
    assert listed["labels"] == {"team": "x=y", "year": "2024", "step": "2"}
    assert (listed["owner"], listed["priority"], listed["status"]) == ("ada", 7, "failed")
