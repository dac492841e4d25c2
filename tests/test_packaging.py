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


def test_wheel_holds_the_dashboard(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        page = archive.read("eopiez_ray/gateway/pages/index.html").decode()
        names = set(archive.namelist())
    assets = re.findall(r"assets/[\w.-]+", page)
    assert assets
    assert {f"eopiez_ray/gateway/pages/{asset}" for asset in assets} <= names


def test_sdist_holds_what_its_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources("eopiez_ray") | sources("tests") | sources("docs") <= names
    assert {
        ".ci/run",
        "Makefile",
        "hatch_build.py",
        "dashboard/package-lock.json",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "pyproject.toml",
    } <= names


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the client's own distribution installs."""
    folder = tmp_path_factory.mktemp("client")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(ROOT / "client"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


CLIENT_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import eopiez_ray as ez
assert ez.__file__.startswith(sys.argv[1]), ez.__file__
plan = ez.Plan("count")
plan.step("length", lambda word: len(word), plan.values("words", ["a"]))
with ez.connect("http://127.0.0.1:9", "key") as system:
    assert system.url and plan.spec() and plan.code()
import eopiez_ray.cli, eopiez_ray.client.results, eopiez_ray.authoring.encoding
from importlib.util import find_spec
assert not any(map(find_spec, ("eopiez_ray.engine", "eopiez_ray.store", "eopiez_ray.gateway", "eopiez_ray.phases")))
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_client_alone_builds_plans_and_connects(client: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", CLIENT_PROGRAM, client], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not {"ray", "asyncpg", "fastapi", "scipy", "sklearn"} & set(ran.stdout.split())


def test_client_says_what_needs_more_than_the_client(client: Path, tmp_path: Path) -> None:
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from eopiez_ray.cli import main; main()"
    command = [sys.executable, "-c", program, str(client), "--local", "list"]
    ran = subprocess.run(command, env={"EOPIEZ_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ran.returncode == 70
    assert "only the client is installed here" in ran.stderr


def test_version_is_said_alike() -> None:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]["version"] == said
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
