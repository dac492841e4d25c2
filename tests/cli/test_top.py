"""``eopiez top``: what its keys do, and what it shows; and ``eopiez performance``."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eopiez_ray.cli import costs as costs_command
from eopiez_ray.cli.app import app
from eopiez_ray.cli.performance import window_of
from eopiez_ray.cli.top_state import Cell, Page, State, Table, nodes, phases, queues
from eopiez_ray.errors import ParameterError

TABLE = Table(
    ("Name", "Tasks"),
    [(Cell("b", "b"), Cell("9", 9)), (Cell("a", "a"), Cell("10", 10)), (Cell("C\x1b[31m", "C"), Cell("", 0))],
)


def pressed(keys: str, state: State | None = None) -> State:
    for key in keys:
        state = (state or State()).pressed(key, len(TABLE.columns))
    return state or State()


def test_keys_turn_pages_sort_and_filter() -> None:
    assert pressed("n").page is Page.NODES
    assert [row[0].shown for row in pressed("s").chosen(TABLE)] == ["a", "b", "C\x1b[31m"]
    assert [row[0].shown for row in pressed("sr").chosen(TABLE)] == ["C\x1b[31m", "b", "a"]
    assert [row[0].value for row in pressed("r").chosen(TABLE)] == ["a", "b", "C"]
    assert [row[0].shown for row in pressed("/A\r").chosen(TABLE)] == ["a"]
    assert pressed("/quit").filter == "quit"
    assert not pressed("/quit").is_over
    assert pressed("/ab\x7f\x1b") == State()
    assert pressed("ss") == State()
    assert pressed("q").is_over


def test_sorting_by_a_column_that_is_gone_uses_the_last_one() -> None:
    assert [row[1].value for row in State(sort=7).chosen(TABLE)] == [10, 9, 0]


def metric(name: str, *samples: tuple[dict[str, str], float]) -> dict[str, Any]:
    return {"name": name, "kind": "gauge", "samples": [{"labels": labels, "value": value} for labels, value in samples]}


def test_queues_say_what_waits_for_what() -> None:
    project = {"project": "p"}
    found = queues([
        metric("eopiez_workflows", (project | {"status": "queued"}, 3), (project | {"status": "running"}, 2)),
        metric("eopiez_queue_age_seconds", (project, 61.0)),
        metric("eopiez_steps_waiting", (project | {"reason": "resources"}, 4), (project | {"reason": "turn"}, 1)),
    ])  # fmt: skip
    shown = dict(zip(found.columns, (cell.shown for cell in found.rows[0]), strict=True))
    assert shown["Project"] == "p"
    assert (shown["Queued"], shown["Running"], shown["Paused"]) == ("3", "2", "")
    assert (shown["Oldest"], shown["Waits for room"]) == ("1 min 01 s", "5")


def test_nodes_say_what_is_used() -> None:
    node = {"node": "a"}
    found = nodes([
        metric("eopiez_node_cpu_ratio", (node, 0.5)),
        metric("eopiez_node_memory_bytes", (node | {"state": "used"}, 2e9), (node | {"state": "available"}, 6e9)),
    ])  # fmt: skip
    assert [cell.shown for cell in found.rows[0]][:4] == ["a", "50%", "2 GB", "6 GB"]


def test_nothing_measured_gives_empty_pages() -> None:
    assert (queues([]).rows, nodes([]).rows, phases([]).rows) == ([], [], [])


@pytest.mark.parametrize(("text", "window"), [("90s", timedelta(seconds=90)), ("4w", timedelta(weeks=4))])
def test_windows_are_read(text: str, window: timedelta) -> None:
    assert window_of(text) == window


@pytest.mark.parametrize("text", ["", "h", "0h", "-1h", "1y", "9999w", "1.5h", "999999d"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="window"):
        window_of(text)


def eopiez(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = os.environ | {"EOPIEZ_HOME": str(home), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "eopiez_ray.cli", "--local", *arguments], env=own, capture_output=True, text=True
    )


def test_commands_answer_on_a_system_where_nothing_was_measured(home: Path) -> None:
    for page in Page:
        shown = eopiez(home, "top", page, "--once")
        assert shown.returncode == 0, shown.stderr
    nothing = eopiez(home, "performance")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "eopiez up" in nothing.stderr
    costs = eopiez(home, "costs", "--by", "plan")
    assert (costs.returncode, costs.stdout) == (0, "")
    assert "eopiez up" in costs.stderr
    assert eopiez(home, "performance", "--window", "1y").returncode == 64
    assert eopiez(home, "performance", "--by", "node", "--by", "step").returncode == 64
    assert "by project alone" in eopiez(home, "performance", "--by", "node", "--by", "step").stderr


def test_top_follows_keys_in_a_terminal_and_leaves_it_as_it_was(home: Path) -> None:
    master, slave = pty.openpty()
    own = os.environ | {"EOPIEZ_HOME": str(home), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "eopiez_ray.cli", "--local", "top", "--every", "0.2"]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=own)
    try:
        read_until(master, "workflows ·")
        os.write(master, b"n")
        read_until(master, "nodes ·")
        os.write(master, b"/ab")
        read_until(master, "filter: ab_")
        os.write(master, b"\rq")
        read_until(master, "\x1b[?1049l")
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def read_until(descriptor: int, wanted: str) -> None:
    seen, deadline = "", time.monotonic() + 120
    while wanted not in seen:
        assert time.monotonic() < deadline, seen[-2000:]
        if select.select([descriptor], [], [], 1.0)[0]:
            seen += os.read(descriptor, 65536).decode(errors="replace")


def test_figures_are_json_for_programs(home: Path) -> None:
    assert json.loads(eopiez(home, "top", "--json").stdout or "null") is None


def test_costs_are_told_apart_by_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    group = {"group": {"owner": "anna"}, "cpu_hours": 12.5, "gpu_hours": 0.0, "memory_gib_hours": 3.0, "cost": 26.5}
    monkeypatch.setattr(costs_command, "open_system", nullcontext)
    monkeypatch.setattr(costs_command, "costs", lambda _system, window, by, project: [group])
    assert CliRunner().invoke(app, ["costs", "--by", "owner", "--json"]).exit_code == 0
    shown = CliRunner().invoke(app, ["costs", "--by", "owner"]).output.split()
    assert shown[:2] == ["Owner", "CPU"]
    assert shown[-5:] == ["anna", "12.5", "0", "3", "26.5"]
