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

LATE = """
import os, sys
from pathlib import Path
import ray
from eopiez_ray.engine.joining import authenticate

authenticate(Path(sys.argv[1]))
os.environ["RAY_AUTH_MODE"] = "token"  # As Ray does when it starts a cluster.
authenticate(Path(sys.argv[1]))
print("RAY_AUTH_TOKEN_PATH" in os.environ)
"""


def test_a_process_keeps_its_token_though_the_home_in_which_it_lay_is_gone(tmp_path: Path) -> None:
    assert told(TWICE, tmp_path / "first", tmp_path / "second") == ["True", "True", "True", "64"]


def test_who_imports_ray_before_keeps_rays_own_token_for_every_cluster(tmp_path: Path) -> None:
    assert told(LATE, tmp_path) == ["False"]


def told(program: str, *arguments: Path) -> list[str]:
    """The words that a fresh process prints."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout.split()
