"""``eopiez export`` and ``eopiez import``, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from eopiez_ray.cli import app


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words], env={"EOPIEZ_HOME": str(home)})


def test_a_project_goes_into_a_file_and_comes_back(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "all.tar"
    refused = run(home, "export", "--project", "default")
    assert refused.exit_code != 0
    assert "-o FILE" in refused.output
    assert "not both" in run(home, "export", "-o", str(file)).output
    done = run(home, "export", "--project", "default", "-o", str(file), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["workflows"] == 0
    assert file.stat().st_mode & 0o077 == 0
    piped = run(home, "export", "--project", "default", "-o", "-", "--json")
    assert json.loads(piped.stderr)["file"] == "-"
    assert piped.stdout_bytes.startswith(b"manifest.json\0")
    back = run(home, "import", str(file), "--json")
    assert back.exit_code == 0, back.output
    assert json.loads(back.stdout)["workflows"] == 0
    file.write_bytes(file.read_bytes()[:700])
    damaged = run(home, "import", str(file))
    assert damaged.exit_code == 65
    assert "nothing was imported" in damaged.output
    failed = run(home, "export", "ffff", "-o", str(tmp_path / "none.tar"))
    assert failed.exit_code != 0
    assert {path.name for path in tmp_path.iterdir()} == {"home", "all.tar"}
