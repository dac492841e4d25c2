"""``eopiez erase project | workflow | subject | list | resume``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .operating import on_database
from .sheet import Sheet, figure, name, word
from .system import stay_here
from .terminal import ago, counted, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..engine.erasing import Eraser
    from ..model.erasure import ErasureView, Found
    from ..settings import Settings
    from ..store import Database
    from ..store.erasing import Progress

    Find = Callable[[Eraser, Database], Coroutine[Any, Any, Found]]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Cancel = Annotated[
    bool, typer.Option("--cancel", help="Cancel workflows that are under way, and wait until they have ended.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
LOOK_S = 0.5
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
    app.add_typer(erase, callback=lambda: stay_here("erase"))


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
    _erase(lambda eraser, _: eraser.find_project(target), dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


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

    async def find(eraser: Eraser, database: Database) -> Found:
        from ..store import Workflows

        return await eraser.find_workflow(await Workflows(database).resolve(target))

    _erase(find, dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


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
    _erase(
        lambda eraser, _: eraser.find_subject(value, in_project),
        dry_run=dry_run,
        yes=yes,
        cancel=cancel,
        as_json=as_json,
    )


def list_erasures(as_json: AsJson = False) -> None:
    """List erasures, the newest first."""

    async def work(database: Database, _settings: Settings) -> list[ErasureView]:
        from ..store.erasing import Erasures

        return await Erasures(database).page()

    views = on_database(work)
    if as_json:
        print_json([asdict(view) for view in views])
        return
    sheet = Sheet(word("erasure"), name("what"), word("begun"), word("state"), figure("workflows"), name("by", rank=1))
    for view in views:
        state = "ended" if view.finished_at else "under way: say eopiez erase resume"
        sheet.add(
            str(view.id),
            f"{view.kind} {view.target}",
            ago(view.requested_at),
            state,
            f"{view.workflows:,}",
            view.requested_by,
        )
    sheet.print(out())


def resume() -> None:
    """Go on with erasures that were interrupted, to their end."""
    count = on_database(lambda database, settings: _eraser(database, settings).resume())
    out().print(f"{counted(count, 'erasure')} carried out.")


def _erase(find: Find, *, dry_run: bool, yes: bool, cancel: bool, as_json: bool) -> None:
    """Find, ask, erase, tell."""
    found = on_database(lambda database, settings: find(_eraser(database, settings), database))
    if dry_run:
        _show(found, as_json=as_json)
        return
    if not yes:
        _show(found, as_json=False)
        typer.confirm("Erase all of it for good?", abort=True, err=True)

    async def work(database: Database, settings: Settings) -> Progress:
        eraser = _eraser(database, settings)
        ready = await _at_rest(database, find, eraser) if cancel else await find(eraser, database)
        from ..gateway.identity.operator import ACTOR

        return await eraser.carry_out(await eraser.begin(ready, ACTOR))

    _tell(on_database(work), as_json=as_json)


async def _at_rest(database: Database, find: Find, eraser: Eraser) -> Found:
    """What is found once all of it that was under way is cancelled."""
    from ..model.ids import WorkflowId
    from ..model.requests import Request, Selection
    from ..store import Workflows

    while (found := await find(eraser, database)).at_work:
        selection = Selection(ids=tuple(map(WorkflowId, found.at_work)))
        await Workflows(database).cancel_all(selection, Request(why="to be erased"))
        err().print(f"Waiting for {counted(len(found.at_work), 'workflow')} to end.", end="\r")
        await asyncio.sleep(LOOK_S)
    return found


def _show(found: Found, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    parts = counted(len(found.workflows), "workflow"), counted(len(found.uploads), "upload")
    out().print(f"To be erased: {', '.join(parts)}, {counted(len(found.lines), 'line')} of the system's log.")
    for each in found.workflows[:SHOWN]:
        out().print(f"  workflow {each}")
    for each in found.uploads[:SHOWN]:
        out().print(f"  upload {each}")
    if max(len(found.workflows), len(found.uploads)) > SHOWN:
        out().print("  … --json lists all of them")
    if found.at_work:
        out().print(f"{counted(len(found.at_work), 'workflow')} of them under way: say --cancel, or wait.")


def _tell(progress: Progress, *, as_json: bool) -> None:
    facts: dict[str, Any] = {"id": progress.id, "counts": progress.counts, "digests": progress.digests_hash.hex()}
    if as_json:
        print_json(facts)
        return
    told = ", ".join(f"{count:,} {what}" for what, count in progress.counts.items() if count) or "nothing"
    out().print(f"Erased: {told}. The certificate is in the audit log, as {progress.id}.")


def _eraser(database: Database, settings: Settings) -> Eraser:
    from ..engine.artifacts import Artifacts
    from ..engine.erasing import Eraser

    return Eraser(database, Artifacts(settings.artifacts, database.vault.keys), settings)
