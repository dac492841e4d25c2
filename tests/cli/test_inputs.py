"""What the command line says of files that are not as they should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.phases.test_archive import block_starts, prose, table_of, write


def eopiez(folder: Path, *arguments: str | bytes) -> tuple[int, str]:
    """Exit code and all output of a real process, which must be UTF-8."""
    command = [sys.executable, "-c", "from eopiez_ray.cli import main; main()", *arguments]
    own = os.environ | {"EOPIEZ_HOME": str(folder / "home"), "COLUMNS": "200"}
    ran = subprocess.run(command, cwd=folder, env=own, capture_output=True, check=False)
    return ran.returncode, (ran.stdout + ran.stderr).decode("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, content in ((b"caf\xe9\x1b[31m.csv", "sep=,\nid,text\n1,one\n\n2\n"), (b"ok.txt", "The harbour.")):
        with open(os.path.join(os.fsencode(tmp_path), b"in", name), "w") as file:  # noqa: PTH118, PTH123
            file.write(content)
    return tmp_path


def test_dry_run_shows_names_escaped_and_counts(folder: Path) -> None:
    code, shown = eopiez(folder, "run", "in", "--dry-run", "-o", "out")
    assert code == 0
    assert "caf\\xe9\\x1b[31m.csv:5: the row has 1 fields" in shown
    assert "Left out: 1 × line above the header, 1 × blank line" in shown
    code, shown = eopiez(folder, "run", f"file://{folder}/in", "--dry-run", "-o", "out", "--json")
    found = json.loads(shown)
    assert (found["documents"], found["left_out"]) == (2, {"line above the header": 1, "blank line": 1})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", b"caf\xe9", "--dry-run"), 65),
        (("run", "", "--dry-run", "-o", "out"), 64),
        (("run", "in", "--encoding", "nonsense", "--dry-run", "-o", "out"), 64),
        (("run", b"in/caf\xe9\x1b[31m.csv", "--dry-run"), 0),
        (("run", b"in/*\xe9*.csv", "--dry-run"), 0),
        (("run", "in", "--dry-run", "-o", b"caf\xe9"), 64),
        (("run", "in", b"--text-column=\xe9"), 64),
        (("run", "in", b"--encoding=\xe9"), 64),
        (("unpack", b"caf\xe9.eopz"), 65),
        (("start", b"caf\xe9.yaml"), 64),
        ((b"caf\xe9",), 2),
    ],
)
def test_name_on_the_command_line_that_is_not_utf8_is_no_unforeseen_error(
    folder: Path, arguments: tuple[str | bytes, ...], code: int
) -> None:
    found, shown = eopiez(folder, *arguments)
    assert found == code, shown
    assert "unexpected" not in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("form", ["jsonl", "parquet", "text"])
def test_unpacking_a_damaged_archive_gives_the_rest_and_exits_with_65(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.eopz"
    write(path, [table_of(prose(300))], block_size=10_000)
    data = bytearray(path.read_bytes())
    data[block_starts(bytes(data))[2] + 100] ^= 0xFF
    path.write_bytes(data)
    code, shown = eopiez(tmp_path, "unpack", "a.eopz", "--format", form, "-o", "out")
    assert code == 65
    assert "1 damaged block(s): 2" in shown
    assert any((tmp_path / "out").iterdir())


def test_boilerplate_is_kept_on_request(tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text("n/a")
    (tmp_path / "letter.txt").write_text("> What is new?\nThe harbour is quiet.\n-- \nAnn Doe\n")
    code, shown = eopiez(tmp_path, "run", "answers.txt", "letter.txt", "--keep-boilerplate", "-o", "out", "--cpus", "1")
    assert code == 0, shown
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert (report["uninformative"]["documents"], report["boilerplate"]["words"]) == (0, 0)
    assert report["ingestion"]["themeless"] == 0
