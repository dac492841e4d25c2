"""Keys on a real cluster: workers have them, and nobody sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import master


def test_workers_get_keys_that_nobody_sees(tmp_path: Path) -> None:
    environment = os.environ | {"EOPIEZ_ENCRYPTION_KEYS": master("first")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.encryption.keys_in_sight", str(tmp_path)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "is_sealed": True, "text": 2, "environment": False, "processes": False, "files": [],
    }  # fmt: skip
