"""``eopiez backup``: what it prints, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.cli.backup import parse_moment
from eopiez_ray.errors import ParameterError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "EOPIEZ_HOME": str(tmp_path / "home"),
        "EOPIEZ_BACKUP_URL": str(tmp_path / "repository"),
        "EOPIEZ_BACKUP_KEY_FILE": str(tmp_path / "backup.key"),
        "COLUMNS": "120",
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["backup", *arguments], env=environment)


def test_backups_from_the_first_to_the_last(environment: dict[str, str], tmp_path: Path) -> None:
    first = run(environment, "create")
    assert first.exit_code == 0, first.output
    assert "Made backup" in first.stdout
    assert f"Its key is {tmp_path / 'backup.key'}. Keep a copy elsewhere" in first.stderr
    second = run(environment, "create", "--json")
    made = json.loads(second.stdout)
    assert (made["database"], made["parent"] is None) == ("increment", False)
    assert "Its key" not in second.stderr
    full = json.loads(run(environment, "create", "--full", "--json").stdout)
    assert (full["database"], full["parent"]) == ("base", None)

    listed = run(environment, "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()[2:]] == [made["parent"], made["id"], full["id"]]
    assert run(environment, "key").stdout.strip() == (tmp_path / "backup.key").read_text().strip()
    verified = run(environment, "verify", made["id"], "--scratch", str(tmp_path))
    assert verified.exit_code == 0, verified.output
    assert f"Backup {made['id']} is whole: 0 workflows" in verified.stdout.replace("\n", " ")

    environment |= {
        "EOPIEZ_BACKUP_KEEP_LAST": "1", "EOPIEZ_BACKUP_KEEP_DAYS": "0", "EOPIEZ_BACKUP_KEEP_WEEKS": "0",
        "EOPIEZ_BACKUP_KEEP_MONTHS": "0",
    }  # fmt: skip
    assert "Would delete 2 backups" in run(environment, "prune", "--dry-run").stdout
    assert "Deleted 2 backups" in run(environment, "prune").stdout
    back = run(environment | {"EOPIEZ_HOME": str(tmp_path / "other")}, "restore", full["id"])
    assert back.exit_code == 0, back.output
    assert back.stdout.startswith(f"Restored backup {full['id']}: 0 workflows")


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (["list"], "`eopiez backup create` makes the first", 74),
        (["create", "--to", "nonsense://bucket"], "neither a folder nor a store", 74),
        (["restore", "some", "--at", "2026-11-30T14:05:00Z"], "not both", 64),
        (["restore", "--at", "yesterday"], "--at 'yesterday' is not a moment", 64),
    ],
)
def test_what_is_wrong_is_said(environment: dict[str, str], arguments: list[str], told: str, code: int) -> None:
    if arguments[0] == "restore":
        assert run(environment, "create").exit_code == 0
    else:
        Path(environment["EOPIEZ_BACKUP_KEY_FILE"]).write_text("eopiez-backup-key-1:" + "A" * 43 + "=")
    ended = run(environment | {"EOPIEZ_HOME": environment["EOPIEZ_HOME"] + "-other"}, *arguments)
    assert ended.exit_code == code, ended.output
    assert told in ended.stderr.replace("\n", " ")


def test_without_a_place_or_a_key_it_says_how_to_name_them(environment: dict[str, str]) -> None:
    nowhere = run({**environment, "EOPIEZ_BACKUP_URL": ""}, "list")
    assert (nowhere.exit_code, "EOPIEZ_BACKUP_URL" in nowhere.stderr) == (74, True)
    for command in ("list", "key"):
        keyless = run(environment, command)
        assert (keyless.exit_code, "EOPIEZ_BACKUP_KEY_FILE" in keyless.stderr) == (78, True)
    made = run(environment, "key", "--new").stdout
    assert made == run(environment, "key").stdout == run(environment, "key", "--new").stdout


def test_a_moment_has_a_zone_or_is_in_this_machines() -> None:
    assert parse_moment("2026-11-30T14:05:00+02:00") == datetime(2026, 11, 30, 12, 5, tzinfo=UTC)
    assert parse_moment("2026-11-30") == datetime(2026, 11, 30).astimezone(UTC)
    with pytest.raises(ParameterError):
        parse_moment("0001-01-01T00:00:00+23:00")
