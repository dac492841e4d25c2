"""What is shown fits the terminal, names and numbers stay whole, and no text has power over the terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from eopiez_ray.cli import app
from eopiez_ray.cli.displays import BarDisplay, Snapshot
from eopiez_ray.cli.progress import PhaseProgress
from eopiez_ray.cli.sheet import Sheet, figure, name, word
from eopiez_ray.cli.terminal import Screen, escaped, json_line, log_aloud, one_line
from eopiez_ray.machine import Profile
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.model.requests import Request
from eopiez_ray.model.status import StepStatus
from eopiez_ray.store import Database, Intake, NewWorkflow, PhaseBook, RuleBook, Workflows

from ..machine.plans import codes, plan, step

WIDTHS = [40, 60, 80, 120]
STEPS = ["ingest.read", "ingest.split-into-paragraphs-and-sentences", "motifs.select", "a" * 90]
HOSTILE = "po\x1b[31mi\x07s\x9bon \x1b]0;title\x07 [red]\u202eback"
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)


def shown(*arguments: str, width: int) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return result.stdout


def column(text: str, title: str = "") -> list[str]:
    """The cells of a table's first column, each in one piece again."""
    lines = text.splitlines()
    (rule,) = [at for at, line in enumerate(lines) if line.strip() and set(line.strip()) == {"─"}]
    header, body = lines[rule - 1], lines[rule + 1 :]
    start = header.index(title)
    following = re.search(r"  \S", header[start:])
    end = None if following is None else start + following.start()
    cells: list[str] = []
    for line in body:
        rest = (line[:start] + line[end:]).strip() if end else ""
        if rest or not cells:
            cells.append("")
        cells[-1] += line[start:end].rstrip()
    return cells


async def wide(database: Database) -> WorkflowId:
    """A workflow with names of every length, and with attempts, tasks, rejects, figures."""
    first, *others = STEPS
    steps = [step(first, "source")]
    for each in others:
        steps.append(step(each, "map", steps[-1].name))
    spec = plan(*steps)
    (made,) = await Intake(database).create(NewWorkflow(spec, codes(spec)))
    await database.fetch(
        "insert into steps (workflow_id, position, status, partitions, done, running, rows, rejects, cached, wall_s, "
        "cpu_s) select $1, number, 'running', 2345678, 1234567, 1, 987654321, 12, 345, 25000, 20000 "
        "from generate_series(0, 3) as number",
        made.id,
    )
    await database.fetch(
        "insert into tasks (workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, "
        "cpu_s, worker, is_cached, peak_bytes, inline) select $1, number, 1234567, 'd', 9, 'pickle', 12345, 3, now(), "
        "7.5, 3.25, 'worker-of-a-long-name-1', false, 4000, 'x' from generate_series(0, 3) as number",
        made.id,
    )
    await database.fetch(
        "insert into attempts (workflow_id, step, partition, attempt, outcome, error_type, message, traceback, "
        "worker, started_at) select $1, number, 1234567, 3, 'failed', 'OSError', $2, $2, 'worker-1', now() "
        "from generate_series(0, 3) as number",
        made.id,
        "no luck with " + HOSTILE.replace("\x00", ""),
    )
    return made.id


