"""``eopiez doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from .system import read_settings, stay_here
from .terminal import out, print_json

if TYPE_CHECKING:
    from ..supervision.examination import Finding

ILL = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False) -> None:
    """Look at all that the system needs on this machine, and say what to do about what is wrong.

    Versions, memory, disk, data home, port, certificate, database, clock, orchestrators, artifacts, Ray, backups. Exit
    code 1 if something is bad.
    """
    from ..supervision.examination import Verdict, examine

    stay_here("doctor")
    findings = []
    for finding in examine(read_settings()):
        findings.append(finding)
        if as_json:
            print_json(asdict(finding))
        else:
            print_finding(finding)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(ILL)


def print_finding(finding: Finding) -> None:
    """A finding on a line, and what to do on the next."""
    colour = {"good": "green", "warning": "yellow", "bad": "red"}[finding.verdict]
    sign = {"good": "✓", "warning": "!", "bad": "✗"}[finding.verdict]
    out().print(Text(f"{sign} ", colour), Text(f"{finding.subject:<14}", "bold"), Text(finding.facts))
    if finding.advice:
        out().print(" " * 18, Text(f"→ {finding.advice}", colour))
