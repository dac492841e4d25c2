"""``eopiez import``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from ..errors import UnreadableInputError
from .operating import on_database
from .progress_of_bytes import Progress
from .system import stay_here
from .terminal import counted, out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..moving.importing import Imported
    from ..settings import Settings
    from ..store import Database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_bundle)


def import_bundle(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="What eopiez export has written; - for standard input.", show_default=False
        ),
    ],
    project: Annotated[
        str | None,
        typer.Option("--project", help="The project that gets all; the same as there by default.", show_default=False),
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Give all workflows new ids.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the whole file, and keep nothing of it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring workflows in that **eopiez export** has written, with their results: all of them, or none.

    What had not ended arrives paused: **eopiez resume** goes on with it, and runs the code that came with it, so resume
    only what you trust. Workflows that are here already are skipped.

    **Examples**

    ```
    eopiez import letters.tar --dry-run
    zstd -dc trial.tar.zst | eopiez import - --project trial
    ```
    """
    stay_here("import")

    async def work(database: Database, settings: Settings) -> Imported:
        from ..engine.artifacts import Artifacts
        from ..gateway.identity.operator import ACTOR
        from ..moving.importing import Importer, Wishes

        artifacts = Artifacts(settings.artifacts, database.vault.keys)
        with _opened(file) as stream, Progress("Importing") as progress:
            wishes = Wishes(project, copy, dry_run)
            return await Importer(database, artifacts, wishes, ACTOR, progress.tell).run(stream)

    done = on_database(work)
    if as_json:
        print_json(asdict(done) | {"dry_run": dry_run})
        return
    verb = "Would import" if dry_run else "Imported"
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(done.statuses.items()))
    here = f"; {done.skipped:,} were here already" if done.skipped else ""
    out().print(f"{verb} {counted(done.workflows, 'workflow')}{here}. In the file: {told or 'nothing'}.")


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except OSError as error:
        raise UnreadableInputError(file, error.strerror or str(error)) from error
