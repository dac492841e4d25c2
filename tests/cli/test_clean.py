"""``eopiez clean``: what it takes for a length of time, and a data home without runs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eopiez_ray.cli import app
from eopiez_ray.cli.clean import parse_age
from eopiez_ray.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90min", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2 w", timedelta(weeks=2)),
    ],
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_age(text) == length


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "3 fortnights"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match="such as 30d"):
        parse_age(text)


def test_a_data_home_without_runs_has_nothing_to_forget(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["clean", "--json"], env={"EOPIEZ_HOME": str(tmp_path)})
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"workflows": 0, "artifacts": 0, "bytes": 0, "dry_run": False}