@pytest.mark.parametrize("width", WIDTHS)
async def test_names_of_steps_are_whole_at_any_width(database: Database, width: int) -> None:
    await wide(database)
    text = shown("show", width=width)
    table = text[text.index("Step") : text.index("\nfailed")]
    assert column(table, "Step") == STEPS
    assert table.count("1,234,567/2,345,678") == len(STEPS)
    assert "…" not in table
    assert max(map(cell_len, table.splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS)
async def test_every_table_fits_and_keeps_its_numbers(database: Database, width: int) -> None:
    workflow = await wide(database)
    await PhaseBook(database).save(
        [Profile("d", "phase-" + "of-long-name-" * 6, "1" * 30, 1234567, 0.5, 0.4, 2 * 10**6)]
    )
    await RuleBook(database).limit(LimitKey(LimitKind.OWNER, "owner-" * 12), 1234567)
    await database.fetch("update workflows set status = 'failed', finished_at = now()")
    tables = {
        ("list",): ["failed", str(workflow)[-8:]],
        ("tasks",): ["aaaaa", "/1234567", "7.5 s"],
        ("tasks", "--failed"): ["/1234567", "failed"],
        ("events",): ["created", "2"],
        ("phases",): ["1,234,567", "0.5 s"],
        ("failures",): [str(workflow)[-8:]],
        ("limits",): ["1,234,567"],
    }
    for arguments, expected in tables.items():
        text = shown(*arguments, width=width)
        assert max(map(cell_len, text.splitlines())) <= width, (arguments, text)
        assert "…" not in text, (arguments, text)
        for part in expected:
            assert part in text, (arguments, part, text)


async def test_wide_output_for_other_programs_is_neither_folded_nor_cut(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wide(database)
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = CliRunner().invoke(app, ["tasks"]).stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [f"{step}/1234567" for step in STEPS]
    assert all("worker-of-a-long-name-1" in line for line in lines[2:])


async def test_no_text_has_power_over_the_terminal(database: Database) -> None:
    workflow = await wide(database)
    await database.fetch("update workflows set name = $1, labels = jsonb_build_object('output', $1::text)", HOSTILE)
    await Workflows(database).pause(workflow, Request(by=HOSTILE, why=HOSTILE))
    await database.fetch(
        "insert into logs (workflow_id, at, step, partition, level, message) values ($1, now(), 0, 0, 'info', $2)",
        workflow,
        HOSTILE,
    )
    for arguments in (["show"], ["list"], ["events"], ["logs"], ["tasks"], ["tasks", "--failed"]):
        text = on_a_terminal(*arguments)
        assert not RAW.search(text), (arguments, text)
        if arguments != ["tasks"]:
            assert r"po\x1b[31mi" in text, (arguments, text)
    (value,) = [json.loads(line) for line in on_a_terminal("list", "--json").splitlines()]
    assert value["name"] == HOSTILE


def on_a_terminal(*arguments: str) -> str:
    """What a real terminal without colours is sent, its own carriage returns left out."""
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "120"}
    command = [sys.executable, "-c", "from eopiez_ray.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=env) as process:
        os.close(theirs)
        sent = b""
        try:
            while chunk := os.read(ours, 65536):
                sent += chunk
        except OSError:  # The terminal is closed with its last writer.
            pass
    os.close(ours)
    assert process.returncode == 0, sent
    return sent.decode().replace("\r\n", "\n")


def test_errors_are_escaped_too(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "missing\x1b[31m\udcff.txt"], env={"COLUMNS": "80"})
    assert result.exit_code == 65
    assert r"missing\x1b[31m\xff.txt" in "".join(result.output.split())


def test_bars_are_escaped_too() -> None:
    screen = Screen(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    phase = PhaseProgress(f"{HOSTILE}", StepStatus.RUNNING, 1, 2, True, None, 1.0, None)
    with BarDisplay(screen) as display:
        display.say(HOSTILE)
        display.show(Snapshot("0198", "running", [phase], 0))
    assert isinstance(screen.file, io.StringIO)
    sent = screen.file.getvalue()
    assert "\x1b[31m" not in sent
    assert r"po\x1b[31mi" in sent


def test_the_log_is_escaped_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log_aloud()
    logging.getLogger("eopiez_ray.tests").warning("it said %s", HOSTILE)
    assert r"it said po\x1b[31mi\x07s\x9bon" in capsys.readouterr().err


@given(st.text())
def test_escaped_text_is_harmless_and_harmless_text_is_unchanged(text: str) -> None:
    assert not RAW.search(escaped(text))
    assert not {"\n", "\t"} & set(one_line(text))
    escaped(text).encode()
    if text.isascii() and text.isprintable():
        assert escaped(text) == text


@given(st.recursive(st.text(), st.lists))
def test_json_for_machines_is_exact_and_can_always_be_written(value: Any) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert not RAW.search(line)
    line.encode()


letters = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs", "Cc"])


@given(st.lists(st.text(letters, max_size=60), min_size=1, max_size=4), st.integers(40, 130))
def test_a_sheet_loses_no_character_of_what_must_stay(names: list[str], width: int) -> None:
    sheet = Sheet(name("Name"), word("Status"), figure("Count"), name("More", 1))
    for each in names:
        sheet.add(each, "quarantined", "1,234,567", "long " * 20)
    screen = Screen(file=io.StringIO(), width=width, color_system=None)
    sheet.print(screen)
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().split("\n")
    assert max(map(cell_len, lines)) <= width
    assert sum(line.count("1,234,567") for line in lines) == len(names)
    column = "".join(first_cells(line, lines[0].index("Status")) for line in lines[2:])
    assert "".join(column.split()) == "".join(one_line("".join(names)).split())


def first_cells(line: str, count: int) -> str:
    """The beginning of a line that takes so many cells of a terminal."""
    return next(line[:end] for end in range(len(line), -1, -1) if cell_len(line[:end]) <= count)
