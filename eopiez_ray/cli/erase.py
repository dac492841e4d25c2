"""``eopiez erase project | workflow | subject | list | resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..model.erasure import Scope
from .asking import moment_of
from .erasing import Done, Look, Wanted, end_all, eraser_of, erasing_of_system
from .operating import on_database
from .sheet import Sheet, figure, name, word
from .system import stay_here
from .terminal import ago, counted, out, print_json

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Cancel = Annotated[
    bool, typer.Option("--cancel", help="Cancel workflows that are under way, and wait until they have ended.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SHOWN = 20

erase = typer.Typer(
    name="erase",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Erase data for good: from database, artifacts, caches, uploads and logs. The audit log gets a certificate.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    erase.command("project")(project)
    erase.command("workflow")(workflow)
    erase.command("subject")(subject)
    erase.command("list")(list_erasures)
    erase.command("resume")(resume)
    app.add_typer(erase)


def project(
    target: Annotated[str, typer.Argument(metavar="PROJECT", help="The project.", show_default=False)],
    dry_run: DryRun = False,
    yes: Yes = False,
    cancel: Cancel = False,
    as_json: AsJson = False,
) -> None:
    """Erase all data of a project, and destroy its data keys. The project itself stays, empty.

    Example: eopiez erase project trial --dry-run
    """
    _erase(Wanted(Scope.PROJECT, target), dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


def workflow(
    target: Annotated[
        str, typer.Argument(metavar="ID", help="A workflow, or an unambiguous part of its id.", show_default=False)
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    cancel: Cancel = False,
    as_json: AsJson = False,
) -> None:
    """Erase a workflow with its results, lines, errors and history. What other workflows use as well stays for them."""
    _erase(Wanted(Scope.WORKFLOW, target), dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


def subject(
    value: Annotated[
        str, typer.Argument(help="What tells the person: an address, a name, a number.", show_default=False)
    ],
    in_project: Annotated[
        str | None, typer.Option("--project", help="Look in this project alone.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    cancel: Cancel = False,
    as_json: AsJson = False,
) -> None:
    """Erase whatever holds a value: whole workflows, whole uploads, and lines of the system's log.

    It is found as it is written, whatever the case; not where it is compressed, split or written in another way.

    Example: eopiez erase subject anna@example.com --dry-run
    """
    _erase(Wanted(Scope.SUBJECT, value, in_project), dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


def list_erasures(as_json: AsJson = False) -> None:
    """List erasures, the newest first."""
    found = erasing_of_system().erasures()
    if as_json:
        print_json(found)
        return
    sheet = Sheet(word("erasure"), name("what"), word("begun"), word("state"), figure("workflows"), name("by", rank=1))
    for each in found:
        what, begun = f"{each['kind']} {each['target']}", ago(moment_of(each["requested_at"]))
        state = "ended" if each["finished_at"] else "under way"
        sheet.add(str(each["id"]), what, begun, state, f"{each['workflows']:,}", each["requested_by"])
    sheet.print(out())


def resume() -> None:
    """Go on with erasures that were interrupted, to their end. A system elsewhere does so by itself."""
    stay_here("erase resume")
    count = on_database(lambda database, settings: eraser_of(database, settings).resume())
    out().print(f"{counted(count, 'erasure')} carried out.")


def _erase(wanted: Wanted, *, dry_run: bool, yes: bool, cancel: bool, as_json: bool) -> None:
    """Look, ask, erase, tell."""
    erasing = erasing_of_system()
    look = erasing.look(wanted)
    if dry_run:
        _show(look, as_json=as_json)
        return
    if not yes:
        _show(look, as_json=False)
        typer.confirm("Erase all of it for good?", abort=True, err=True)
    if cancel:
        end_all(erasing, wanted)
    _tell(erasing.carry_out(wanted), as_json=as_json)


def _show(look: Look, *, as_json: bool) -> None:
    if as_json:
        print_json(look.facts)
        return
    lines = f", {counted(len(look.facts['lines']), 'line')} of the system's log" if "lines" in look.facts else ""
    parts = f"{counted(look.workflow_count, 'workflow')}, {counted(look.upload_count, 'upload')}{lines}"
    out().print(f"To be erased: {parts}.")
    for each in look.workflows[:SHOWN]:
        out().print(f"  workflow {each}")
    for each in look.uploads[:SHOWN]:
        out().print(f"  upload {each}")
    if max(look.workflow_count, look.upload_count) > SHOWN:
        out().print("  … --json lists more of them")
    if look.at_work_count:
        out().print(f"{counted(look.at_work_count, 'workflow')} of them under way: say --cancel, or wait.")


def _tell(done: Done, *, as_json: bool) -> None:
    if as_json:
        print_json(done._asdict())
        return
    told = ", ".join(f"{count:,} {what}" for what, count in done.counts.items() if count) or "nothing"
    out().print(f"Erased: {told}. The certificate is in the audit log, as {done.id}.")
