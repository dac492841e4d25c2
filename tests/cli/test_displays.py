"""Progress for people, logs and machines, and the summary at the end."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eopiez_ray.cli.conclusion import write_quarantine
from eopiez_ray.cli.displays import BarDisplay, JsonDisplay, LineDisplay, Snapshot
from eopiez_ray.cli.progress import PhaseProgress
from eopiez_ray.cli.terminal import out, print_json, results_only
from eopiez_ray.model.status import StepStatus
from eopiez_ray.store import RejectView


def snapshot(status: StepStatus = StepStatus.RUNNING, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {"name": "ingest", "status": status, "done": 3, "known": 12, "is_complete": True}
    values |= {"documents_a_second": 1234.5, "elapsed_s": 4.0, "left_s": 12.0}
    waiting = PhaseProgress("themes", StepStatus.WAITING, 0, 0, False, None, 0.0, None)
    return Snapshot("0198", "running", [PhaseProgress(**(values | changes)), waiting], 2)


def console(*, is_terminal: bool, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=width, color_system=None, highlight=False)


def shown(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_bars_tell_partitions_pace_and_time_left(width: int) -> None:
    screen = console(is_terminal=True, width=width)
    with BarDisplay(screen) as display:
        display.say("Starting Ray …")
        display.show(snapshot())
    last = shown(screen).splitlines()
    line = next(line for line in reversed(last) if "Read" in line)
    assert "3/12 partitions" in line
    assert "1,234 docs/s" in line
    assert "12 s left" in line
    assert any("Themes" in line for line in last)


def test_finished_bar_tells_its_time() -> None:
    screen = console(is_terminal=True)
    with BarDisplay(screen) as display:
        display.show(snapshot(StepStatus.SUCCEEDED, done=12, left_s=None))
    assert "✓ Read" in shown(screen)
    assert "4.0 s" in shown(screen)


def test_lines_come_when_something_changes() -> None:
    screen = console(is_terminal=False)
    with LineDisplay(screen) as display:
        display.say("Starting Ray …")
        for status in (StepStatus.RUNNING, StepStatus.RUNNING, StepStatus.SUCCEEDED):
            display.show(snapshot(status))
    assert shown(screen).splitlines() == [
        "Starting Ray …",
        "Read: running, 3/12 partitions, 1,234 docs/s, 12 s left",
        "Read: succeeded, 3/12 partitions, 1,234 docs/s, 4.0 s",
    ]


def test_events_are_objects_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonDisplay() as display:
        display.say("Starting Ray …")
        display.show(snapshot())
        display.show(snapshot())
        display.show(snapshot(StepStatus.SUCCEEDED))
    taken = capsys.readouterr()
    events = [json.loads(line) for line in taken.err.splitlines()]
    assert [event["event"] for event in events] == ["message", "progress", "progress"]
    assert events[1]["phases"][0]["share"] == 0.25
    assert (events[1]["rejects"], taken.out) == (2, "")


def test_standard_output_is_kept_for_results(capsys: pytest.CaptureFixture[str]) -> None:
    with results_only():
        print("a library's chatter")
        print_json({"result": Path("x")})
        out().print("a summary")
    print("afterwards")
    assert capsys.readouterr().out == '{"result": "x"}\na summary\nafterwards\n'


def test_quarantine_has_a_line_a_row(tmp_path: Path) -> None:
    rows = [RejectView("ingest.read", 0, f"a.csv:{row}", "no text", "…", 1) for row in (2, 5)]
    assert write_quarantine(tmp_path, rows) == Counter({"no text": 2})
    lines = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    assert lines[1] == {"step": "ingest.read", "source": "a.csv:5", "reason": "no text", "sample": "…"}


def test_no_quarantine_without_rejects(tmp_path: Path) -> None:
    assert not write_quarantine(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
