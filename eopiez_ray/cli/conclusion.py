"""What is printed and written once a run has ended."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.text import Text

from ..errors import EopiezError
from ..model.names import OUTPUT, SPOOL
from ..model.status import WorkflowStatus
from .sheet import Sheet, figure, name, word
from .terminal import counted, duration, err, out, print_json, size
from .watch import Ending, Outcome, raise_unless_succeeded, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from ..engine.handle import Workflow
    from ..settings import Settings
    from ..store import RejectView, WorkflowView
    from .system import Handle

SHOWN_THEMES = 10
SHOWN_MOTIFS = 12
SHOWN_REASONS = 5


def spool_folder(settings: Settings) -> Path:
    """Where standard input is kept, in a folder of its own for each run."""
    return settings.home.expanduser().absolute() / "spool"


def conclude(workflow: Handle, outcome: Outcome, *, as_json: bool, saved: Path | None = None) -> None:
    """Write the remaining files, and print how the run ended.

    Args:
        workflow: the run.
        outcome: how it ended.
        as_json: whether to print JSON.
        saved: where the results of a run elsewhere have been saved.

    Raises:
        EopiezError: it failed, was cancelled, paused or quarantined.
        typer.Exit: it was interrupted.
    """
    view = outcome.view
    output = saved if workflow.is_remote else output_of(view)
    reasons = Counter[str]() if workflow.is_remote else leave_in_order(workflow, view)
    if outcome.ending is not Ending.AT_REST:
        _say_how_to_go_on(outcome, as_json=as_json)
        raise typer.Exit(outcome.exit_code)
    try:
        raise_unless_succeeded(view)
    except EopiezError as error:
        if as_json:
            print_json({"workflow": view.id, "status": view.status, "error": str(error)})
        else:
            _print_rejects(err(), output, reasons)
        raise
    report = read_report(output)
    if as_json:
        print_json(_result(outcome, output, report))
    else:
        _summarize(out(), outcome, output, report, reasons)


def output_of(view: WorkflowView) -> Path | None:
    """The folder of the run's results; None for a workflow that has none."""
    return Path(view.labels[OUTPUT]) if OUTPUT in view.labels else None


def leave_in_order(workflow: Workflow, view: WorkflowView) -> Counter[str]:
    """Write a run's rejected rows and count their reasons; delete its kept input once it has succeeded."""
    output = output_of(view)
    if view.status is WorkflowStatus.SUCCEEDED:
        _drop_spool(view.labels, spool_folder(workflow.settings))
    return write_quarantine(output, workflow.rejects()) if output is not None else Counter[str]()


def write_quarantine(output: Path, rejects: Iterable[RejectView]) -> Counter[str]:
    """Write ``quarantine.jsonl``, one rejected row per line, if there are any; count each reason."""
    from ..phases.report.files import whole_file

    known, reasons = list(rejects), Counter[str]()
    for row in known:
        reasons[row.reason] += row.rows
    if known:
        lines = (json.dumps(_row(row), ensure_ascii=False) + "\n" for row in known)
        with whole_file(output / "quarantine.jsonl") as partial:
            partial.write_text("".join(lines), encoding="utf-8")
    return reasons


def _row(row: RejectView) -> dict[str, Any]:
    fields = {"step": row.step, "source": row.source, "reason": row.reason, "sample": row.sample}
    return fields if row.rows == 1 else {**fields, "rows": row.rows}


def read_report(output: Path | None) -> dict[str, Any] | None:
    """The facts in the run's report; None if it wrote none."""
    path = output / "report.json" if output is not None else None
    if path is None or not path.exists():
        return None
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return facts


def _drop_spool(labels: dict[str, str], folder: Path) -> None:
    """Delete the copy of standard input, which was kept in case the run had to be repeated.

    Anyone can put any label on a workflow, so only files in the folder for kept standard input are deleted.
    """
    if SPOOL not in labels:
        return
    spooled = Path(labels[SPOOL]).resolve()
    if spooled.parent.parent != folder.resolve():
        return
    spooled.unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # Another terminal that followed the run got here first.
        spooled.parent.rmdir()


def _say_how_to_go_on(outcome: Outcome, *, as_json: bool) -> None:
    command = f"eopiez resume {short(outcome.view)}"
    if as_json:
        print_json({"workflow": outcome.view.id, "status": outcome.view.status, "continue": command})
        return
    sentence = {
        Ending.DRAINED: f"Paused; nothing is lost. Continue with: [bold]{command}[/]",
        Ending.STOPPED: f"Stopped; finished work is kept. Continue with: [bold]{command}[/]",
        Ending.LEFT: f"It keeps running in its own process. Watch it again with: [bold]{command}[/]",
        Ending.AT_REST: "",
    }[outcome.ending]
    err().print(sentence)


