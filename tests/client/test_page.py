"""The page on the client: its program runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT, blocks

from .serving import Gateway


def test_program_of_the_page_runs(gateway: Gateway, key: str, tmp_path: Path) -> None:
    (program,) = [block.text for block in blocks(ROOT / "docs/client.md") if block.language == "python"]
    own = os.environ | {"EOPIEZ_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    script = tmp_path / "program.py"
    script.write_text(program.replace("URL, KEY", f"{gateway.url!r}, {key!r}"))
    ran = subprocess.run([sys.executable, script], env=own, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "[4, 4]\n['count']\n"), ran.stderr
    assert list(tmp_path.iterdir()) == [script]


def test_connecting_loads_neither_ray_nor_a_database_driver() -> None:
    program = "import sys, eopiez_ray as ez; ez.connect('http://127.0.0.1:9', 'key').close(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ray", "asyncpg", "fastapi", "pyarrow", "numpy", "sklearn"} & {
        name.partition(".")[0] for name in loaded
    }
