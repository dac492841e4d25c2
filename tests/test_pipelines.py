"""The pipelines of GitHub and GitLab: their schemas accept them, and they run the project's own verbs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import LONG
from tests.documents import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
FOREIGN = {"playwright", "apt-get", "sudo", "gh", "mkdir", "mv"}
"""Programs of the runners that steps may call besides the project's."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def commands() -> list[str]:
    """All commands of all pipelines."""
    jobs = [job for path in WORKFLOWS for job in read(path)["jobs"].values()]
    github = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    parts = [part for part in read(GITLAB).values() if isinstance(part, dict)]
    gitlab = [line for part in parts for key in ("before_script", "script") for line in part.get(key, [])]
    return [command for text in github + gitlab for command in re.split(r"\n|&&", text) if command.strip()]


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", WORKFLOWS), ("vendor.gitlab-ci", [GITLAB])],
    ids=["github", "gitlab"],
)
def test_schemas_accept_them(schema: str, files: list[Path]) -> None:
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    if schema == "vendor.gitlab-ci":
        program += ["--data-transform", "gitlab-ci"]
    checked = subprocess.run([*program, *map(str, files)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_command_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"make install", "make check", "make test", ".ci/run"} <= {command.strip() for command in commands()}
    for command in commands():
        program, *arguments = command.split()
        if program == "make":
            assert arguments[0] in verbs, command
        elif program.startswith(".ci/"):
            assert (ROOT / program).stat().st_mode & 0o111, command
        else:
            assert program in FOREIGN, command


def test_verbs_are_phony() -> None:
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    verbs = set(re.findall(r"^([a-z-]+):.*##", text, re.MULTILINE))
    assert set(re.findall(r"[a-z-]+", text.partition(".PHONY:")[2].partition("\n")[0])) == verbs


def test_files_that_are_begun_first_are_there() -> None:
    assert [name for name in LONG if not (ROOT / "tests" / name).is_file()] == []


def test_every_python_that_is_promised_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    promised = {each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)}
    github = read(ROOT / ".github/workflows/check.yml")["jobs"]["test"]
    gitlab = read(GITLAB)
    assert promised | {"3.14"} == set(github["strategy"]["matrix"]["python"])
    assert promised == set(gitlab["test"]["parallel"]["matrix"][0]["PYTHON_VERSION"])
    assert gitlab["test-next"]["allow_failure"] is True
    assert "macos-15" in {each["runner"] for each in github["strategy"]["matrix"]["include"]}


def test_workflows_may_do_no_more_than_they_need() -> None:
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}, path.name
        assert "pull_request_target" not in workflow[True]  # YAML reads ``on`` as true.
        for name, job in workflow["jobs"].items():
            assert "timeout-minutes" in job, name
            for step in job["steps"]:
                # What others may choose, such as a branch's name, reaches the shell by variables alone.
                assert "${{" not in step.get("run", ""), name
                if step.get("uses", "").startswith("actions/checkout"):
                    assert step["with"]["persist-credentials"] is False, name


def test_a_release_takes_agreement(tmp_path: Path) -> None:
    def check(tag: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, str(tmp_path / ".ci/check_release.py"), tag]
        return subprocess.run(program, capture_output=True, text=True)

    for name in (".ci/check_release.py", "pyproject.toml", "client/pyproject.toml", "eopiez_ray/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n")
    assert "has no section" in check(f"v{version}").stderr
    (tmp_path / "CHANGELOG.md").write_text(f"## [{version}]\n")
    assert check(f"v{version}").returncode == 0
    assert check("v99.0.0").stderr.count("the tag 99.0.0") == 3
    assert "is not a version" in check("latest").stderr
