"""The pages of ``docs/``: their links lead somewhere, their programs run, their tables are complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import PAGES, ROOT, anchors, blocks, links


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
        "['not a number'] 3 6",
        "{'read': 0, 'parse': 0, 'square': 2}",
    ]
    facts = json.loads((tmp_path / "weather.json").read_text())
    assert facts["deviations"] == [[-1.5, -0.5], [2.0]]
    assert facts["token"].endswith("/publish/0")
