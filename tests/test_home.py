"""The data home is its owner's alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eopiez_ray.errors import ParameterError
from eopiez_ray.home import make_file, make_folder, open_home

RUN = """
import os, sys
import numpy
import eopiez_ray as ez
from eopiez_ray.cli import main

os.umask(int(sys.argv[1], 8))

@ez.phase(kind="map")
def widen(value: int) -> object:
    print("widening", value)
    return numpy.arange(100_000) + value

plan = ez.Plan("wide")
plan.step("widen", widen, plan.values("v", range(3)))
with ez.local(cpus=1) as local:
    local.start(plan).wait()
sys.argv[1:] = ["list"]
main()
"""


def own_environment(home: Path, **more: str) -> dict[str, str]:
    """That of this process, without what other tests have told Ray."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "EOPIEZ_HOME": str(home), "COLUMNS": "80",
    } | more  # fmt: skip


def modes(home: Path) -> dict[str, str]:
    """What is in a data home, itself too, that is not as it should be."""
    found = {}
    for path in (home, *home.rglob("*")):
        mode = path.lstat().st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if stat.S_IMODE(mode) != wanted and not stat.S_ISSOCK(mode):
            found[str(path.relative_to(home))] = stat.filemode(mode)
        if stat.S_ISSOCK(mode) and mode & 0o077:
            found[str(path.relative_to(home))] = stat.filemode(mode)
    return found


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", ["000", "022"])
def test_a_run_leaves_nothing_that_others_can_read(home: Path, mask: str) -> None:
    own = own_environment(home)
    ran = subprocess.run([sys.executable, "-c", RUN, mask], env=own, capture_output=True, text=True, check=False)
    assert "succeeded" in ran.stdout, ran.stderr
    assert {path.name for path in home.iterdir()} >= {"artifacts", "logs", "postgres", "ray.token"}
    assert len(list((home / "artifacts").glob("*/*"))) == 3
    assert modes(home) == {}


def test_standard_input_is_kept_for_its_owner_alone(home: Path) -> None:
    program = "import sys, os; os.umask(0); from eopiez_ray.cli import main; main()"
    own = own_environment(home, EOPIEZ_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    command = [sys.executable, "-c", program, "run", "-"]
    ran = subprocess.run(command, input="a text", env=own, cwd=home.parent, capture_output=True, text=True, check=False)
    assert ran.returncode == 69, ran.stderr
    assert [path.read_text() for path in (home / "spool").glob("*/stdin")] == ["a text"]
    assert modes(home) == {}


def test_a_home_of_before_is_closed_when_it_is_opened(home: Path) -> None:
    with umask(0):
        for folder in ("artifacts/0a", "artifacts/0b", "logs", "postgres/data", "spool/x/y"):
            (home / folder).mkdir(parents=True)
            (home / folder / "file").write_text("secret")
        (home / "ray.token").write_text("secret")
    (home / "postgres/data").chmod(0o700)
    assert len(modes(home)) > 10
    open_home(home)
    assert modes(home) == {}
    assert (home / "spool/x/y/file").read_text() == "secret"


def test_what_a_link_leads_to_is_left_alone(home: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "file").touch(0o644)
    home.mkdir(0o755)
    (home / "artifacts").symlink_to(shared)
    (home / "gone").symlink_to(tmp_path / "nowhere")
    open_home(home)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o277])
def test_the_umask_does_not_matter(home: Path, mask: int) -> None:
    with umask(mask):
        make_file(make_folder(home / "deep/deeper") / "file").write_text("x")
    assert modes(home) == {}


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="set EOPIEZ_HOME"):
        open_home(tmp_path / "file/home")
