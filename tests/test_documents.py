"""The pages of ``docs/``: their links lead somewhere, their programs run, their tables are complete."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from eopiez_ray import Settings
from eopiez_ray.authoring.plans.models import plan_schema
from eopiez_ray.phases.io import ReadOptions
from eopiez_ray.phases.io.options import KNOWN_NAMES
from eopiez_ray.phases.io.sniffing import _EXTENSIONS
from eopiez_ray.phases.motifs import Selection
from eopiez_ray.phases.pipeline import content_plan
from eopiez_ray.phases.themes import ThemeOptions
from tests.documents import PAGES, ROOT, anchors, blocks, links, prose


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert path.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(path), link


def test_index_names_every_page() -> None:
    index = ROOT / "docs/index.md"
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= set(links(index))


def test_page_on_inputs_names_every_ending_and_known_columns() -> None:
    page = (ROOT / "docs/inputs.md").read_text()
    endings = {ending for given in re.findall(r"`(\.[ .a-z]+)`", page) for ending in given.split()}
    assert endings == set(_EXTENSIONS)
    rows = re.findall(r"^\| (text|id|title|time|label) \| (.*) \|$", page, re.M)
    for role, names in rows:
        known = [name.replace("_", "") for name in re.findall(r"`(\w+)`", names)]
        assert known == [name for name in KNOWN_NAMES[role] if name in known]
    assert len(rows) == len(KNOWN_NAMES)


def test_programs_of_the_page_on_phases_run(tmp_path: Path) -> None:
    (tmp_path / "stations").mkdir()
    (tmp_path / "stations/a.csv").write_text("1.5\ncold\n2.5\n")
    (tmp_path / "stations/b.csv").write_text("5\n")
    program = "\n".join(block.text for block in blocks(ROOT / "docs/writing-a-phase.md"))
    (tmp_path / "weather.py").write_text(program)
    own = os.environ | {"EOPIEZ_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [sys.executable, "weather.py"], cwd=tmp_path, env=own, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines() == [
        "step 'typo': phase 'deviations' has no parameter 'digit'; did you mean 'digits'?",
        "3.0 [[-1.5, -0.5], [2.0]] ['BERGEN', 'OSLO', 'TROMSØ']",
        "[[1.5, 2.5], [5.0]]",
        "['not a number'] 3 6",
        "{'read': 0, 'parse': 0, 'square': 2}",
    ]
    facts = json.loads((tmp_path / "weather.json").read_text())
    assert facts["deviations"] == [[-1.5, -0.5], [2.0]]
    assert facts["token"].endswith("/publish/0")


def test_page_on_plans_does_what_it_says(tmp_path: Path) -> None:
    phases, plan, commands, error, program = [block.text for block in blocks(ROOT / "docs/plans.md")]
    (tmp_path / "phases.py").write_text(phases)
    (tmp_path / "plan.yaml").write_text(plan)
    (tmp_path / "program.py").write_text(program)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = os.environ | {"EOPIEZ_HOME": str(tmp_path / "home"), "COLUMNS": "160", "PATH": programs}

    def run(command: str, code: int = 0) -> tuple[str, str]:
        ran = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=own, capture_output=True, text=True)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout, ran.stderr

    check, start = [run(command)[0] for command in commands.splitlines()]
    assert check.startswith("Right: plan count-words, 3 steps")
    assert start == '{"lines": 2, "words": 8}\n["The", "ship", "came", "late"]\n["A", "crane", "stood", "still"]\n'
    listed = json.loads(run("eopiez list --json")[0])
    assert (listed["labels"], listed["priority"]) == ({"team": "research"}, 5)

    written, result = run(f"{shlex.quote(sys.executable)} program.py")[0].split("\n\n")
    assert yaml.safe_load(written)["steps"]["again"] == {"phase": "count", "inputs": ["split"]}
    assert result == "{'lines': 2, 'words': 8}\n"

    (tmp_path / "plan.yaml").write_text(plan.replace("retry:", "retries:"))
    assert run("eopiez plan check plan.yaml", 64)[1] == error


def test_every_key_of_a_plan_is_described() -> None:
    page = prose(ROOT / "docs/plans.md")
    schema = plan_schema()
    keys = {*schema["properties"], *schema["$defs"]["PhaseStep"]["properties"]}
    assert keys <= set(re.findall(r"`([$\w]+)`", page))


def rows(page: str) -> dict[str, str]:
    """The second cell of each row of a page's tables, by the names in the first one."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name: row[1] for row in cells for name in re.findall(r"`(\w+)`", row[0])}


def test_every_setting_is_described_with_its_default() -> None:
    described = rows("settings.md")
    assert described.pop("EOPIEZ_HOME") == "the platform's user data folder"
    unset = {None: "unset"}
    expected = {
        f"EOPIEZ_{name.upper()}": unset.get(field.default, str(field.default))
        for name, field in Settings.model_fields.items()
        if name != "home"
    }
    assert described == expected


@pytest.mark.parametrize("options", [Selection, ThemeOptions, ReadOptions])
def test_every_option_of_the_pipeline_is_described(options: type[Any]) -> None:
    described = rows("pipeline.md")
    for field in dataclasses.fields(options):
        assert field.name in described
        if field.default is not None:
            assert described[field.name] == str(field.default)


def test_steps_of_the_pipeline_are_drawn(tmp_path: Path) -> None:
    page = ROOT / "docs/pipeline.md"
    drawing = blocks(page)[0].text
    steps = content_plan([str(tmp_path)], tmp_path / "out").spec().steps
    assert {step.name for step in steps} == set(re.findall(r"[a-z]+\.[a-z]+", drawing))


def test_program_of_the_pipeline_builds_its_plan(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = [block for block in blocks(ROOT / "docs/pipeline.md") if block.language == "python"]
    exec(compile(program.text, "pipeline.md", "exec"), {})
    assert capsys.readouterr().out.endswith(" steps\n")


def paths(page: Path) -> set[str]:
    """What stands between backticks on a page and looks like a path."""
    named = re.findall(r"`([\w./-]+)`", prose(page))
    return {path for path in named if "/" in path or re.search(r"\.(py|sql|md|toml)$", path)}


def test_every_path_on_the_map_is_there() -> None:
    named = paths(ROOT / "docs/architecture.md")
    assert len(named) > 30
    homeless = {"steps.py"}  # One in each package of phases.
    assert {path for path in named if not ((ROOT / "eopiez_ray" / path).exists() or (ROOT / path).exists())} == homeless


def test_every_room_is_on_the_map() -> None:
    rooms = {path.name for path in (ROOT / "eopiez_ray").iterdir() if not path.name.startswith(("_", "."))}
    named = {path.rstrip("/") for path in paths(ROOT / "docs/architecture.md")}
    assert rooms - {"py.typed"} <= named


def test_python_is_in_pages_that_are_run() -> None:
    run = {"README.md", "clusters.md", "writing-a-phase.md", "pipeline.md", "plans.md", "client.md"}
    assert {page.name for page in PAGES for block in blocks(page) if block.language == "python"} == run
    commands = {page.name for page in PAGES for block in blocks(page) if block.language == "sh" and page.parent != ROOT}
    assert commands == {"plans.md"}
