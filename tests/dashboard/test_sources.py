"""The dashboard's own checks and unit tests, and that its types and pages are those of its sources."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def module(path: str) -> ModuleType:
    """A program of the project as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def npm(*arguments: str) -> None:
    """Run npm in the dashboard's folder; it must be content."""
    command = [sys.executable, str(ROOT / "hatch_build.py"), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    if not (ROOT / "dashboard/node_modules").is_dir():
        npm("ci", "--no-audit", "--no-fund")


def test_pages_are_those_of_the_sources() -> None:
    assert module("hatch_build.py").is_fresh(ROOT), "build them: make dashboard"


def test_units() -> None:
    npm("test")


def test_types_are_those_of_the_api(tmp_path: Path) -> None:
    (tmp_path / "description.json").write_text(module("dashboard/describe.py").described())
    npm("exec", "--", "openapi-typescript", str(tmp_path / "description.json"),
        "--default-non-nullable=false", "--output", str(tmp_path / "schema.d.ts"))  # fmt: skip
    fresh = (tmp_path / "schema.d.ts").read_text()
    assert fresh == (ROOT / "dashboard/src/api/schema.d.ts").read_text(), "make them: make types"
