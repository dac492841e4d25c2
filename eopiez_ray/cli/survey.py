"""What ``--dry-run`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from ..model.names import shown
from .sheet import Sheet, figure, word
from .sheet import name as text
from .terminal import counted, out, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from ..phases.io import Survey


def print_survey(survey: Survey, steps: Sequence[str], output: Path) -> None:
    """Files, columns, encodings, steps and output, for people."""
    console = out()
    figures = figure("Files"), figure("Size", 1), figure("Documents")
    sheet = Sheet(word("Format"), *figures, text("Columns used", 2), text("Encodings", 3))
    about = "about " if survey.is_estimate else ""
    for part in survey.formats:
        used = ", ".join(role if role == name else f"{role}: {name}" for role, name in part.used.items())
        encodings = ", ".join(part.encodings)
        figures_of = f"{part.files:,}", size(part.bytes), about + f"{part.documents:,}"
        sheet.add(part.format.value, *figures_of, used, encodings)
    sheet.print(console)
    for part in survey.formats:
        if part.columns:
            console.print(f"[bright_black]{part.format.value} columns: {escape(', '.join(part.columns))}[/]")
    if survey.problems:
        console.print(f"[yellow]{counted(len(survey.problems), 'problem')}[/] among the files and rows looked at:")
        for problem in survey.problems:
            console.print(f"  {escape(problem.source)}: {escape(problem.reason)}")
    _print_remarks(console, survey)
    total = f"[bold]{about}{counted(survey.documents, 'document')}[/]"
    console.print(f"\n{total} in {counted(survey.files, 'file')}, {size(survey.bytes)}")
    console.print("Steps:  " + ", ".join(steps))
    console.print(f"Output: {escape(shown(str(output)))}")
    console.print("\nNothing was started. Leave out --dry-run to run it.")


def _print_remarks(console: Console, survey: Survey) -> None:
    remarks = survey.remarks
    if remarks.left_out:
        console.print("Left out: " + ", ".join(f"{n:,} × {escape(what)}" for what, n in remarks.left_out.most_common()))
    for what, number in remarks.mended.most_common():
        console.print(f"[yellow]{number:,} ×[/] {escape(what)} ({escape(remarks.places[what])})")


def survey_value(survey: Survey) -> dict[str, Any]:
    """The same as JSON values."""
    formats = [
        {
            "format": part.format.value,
            "files": part.files,
            "bytes": part.bytes,
            "documents": part.documents,
            "columns": part.columns,
            "used": part.used,
            "encodings": part.encodings,
        }
        for part in survey.formats
    ]
    problems = [{"source": problem.source, "reason": problem.reason} for problem in survey.problems]
    return {
        "documents": survey.documents,
        "is_estimate": survey.is_estimate,
        "files": survey.files,
        "bytes": survey.bytes,
        "formats": formats,
        "problems": problems,
        "left_out": dict(survey.remarks.left_out),
        "mended": dict(survey.remarks.mended),
    }
