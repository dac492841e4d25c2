"""A short day of mixed use, as ``make load`` spends it: nothing is lost, done twice or answered wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "load.py"


def test_a_day_goes_by_without_loss_or_error(tmp_path: Path) -> None:
    size = ["--users", "10", "--seconds", "10", "--pause", "0.3", "--projects", "2", "--documents", "60"]
    target = tmp_path / "report.json"
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *size, "--json", str(target)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads(target.read_text())
    work = report["work"]
    assert (report["errors"], work["lost"], work["doubled"], work["wrong"]) == (0, 0, 0, [])
    assert report["kinds"]["reads"]["requests"] > 10
    assert work["accepted"] == sum(work["ended"].values()) > 0
    assert {"API", "Postgres", "orchestrator"} <= report["memory_mib"].keys()
