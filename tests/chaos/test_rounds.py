"""Real rounds: real kills, and nothing left afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

COMMAND = [sys.executable, "-c", "from eopiez_ray.cli import main; main()", "chaos"]


def test_promises_are_kept_under_kills_and_nothing_is_left(tmp_path: Path) -> None:
    options = ["--faults", "worker,postgres,orchestrator", "--rounds", "1", "--tasks", "100", "--json"]
    ours = os.environ | {"TMPDIR": str(tmp_path)}
    ran = subprocess.run([*COMMAND, *options], capture_output=True, text=True, check=False, env=ours)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["kept"]
    assert {fault["fault"]: fault["verdict"] for fault in outcome["faults"]} == {
        "worker": "kept",
        "orchestrator": "kept",
        "postgres": "kept",
    }
    assert all(fault["next_worst_s"] is not None for fault in outcome["faults"])
    assert outcome["home"] is None
    assert list(tmp_path.glob("eopiez-chaos-*")) == []
    assert [
        process.cmdline() for process in psutil.process_iter() if str(tmp_path) in " ".join(process.cmdline())
    ] == []
