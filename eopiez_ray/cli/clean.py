"""``eopiez clean``: forget runs that ended long ago."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from ..errors import ParameterError
from .system import open_local
from .terminal import out, print_json

UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clean)


def clean(
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="Minimum time since a run ended: 90min, 12h, 30d."),
    ] = "30d",
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="How many of the latest runs to keep, whatever their age.")
    ] = 20,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be forgotten.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Forget runs that ended long ago, and free the disk space of their intermediate data.

    Results in output folders stay. Running and paused workflows are not touched.

    Example: eopiez clean --older-than 2w --keep 5
    """
    age = parse_age(older_than)
    with open_local("clean") as local:
        cleaned = local.clean(age, keep, dry_run=dry_run)
    if as_json:
        print_json(cleaned._asdict() | {"dry_run": dry_run})
        return
    verb = "Would forget" if dry_run else "Forgot"
    freed = f"{cleaned.artifacts:,} unreferenced artifacts ({cleaned.bytes / 1e6:,.1f} MB)"
    out().print(f"{verb} {cleaned.workflows:,} runs, and {'would delete' if dry_run else 'deleted'} {freed}.")


def parse_age(text: str) -> timedelta:
    """A duration such as ``12h`` or ``30d``.

    Raises:
        ParameterError: the text is not a duration.
    """
    match = re.fullmatch(r"(\d+)\s*(min|h|d|w)", text.strip())
    if match is None:
        raise ParameterError(
            f"--older-than {text!r} is not a duration; give a number followed by min, h, d or w, such as 30d"
        )
    return timedelta(**{UNITS[match[2]]: int(match[1])})
