"""The token by which processes and clusters know each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TWICE = """
import os, shutil, sys
from pathlib import Path
from eopiez_ray.engine.joining import authenticate

first, second = map(Path, sys.argv[1:])
authenticate(first)
token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
before, mode = token.read_text(), token.stat().st_mode & 0o777
authenticate(second)
assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(token)
shutil.rmtree(first)
authenticate(second)
after = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
print(mode == 0o600, after.is_relative_to(second), after.read_text() == before, len(before))
"""


def test_a_process_keeps_its_token_though_the_home_in_which_it_lay_is_gone(tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    homes = [str(tmp_path / name) for name in ("first", "second")]
    told = subprocess.run([sys.executable, "-c", TWICE, *homes], env=own, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "True", "True", "64"]
