"""``eopiez backup create | list | verify | restore | prune | keep | key``."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BackupNotFoundError, DamagedBackupError, ParameterError
from .sheet import Sheet, figure, name, word
from .system import read_settings, stay_here
from .terminal import ago, counted, duration, err, moment, out, print_json, size

if TYPE_CHECKING:
    from ..backup.manifest import Manifest
    from ..settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="URL", help="Where the backups are; EOPIEZ_BACKUP_URL by default.", show_default=False
    ),
]

backup = typer.Typer(
    name="backup",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Back up this system: its database, artifacts and uploads, encrypted, at one moment while work goes on.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (create, list_backups, verify, restore, prune, keep, key):
        backup.command("list" if command is list_backups else command.__name__)(command)
    app.add_typer(backup, callback=lambda: stay_here("backup"))


def create(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="Where to; EOPIEZ_BACKUP_URL by default.", show_default=False),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Copy all of the database, not only what has changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a backup now. Work goes on meanwhile; only what the last backup does not have is stored.

    The first one makes a **key**, without which nobody can read the backups: keep a copy of it elsewhere.

    **Examples**

    ```
    eopiez backup create --to /mnt/backups
    EOPIEZ_BACKUP_URL=s3://my-bucket/eopiez eopiez backup create
    ```
    """
    from ..backup.creating import create as create_backup
    from ..backup.system import opened, repository_of

    settings = _settings(to)
    has_key = settings.backup_key is not None or settings.backup_key_path.exists()

    async def work() -> Manifest:
        async with opened(settings) as source:
            return await create_backup(source, repository_of(settings, is_new=True), _tell, is_full=full)

    made = asyncio.run(work())
    if as_json:
        print_json(_facts(made))
        return
    out().print(
        f"Made backup {made.id} in {duration(made.took_s)}: {counted(made.files, 'file')} and the database, "
        f"{size(made.size)}, of which {size(made.new_bytes)} are new."
    )
    if not has_key:
        err().print(
            f"Its key is {settings.backup_key_path}. Keep a copy elsewhere: without it, nobody can read the backups.",
            markup=False,
        )


def list_backups(at: From = None, as_json: AsJson = False) -> None:
    """Show the backups, oldest first, and after which of them changes were kept."""
    from ..backup.system import repository_of

    repository = repository_of(_settings(at))
    made = repository.manifests()
    if as_json:
        for each in made:
            print_json(_facts(each))
        return
    sheet = Sheet(
        name("Backup"),
        word("Made"),
        word("Database"),
        figure("Size"),
        figure("New"),
        figure("Files", 1),
        word("Changes", 2),
    )
    for each in made:
        changes = "" if each.database.stream is None else "kept"
        sheet.add(
            each.id, ago(each.started_at), each.database.kind, size(each.size), size(each.new_bytes),
            f"{each.files:,}", changes,
        )  # fmt: skip
    sheet.print(out())


