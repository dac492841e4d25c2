"""Checks that a tag, the versions of both distributions and the changelog agree: ``check_release.py v0.1.0``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def disagreements(tag: str, root: Path = ROOT) -> list[str]:
    """What is wrong with releasing this tag."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag):
        return [f"the tag {tag!r} is not a version; name it v1.2.3"]
    package = re.findall(r'^__version__ = "(.+)"$', (root / "eopiez_ray/__init__.py").read_text("utf-8"), re.MULTILINE)
    said = {"eopiez_ray/__init__.py": package[0]}
    for name in ("pyproject.toml", "client/pyproject.toml"):
        said[name] = tomllib.loads((root / name).read_text("utf-8"))["project"]["version"]
    wrong = [f"{name} says {found}, the tag {version}" for name, found in said.items() if found != version]
    if f"## [{version}]" not in (root / "CHANGELOG.md").read_text("utf-8"):
        wrong.append(f"CHANGELOG.md has no section [{version}]; rename [Unreleased]")
    return wrong


def main() -> None:
    wrong = disagreements(sys.argv[1] if len(sys.argv) > 1 else "")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
