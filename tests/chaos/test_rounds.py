"""Real rounds: real kills, and nothing left afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
from typer.testing import CliRunner

from eopiez_ray.cli import app

from ..waiting import wait_until

COMMAND = [sys.executable, "-c", "from eopiez_ray.cli import main; main()", "chaos", "--tasks", "100", "--rounds", "1"]


def chaos(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The command, with its temporary data home in a folder."""
    # Ray's sockets have short paths only.
    ours = os.environ | {"TMPDIR": str(folder), "RAY_TMPDIR": tempfile.gettempdir()}
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *options], stdout=pipe, stderr=pipe, text=True, env=ours)


def left_in(folder: Path) -> list[str]:
    """Data homes, and processes that were told of the folder."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line] + [str(path) for path in folder.glob("eopiez-chaos-*")]


def test_promises_are_kept_under_kills_and_nothing_is_left(tmp_path: Path) -> None:
    with chaos(tmp_path, "--faults", "worker,postgres,orchestrator", "--json") as running:
        printed, told = running.communicate()
    assert running.returncode == 0, printed + told
    outcome = json.loads(printed)
    assert (outcome["kept"], outcome["home"]) == (True, None)
    verdicts = {fault["fault"]: fault["verdict"] for fault in outcome["faults"]}
    assert verdicts == {"worker": "kept", "orchestrator": "kept", "postgres": "kept"}
    assert all(fault["next_worst_s"] is not None for fault in outcome["faults"])
    assert left_in(tmp_path) == []


def test_workers_go_from_one_dead_orchestrator_to_the_next(tmp_path: Path) -> None:
    with chaos(tmp_path, "--faults", "orchestrator", "--rounds", "2", "--json") as running:
        printed, told = running.communicate()
    assert running.returncode == 0, printed + told
    (fault,) = json.loads(printed)["faults"]
    assert (fault["rounds"], fault["lost"], fault["finished_again"]) == (2, 0, 0)
    assert fault["in_flight_again"] == 0
    assert fault["stall_worst_s"] < 30  # They would hold their CPUs for a minute if they were not found.


def test_an_interruption_shows_the_rounds_so_far_and_leaves_nothing(tmp_path: Path) -> None:
    with chaos(tmp_path, "--faults", "worker", "--rounds", "50", "--json") as running:
        wait_until(lambda: list(tmp_path.glob("eopiez-chaos-*/chaos/worker-1.marks")))
        running.send_signal(signal.SIGINT)
        printed, told = running.communicate()
    assert running.returncode == 130
    assert "interrupted" in told
    outcome = json.loads(printed)
    assert (outcome["kept"], outcome["interrupted"]) == (True, True)
    assert [(fault["fault"], fault["rounds"] >= 1) for fault in outcome["faults"]] == [("worker", True)]
    assert left_in(tmp_path) == []


def test_an_unknown_fault_is_refused() -> None:
    refused = CliRunner().invoke(app, ["chaos", "--faults", "moon"])
    assert refused.exit_code == 64
    assert "there is no fault 'moon'" in refused.output
