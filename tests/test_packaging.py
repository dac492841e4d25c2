"""What a user installs holds all that the program needs, and the verbs of the project say the same everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def sources(folder: str) -> set[str]:
    """The files that belong to a folder of the checkout."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT)) for path in paths}


def test_wheel_holds_the_whole_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert sources("eopiez_ray") <= names
    assert {name.partition("/")[0] for name in names} <= {"eopiez_ray", "eopiez_ray-0.1.0.dist-info"}
    assert "eopiez_ray-0.1.0.dist-info/licenses/LICENSE" in names


@pytest.mark.parametrize("ending", [".sql", ".yaml", ".j2", ".css", ".js", "py.typed"])
def test_package_has_data_to_carry(ending: str) -> None:
    assert any(name.endswith(ending) for name in sources("eopiez_ray"))


def test_sdist_holds_what_its_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources("eopiez_ray") | sources("tests") | sources("docs") <= names
    assert {".ci/run", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= names


def test_version_is_said_alike() -> None:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'__version__ = "{said}"' in (ROOT / "eopiez_ray/__init__.py").read_text()
    assert re.search(rf"\b{re.escape(said)}\b", (ROOT / "CHANGELOG.md").read_text())


def test_verbs_check_what_the_pipeline_checks() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    pipeline = [line.removesuffix(" --no-cache") for line in (ROOT / ".ci/run").read_text().splitlines()]
    checks = [line.strip() for line in recipe[1].splitlines()]
    start = pipeline.index(checks[0])
    assert pipeline[start : start + len(checks)] == checks


def test_every_verb_is_there() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"install", "fmt", "check", "test", "bench", "bench-engine"} <= verbs
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"entry: make ([a-z]+)", hooks)) <= verbs
