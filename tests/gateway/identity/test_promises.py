"""The page on security names tests that exist, and every requirement that a test's name claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)(?:::(\w+))?`", PAGE)


def sources() -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/gateway/identity").glob("test_*.py"))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_is_there(file: str, test: str) -> None:
    path = ROOT / file if file.startswith("tests/") else ROOT / "tests/gateway/identity" / file
    assert f"def {test}" in path.read_text(encoding="utf-8")


def test_requirements_are_on_the_page() -> None:
    claimed = {
        number.replace("_", ".")
        for name in re.findall(r"def (test_\w*_v5_0_0_\w+)\(", sources())
        for number in re.findall(r"(?:v5_0_0|and)_(\d+_\d+_\d+)", name)
    }
    listed = set(re.findall(r"\b\d+\.\d+\.\d+\b", PAGE))
    assert len(NAMED) > 30
    assert claimed - listed == set()
