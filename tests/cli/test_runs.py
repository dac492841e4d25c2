"""Whole runs by the real program: two at once, one interrupted and resumed, everything else from other terminals.

Ray is heavy: one scene is played for all tests here, with three clusters in all.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

TOPICS = {
    "harbour": "harbour cargo crane vessel quay pilot tide anchor freight dock container tug",
    "orchard": "orchard cider apple graft blossom pear harvest pruning rootstock press barrel juice",
    "glacier": "glacier moraine ice melt crevasse summit snowfall ridge valley avalanche rope alpine",
    "concert": "concert violin quartet bow rosin overture conductor cello applause rehearsal score hall",
}
GLUE = ("the", "a", "of", "and", "to", "in", "was", "with", "for", "on", "that", "it", "by", "from", "they", "were")


def letter(random_: random.Random, topic: str, words: int) -> str:
    own = TOPICS[topic].split()
    return " ".join(random_.choice(own if random_.random() < 0.45 else GLUE) for _ in range(words)) + "."


def write_collection(folder: Path) -> None:
    """160 letters in four forms; two of them equal, one empty, three rows broken."""
    random_ = random.Random(3)
    rows = [
        {"id": f"{topic}-{number}", "body": letter(random_, topic, 90), "posted": f"2024-{1 + number % 12:02}-10"}
        for number in range(38)
        for topic in TOPICS
    ]
    rows[7]["body"] = rows[3]["body"]
    rows[11]["body"] = ""
    lines = [json.dumps(row) for row in rows[:100]]
    lines[50:50] = ["{broken", "[1, 2]", '{"id": "no-text"']
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    csv = "id,body,posted\n" + "".join(f'{row["id"]},"{row["body"]}",{row["posted"]}\n' for row in rows[100:])
    (folder / "b.csv.zst").write_bytes(zstandard.compress(csv.encode()))
    for number, topic in enumerate([*TOPICS] * 2):
        (folder / f"{number}.txt").write_text(letter(random_, topic, 120))


def write_stream(path: Path, documents: int = 9_000) -> None:
    random_ = random.Random(4)
    with path.open("w") as file:
        for number in range(documents):
            file.write(json.dumps({"id": f"s{number}", "text": letter(random_, random_.choice([*TOPICS]), 170)}) + "\n")


@dataclass
class Terminal:
    """The program with one data home."""

    home: Path
    folder: Path

    def start(self, *arguments: str | Path, stdin: Path | None = None) -> subprocess.Popen[str]:
        """Begin a command in a process group of its own, as a terminal does."""
        with (stdin or Path(os.devnull)).open() as given:
            return subprocess.Popen(
                [sys.executable, "-c", "from eopiez_ray.cli import main; main()", *map(str, arguments)],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.folder,
                env=os.environ | {"EOPIEZ_HOME": str(self.home), "COLUMNS": "200"},
                start_new_session=True,
            )

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """The output of a command that ends with the given code."""
        process = self.start(*arguments)
        shown = process.communicate(timeout=120)[0]
        assert process.returncode == code, shown
        assert "Traceback" not in shown
        return shown


def until(process: subprocess.Popen[str], text: str) -> str:
    """Read what a process says until it says ``text``."""
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if text in line:
            return shown
    raise AssertionError(f"it ended without saying {text!r}: {shown}")


@dataclass
class Scene:
    """What happened."""

    terminal: Terminal
    output: Path
    result: dict[str, Any]
    """Of the run of the collection."""
    events: list[dict[str, Any]]
    stream: str
    """Id of the run that was interrupted."""
    interrupted: tuple[int, str]
    during: str
    """What ``show`` said of it meanwhile."""
    paused: str
    """What ``list`` said of it then."""
    resumed: tuple[int, str]
    followed: tuple[int, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("runs")
    terminal = Terminal(folder / "home", folder)
    collection, stream, output = folder / "letters", folder / "stream.jsonl", folder / "out"
    collection.mkdir()
    write_collection(collection)
    write_stream(stream)

    first = terminal.start("run", "-", "--name", "stream", "--provider", "static", stdin=stream)
    said = until(first, "Read: running")
    during = terminal.run("show")
    second = terminal.start("run", collection, "--output", output, "--json")
    lines = until(second, "Another run is in progress").splitlines()
    os.killpg(first.pid, signal.SIGINT)
    interrupted = said + first.communicate(timeout=120)[0]
    lines += second.communicate(timeout=120)[0].splitlines()
    paused = terminal.run("list")
    name = during.split()[1][-8:]

    third = terminal.start("resume", name)
    said = until(third, "Read: ")
    follower = terminal.start("resume", name)
    resumed = said + third.communicate(timeout=180)[0]
    followed = follower.communicate(timeout=120)[0]
    events = [json.loads(line) for line in lines if line.startswith("{")]
    yield Scene(
        terminal,
        output,
        events.pop(),
        events,
        name,
        (first.returncode, interrupted),
        during,
        paused,
        (third.returncode, resumed),
        (follower.returncode, followed),
    )
    assert not (terminal.home / "postgres/data/postmaster.pid").exists()


def test_run_leaves_its_results(scene: Scene) -> None:
    assert scene.result["status"] == "succeeded"
    assert scene.result["output"] == str(scene.output)
    names = {path.name for path in scene.output.iterdir()}
    assert names == {"report.html", "report.json", "tables", "collection.eopz", "quarantine.jsonl"}
    assert pq.read_metadata(scene.output / "tables/documents.parquet").num_rows == 160
    assert {path.stem for path in (scene.output / "tables").iterdir()} == {
        "documents", "copies", "facets", "motifs", "occurrences", "vectors", "assignments", "themes",
    }  # fmt: skip


def test_oddities_are_counted(scene: Scene) -> None:
    ingestion = scene.result["ingestion"]
    assert (ingestion["documents"], ingestion["duplicates"], ingestion["empty"]) == (160, 1, 1)
    rows = [json.loads(line) for line in (scene.output / "quarantine.jsonl").read_text().splitlines()]
    assert ingestion["rejects"] == len(rows) == 3
    assert {row["source"] for row in rows} == {f"a.jsonl.gz:{line}" for line in (51, 52, 53)}
    assert all(row["reason"] for row in rows)


def test_events_for_machines_are_lines_of_json(scene: Scene) -> None:
    assert {event["event"] for event in scene.events} == {"message", "progress"}
    last = [event for event in scene.events if event["event"] == "progress"][-1]
    assert last["status"] == "succeeded"
    assert all(phase["share"] == 1 for phase in last["phases"])


def test_two_runs_share_a_data_home(scene: Scene) -> None:
    messages = [event["message"] for event in scene.events if event["event"] == "message"]
    assert any(f"Another run is in progress on this machine ({scene.stream})" in message for message in messages)


def test_other_terminals_see_a_run_at_work(scene: Scene) -> None:
    assert "running" in scene.during
    assert "ingest.read" in scene.during
    assert f"eopiez pause {scene.stream}" in scene.during


def test_interrupt_drains_and_names_the_command_that_goes_on(scene: Scene) -> None:
    code, said = scene.interrupted
    assert code == 130
    assert "Starting Ray" in said
    assert f"eopiez resume {scene.stream}" in said
    assert "Traceback" not in said
    line = next(line for line in scene.paused.splitlines() if scene.stream in line)
    assert "paused" in line


def test_resumed_run_ends_as_if_nothing_had_been(scene: Scene) -> None:
    code, said = scene.resumed
    assert code == 0, said
    assert "9,000 documents" in said
    assert said.rstrip().endswith("report.html")
    steps = json.loads(scene.terminal.run("show", scene.stream, "--json"))["steps"]
    assert {step["status"] for step in steps} == {"succeeded"}


def test_second_terminal_only_follows(scene: Scene) -> None:
    code, said = scene.followed
    assert code == 0, said
    assert "Starting Ray" not in said
    assert "9,000 documents" in said


def test_spooled_input_is_dropped_after_success(scene: Scene) -> None:
    assert list((scene.terminal.home / "spool").iterdir()) == []


def test_list_names_all_runs(scene: Scene) -> None:
    rows = [json.loads(line) for line in scene.terminal.run("list", "--json").splitlines()]
    assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
    assert {row["name"] for row in rows} == {"stream", "letters"}


def test_search_finds_what_is_near(scene: Scene) -> None:
    shown = scene.terminal.run("search", "ice and avalanche", "-w", scene.result["workflow"], "-n", "5", "--json")
    hits = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    assert len(hits) == 5
    assert [hit["similarity"] for hit in hits] == sorted((hit["similarity"] for hit in hits), reverse=True)
    assert all("glacier" in hit["document_id"] or "txt" in hit["document_id"] for hit in hits)
    assert "s" in scene.terminal.run("search", "cider press", "-n", "1")


def test_search_for_unknown_words_says_so(scene: Scene) -> None:
    assert "none of the query's words occurs" in scene.terminal.run("search", "qqqq zzzz", "-w", scene.stream)


def test_archive_holds_every_document(scene: Scene, tmp_path: Path) -> None:
    archive = scene.output / "collection.eopz"
    assert "intact: 160 documents" in scene.terminal.run("verify", archive)
    scene.terminal.run("unpack", archive, "-o", tmp_path / "texts")
    assert len((tmp_path / "texts/documents.jsonl").read_text().splitlines()) == 160


def test_finished_run_refuses_what_makes_no_sense(scene: Scene) -> None:
    terminal, name = scene.terminal, scene.stream
    assert "it is succeeded" in terminal.run("pause", name, code=1)
    assert "it is succeeded" in terminal.run("cancel", name, code=1)
    assert "only failed, quarantined or cancelled workflows can be retried" in terminal.run("retry", name, code=1)
    assert "already succeeded" in terminal.run("resume", name)
    assert "there is no workflow" in terminal.run("show", "ffffffff", code=66)


def test_logs_can_be_read(scene: Scene) -> None:
    scene.terminal.run("logs", scene.stream, "--follow")
