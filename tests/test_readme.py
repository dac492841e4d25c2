"""Every command and every program of the README, run as a reader would run them.

The installations are what ``.ci/run`` does on a clean machine, so that they are compared here and not repeated.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks, prose
from tests.letters import letters
from tests.waiting import wait_until

README = ROOT / "README.md"
INSTALLATION = "pip install "


def commands(block: Block) -> list[str]:
    """The lines of a shell block that are run here: all but installations and the tests themselves."""
    parts = [part.strip() for line in block.text.splitlines() for part in line.split("&&")]
    return [part for part in parts if not part.startswith(INSTALLATION) and part != "pytest"]


@dataclass
class Reader:
    """Somebody in a folder with letters, who types what the README says."""

    folder: Path
    said: dict[str, str] = field(default_factory=dict)
    """What each command answered."""

    def begin(self, command: str) -> subprocess.Popen[str]:
        """Start a command as a shell does."""
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": programs, "EOPIEZ_HOME": str(self.folder / "home"), "COLUMNS": "160"}
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, name: str = "") -> str:
        """What a command says; it must succeed."""
        process = self.begin(command)
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, f"{command}\n{said}"
        self.said[name or command] = said
        return said

    def workflows(self) -> list[dict[str, str]]:
        """The newest first."""
        return [json.loads(line) for line in self.run("eopiez list --json").splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Everything was typed; whatever went wrong, no system stays behind at the README's port."""
    made = Reader(tmp_path_factory.mktemp("readme"))
    try:
        type_all(made)
        yield made
    finally:
        made.begin("eopiez down").communicate(timeout=120)


def type_all(reader: Reader) -> None:
    """All blocks in order; the second run is the one that is stopped and goes on."""
    write_letters(reader.folder)
    for block in blocks(README):
        if block.language == "python":
            (reader.folder / "own.py").write_text(block.text)
            reader.run(f"{shlex.quote(sys.executable)} own.py", "own.py")
        elif "eopiez pause ID" in block.text:
            stop_and_go_on(reader, commands(block))
        else:
            for command in commands(block):
                reader.run(command)


def write_letters(folder: Path) -> None:
    (folder / "letters").mkdir()
    rows = ["body,date\n"]
    for letter in letters(120):
        if len(rows) <= 60:
            rows.append(f'"{letter.text}",{letter.day}\n')
        else:
            (folder / "letters" / f"{letter.id}.txt").write_text(f"{letter.title}\n\n{letter.text}\n")
    (folder / "reviews.csv").write_text("".join(rows))


def stop_and_go_on(reader: Reader, lines: list[str]) -> None:
    """Play the block on a run that has just begun."""
    before = len(reader.workflows())
    running = reader.begin("eopiez run letters/ --name second")
    wait_until(lambda: len(reader.workflows()) > before, timeout_s=120)
    name = reader.workflows()[0]["id"]
    for line in lines:
        reader.run(line.replace("ID", name), line)
        if "pause" in line:
            reader.said["the run that was paused"] = running.communicate(timeout=120)[0]


def test_demo_ends_with_a_report(reader: Reader) -> None:
    said = reader.said["eopiez demo"]
    assert "2,225 documents" in said
    assert Path(said.rstrip().splitlines()[-1].removeprefix("Report:").strip()).exists()


def test_run_leaves_the_results_that_are_named(reader: Reader) -> None:
    names = {path.name for path in (reader.folder / "results").iterdir()}
    assert names == {"report.html", "report.json", "tables", "collection.eopz"}
    report = json.loads((reader.folder / "results/report.json").read_text())
    assert report["ingestion"]["documents"] == 120


def test_dry_run_starts_nothing(reader: Reader) -> None:
    said = next(said for command, said in reader.said.items() if "--dry-run" in command)
    assert "60" in said
    assert "Starting" not in said


def test_archive_gives_its_documents_back(reader: Reader) -> None:
    assert "intact: 120 documents" in reader.said["eopiez verify results/collection.eopz"]
    assert len((reader.folder / "texts/documents.jsonl").read_text().splitlines()) == 120


def test_search_names_what_is_near(reader: Reader) -> None:
    said = next(said for command, said in reader.said.items() if command.startswith("eopiez search"))
    assert len(re.findall(r"^ +\d +0\.\d\d ", said, re.MULTILINE)) == 3


def test_paused_run_goes_on(reader: Reader) -> None:
    assert "is paused" in reader.said["eopiez pause ID"]
    assert "it was paused; `eopiez resume" in reader.said["the run that was paused"]
    assert "60 documents" in reader.said["eopiez resume ID"]
    assert "succeeded" in reader.said["eopiez show ID"]
    assert reader.workflows()[0]["status"] == "succeeded"


def test_phase_of_your_own_gives_its_results(reader: Reader) -> None:
    counts, table = reader.said["own.py"].split("\n", 1)
    assert "'files': 60" in counts
    assert "word: string" in table


def test_installations_are_those_of_the_pipeline() -> None:
    pipeline = (ROOT / ".ci/run").read_text()
    lines = [line for block in blocks(README) for line in block.text.splitlines() if INSTALLATION in line]
    assert lines == [
        "pip install '.[demo]' && eopiez demo",
        "pip install '.[gateway]' && eopiez up --detach",
        "pip install '.[test]' && pytest",
    ]
    assert f"({lines[2]})" in pipeline
    assert re.search(r"^pip install .*\[demo\]", pipeline, re.MULTILINE)
    assert re.search(r"^pip install .*\[gateway\]", pipeline, re.MULTILINE)


def test_every_block_is_run() -> None:
    assert {block.language for block in blocks(README)} == {"sh", "python"}


def test_commands_named_in_passing_exist() -> None:
    from typer.main import get_command

    from eopiez_ray.cli import app

    known = set(getattr(get_command(app), "commands", {}))
    pages = [README, *(ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`eopiez ([a-z]+)", prose(page))}
    assert named <= known
    assert {"run", "demo", "resume"} <= named


def test_readme_can_be_read_in_one_sitting() -> None:
    assert len(README.read_text().splitlines()) <= 170
