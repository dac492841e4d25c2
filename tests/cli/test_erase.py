"""``eopiez erase``: nothing goes without being asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app


def run(home: Path, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["erase", *words], env={"EOPIEZ_HOME": str(home)}, input=answer)


def test_a_project_is_erased_once_that_is_confirmed(tmp_path: Path) -> None:
    shown = run(tmp_path, "project", "default", "--dry-run", "--json")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["workflows"] == []
    refused = run(tmp_path, "project", "default", answer="n\n")
    assert refused.exit_code == 1
    assert "To be erased: 0 workflows" in refused.output
    assert json.loads(run(tmp_path, "list", "--json").stdout) == []
    done = run(tmp_path, "project", "default", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "certificate is in the audit log" in done.stdout
    (listed,) = json.loads(run(tmp_path, "list", "--json").stdout)
    assert (listed["kind"], listed["target"], listed["requested_by"]) == ("project", "default", "command line")
    assert listed["finished_at"] is not None
    assert "0 erasures" in run(tmp_path, "resume").stdout
    assert "project default" in run(tmp_path, "list").stdout


@pytest.mark.parametrize("words", [("project", "nowhere"), ("workflow", "ffff"), ("subject", "ab")])
def test_what_is_not_there_is_named(tmp_path: Path, words: tuple[str, str]) -> None:
    result = run(tmp_path, *words, "--yes")
    assert result.exit_code != 0
    assert words[1] in result.output