def _result(outcome: Outcome, output: Path | None, report: dict[str, Any] | None) -> dict[str, Any]:
    view = outcome.view
    result: dict[str, Any] = {"workflow": view.id, "status": view.status, "output": output}
    if output is not None and report is not None:
        result |= {"report": output / "report.html", "elapsed_s": _elapsed(outcome)}
        result |= {name: report[name] for name in ("ingestion", "copies", "themes", "motifs", "compression", "tables")}
    return result


def _elapsed(outcome: Outcome) -> float:
    view = outcome.view
    if view.started_at is None or view.finished_at is None:
        return 0.0
    return (view.finished_at - view.started_at).total_seconds()


def _summarize(
    console: Console, outcome: Outcome, output: Path | None, report: dict[str, Any] | None, reasons: Counter[str]
) -> None:
    elapsed = _elapsed(outcome)
    if output is None or report is None:
        console.print(f"[green]Done[/] in {duration(elapsed)}: workflow {short(outcome.view)}")
        return
    console.print()
    _print_themes(console, report)
    _print_motifs(console, report)
    documents, archive = report["ingestion"]["documents"], report["compression"]
    pace = f", {documents / elapsed:,.0f} documents a second" if elapsed else ""
    console.print(f"[bold]{counted(documents, 'document')}[/] in {duration(elapsed)}{pace}")
    if archive:
        sizes = f"{size(archive['text_bytes'])} of text in {size(archive['stored_bytes'])}"
        console.print(f"[bold]{archive['ratio']:.2f} times smaller[/] in the archive: {sizes}")
    _print_oddities(console, report)
    _print_rejects(console, output, reasons)
    console.print(f"\nResults: {escape(str(output))}")
    console.print(f"Report:  [bold]{escape(str(output / 'report.html'))}[/]")


def _print_themes(console: Console, report: dict[str, Any]) -> None:
    themes = report["themes"]
    if not themes:
        return
    sheet = Sheet(name("Theme"), word("", 1), figure("Documents"))
    most = themes[0]["documents"] or 1
    for theme in themes[:SHOWN_THEMES]:
        bar = "█" * max(1, round(20 * theme["documents"] / most))
        sheet.add(theme["label"], Text(bar, "cyan"), f"{theme['documents']:,}")
    if len(themes) > SHOWN_THEMES:
        rest = sum(theme["documents"] for theme in themes[SHOWN_THEMES:])
        sheet.add(Text(f"{len(themes) - SHOWN_THEMES} more", "bright_black"), "", f"{rest:,}")
    sheet.print(console)
    console.print()


def _print_motifs(console: Console, report: dict[str, Any]) -> None:
    motifs = [f"{escape(motif['motif'])} [bright_black]{motif['count']:,}[/]" for motif in report["motifs"]]
    if motifs:
        console.print(f"[bold]{counted(report['motif_count'], 'motif')}[/]: " + ", ".join(motifs[:SHOWN_MOTIFS]) + "\n")


def _print_oddities(console: Console, report: dict[str, Any]) -> None:
    ingestion, duplicates = report["ingestion"], report["ingestion"]["duplicates"]
    kept = {
        ("duplicate", "duplicates"): duplicates,
        ("near-copy", "near-copies"): report["copies"]["documents"] - duplicates,
        ("empty document", "empty documents"): ingestion["empty"],
    }
    if found := [counted(number, *noun) for noun, number in kept.items() if number > 0]:
        console.print(", ".join(found) + " (kept, and counted in the report)")
    if number := report["uninformative"]["documents"]:
        said = ", ".join(f"“{escape(answer)}”" for answer, _ in report["uninformative"]["examples"][:SHOWN_REASONS])
        console.print(f"{counted(number, 'answer')} that say nothing ({said}), in no theme")
    if ingestion["left_out"]:
        parts = [f"{number:,} × {escape(what)}" for what, number in ingestion["left_out"]]
        console.print("Left out: " + ", ".join(parts[:SHOWN_REASONS]))
    for what, number, place in ingestion["mended"][:SHOWN_REASONS]:
        console.print(f"[yellow]{number:,} ×[/] {escape(what)} ({escape(place)})")


def _print_rejects(console: Console, output: Path | None, reasons: Counter[str]) -> None:
    if not reasons or output is None:
        return
    what = counted(reasons.total(), "row or file", "rows or files")
    console.print(f"[yellow]{what} rejected[/], each with its reason in {escape(str(output / 'quarantine.jsonl'))}:")
    for reason, count in reasons.most_common(SHOWN_REASONS):
        console.print(f"  {count:,} × {escape(reason)}")