def verify(
    wanted: Annotated[
        str | None, typer.Argument(metavar="BACKUP", help="A backup's id; the latest by default.", show_default=False)
    ] = None,
    at: From = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            "--scratch",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            show_default=False,
            help="Where there is room to restore it; the folder for temporary files by default.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup for trial, read its whole database, look for each artifact, and delete it all again.

    Exit code 65 if anything is missing or damaged.
    """
    import tempfile
    from dataclasses import asdict

    from ..backup.system import repository_of
    from ..backup.verifying import note_verification
    from ..backup.verifying import verify as verify_backup

    settings = _settings(at)
    repository = repository_of(settings)
    backup_id = wanted or _latest(repository.backups(), repository.place.url)
    found = asyncio.run(verify_backup(settings, repository, _tell, backup_id, scratch or Path(tempfile.gettempdir())))
    if as_json:
        print_json(asdict(found))
    if found.faults:
        for fault in found.faults:
            err().print(fault, markup=False)
        raise DamagedBackupError(f"backup {backup_id}", f"it has {counted(len(found.faults), 'fault')}")
    asyncio.run(note_verification(settings, repository.place.url, backup_id))
    if not as_json:
        out().print(
            f"Backup {backup_id} is whole: {counted(found.workflows, 'workflow')} ({found.unfinished:,} under way), "
            f"{counted(found.tasks, 'task')}, {counted(found.artifacts, 'artifact')}, {counted(found.files, 'file')}, "
            f"{counted(found.rows, 'row')} in all tables, {counted(found.audit_rows, 'row')} of the audit log. "
            f"It took {duration(found.took_s)}."
        )


def restore(
    wanted: Annotated[
        str | None,
        typer.Argument(metavar="BACKUP", help="A backup's id, to restore it as it is.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            show_default=False,
            help="The moment to go back to, as 2026-11-30T14:05:00Z; the latest that there is by default.",
        ),
    ] = None,
    source: From = None,
    as_json: AsJson = False,
) -> None:
    """Bring a system back into an empty **EOPIEZ_HOME**, on this machine or another one.

    Workflows that were under way go on with the next `eopiez up` or `eopiez orchestrate`. With neither BACKUP nor
    --at, everything comes back that was kept. If it is interrupted, say it again.

    **Examples**

    ```
    EOPIEZ_HOME=/srv/eopiez eopiez backup restore --from /mnt/backups
    eopiez backup restore --at 2026-11-30T14:05:00Z
    ```
    """
    from dataclasses import asdict

    from ..backup.restoring import restore as restore_backup
    from ..backup.system import repository_of

    if wanted is not None and at is not None:
        raise ParameterError("give a backup or a moment, not both: a backup is restored as it is")
    settings = _settings(source)
    back = asyncio.run(
        restore_backup(
            settings, repository_of(settings), _tell, backup=wanted, at=None if at is None else parse_moment(at)
        )
    )
    if as_json:
        print_json(asdict(back))
        return
    held, until = back.inventory, f", with changes up to {moment(back.recovered_to)}" if back.recovered_to else ""
    out().print(
        f"Restored backup {back.backup}{until}: {counted(held.workflows, 'workflow')} "
        f"({held.unfinished:,} under way), {counted(held.tasks, 'task')}, {counted(back.files, 'file')}."
    )
    if back.erased_again:
        err().print(f"{counted(back.erased_again, 'erasure')} from after the backup will be carried out again.")
    if held.unfinished:
        err().print("What was under way goes on with `eopiez up` or `eopiez orchestrate`.")


def prune(
    at: From = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete old backups, and all that none of the others needs.

    **EOPIEZ_BACKUP_KEEP_LAST**, **_DAYS**, **_WEEKS** and **_MONTHS** say what stays.
    """
    from ..backup.keeping import retention_of
    from ..backup.pruning import prune as prune_backups
    from ..backup.system import repository_of

    settings = _settings(at)
    pruned = prune_backups(repository_of(settings), retention_of(settings), is_dry=dry_run)
    if as_json:
        print_json(pruned._asdict() | {"dry_run": dry_run})
        return
    out().print(
        f"{'Would delete' if dry_run else 'Deleted'} {counted(len(pruned.backups), 'backup')}, "
        f"{counted(pruned.objects, 'object')} and {counted(pruned.segments, 'segment')} of WAL: {size(pruned.bytes)}."
    )
    for each in pruned.backups:
        out().print(f"  {each}")


def keep(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="Where to; EOPIEZ_BACKUP_URL by default.", show_default=False),
    ] = None,
) -> None:
    """Keep backups until Ctrl-C, as `eopiez up` does by itself: one a day, changes as they come, old ones pruned.

    Of an embedded database, at most a few seconds are lost, whatever burns. Several may run; one is at work.
    """
    from ..backup.keeping import keep as keep_backups
    from ..backup.system import repository_of

    settings = _settings(to)

    async def work() -> None:
        stopping = asyncio.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, stopping.set)
        await keep_backups(settings, repository_of(settings, is_new=True), _tell, stopping)

    asyncio.run(work())


def key(
    new: Annotated[bool, typer.Option("--new", help="Make one, if there is none yet.")] = False,
) -> None:
    """Print the key of the backups, to be kept elsewhere. Whoever has it can read them all."""
    from ..backup.system import key_of

    typer.echo(key_of(read_settings(), is_new=new).text)


def parse_moment(text: str) -> datetime:
    """A moment in RFC 3339; without a zone, it is in this machine's.

    Raises:
        ParameterError: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ParameterError(f"--at {text!r} is not a moment; write it as 2026-11-30T14:05:00Z") from error


def _settings(url: str | None) -> Settings:
    return read_settings(backup_url=url)


def _latest(backups: list[str], url: str) -> str:
    if not backups:
        raise BackupNotFoundError("latest", url)
    return backups[-1]


def _tell(text: str) -> None:
    err().print(f"[bright_black]{text}[/]")


def _facts(made: Manifest) -> dict[str, Any]:
    """What a program may want to know of a backup."""
    database = made.database
    return {
        "id": made.id,
        "started_at": made.started_at,
        "finished_at": made.finished_at,
        "program": made.program,
        "schema": made.schema,
        "database": database.kind,
        "parent": database.parent,
        "stream": database.stream,
        "size": made.size,
        "new_bytes": made.new_bytes,
        "files": made.files,
        "took_s": made.took_s,
    }
