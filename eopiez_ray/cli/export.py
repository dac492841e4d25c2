"""``eopiez export``."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from ..errors import EopiezError, ParameterError
from ..home import make_file
from .operating import on_database
from .progress_of_bytes import Progress
from .system import stay_here
from .terminal import counted, err, json_line, print_json, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from ..moving.exporting import Exported
    from ..settings import Settings
    from ..store import Database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    workflows: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORKFLOW…", help="Workflows, or unambiguous parts of their ids.", show_default=False),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where to; - for standard output.", show_default=False)
    ] = "",
    project: Annotated[
        str | None, typer.Option("--project", help="All workflows of a project.", show_default=False)
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Write what is encrypted here as plain data: the file is not encrypted.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object about the file, on stderr for -o -.")
    ] = False,
) -> None:
    """Write workflows with their results, lines and history into one file, for **eopiez import** or other programs.

    They are as they were at one moment, while work goes on. The file is not encrypted.

    **Examples**

    ```
    eopiez export 01a22a26 -o letters.tar
    eopiez export --project trial -o - | zstd > trial.tar.zst
    ```
    """
    stay_here("export")
    if not output:
        raise ParameterError("say where to write with -o FILE, or -o - for standard output")
    if bool(workflows) == (project is not None):
        raise ParameterError("name workflows, or a project with --project, not both")

    async def work(database: Database, settings: Settings) -> Exported:
        from ..engine.artifacts import Artifacts
        from ..gateway.identity.operator import ACTOR
        from ..moving.exporting import Exporter

        if database.vault.is_open and not plain:
            raise ParameterError(
                "this system encrypts what it keeps, and the file would not be encrypted; give --plain if that is what "
                "you want, and encrypt it on its way: eopiez export … --plain -o - | age -p > FILE"
            )
        ids = await _ids(database, workflows, project)
        with _opened(output) as stream, Progress("Exporting") as progress:
            exporter = Exporter(database, Artifacts(settings.artifacts, database.vault.keys), progress.tell)
            return await exporter.export(ids, stream, ACTOR)

    done = on_database(work)
    if as_json:
        facts = {"counts": done.counts, "missing": done.missing, "bytes": done.bytes, "file": output}
        _tell_json(facts, is_beside_file=output == "-")
        return
    err().print(
        f"Exported {counted(done.counts['workflows'], 'workflow')}, {counted(done.counts['tasks'], 'task')} and "
        f"{counted(done.counts['artifacts'], 'artifact')}: {size(done.bytes)}."
    )
    if done.missing:
        err().print(f"{counted(done.missing, 'artifact')} had been deleted before, and could not be exported.")


def _tell_json(facts: dict[str, object], *, is_beside_file: bool) -> None:
    """On standard output, unless the file goes there."""
    if is_beside_file:
        print(json_line(facts), end="", file=sys.stderr)
    else:
        print_json(facts)


async def _ids(database: Database, workflows: list[str] | None, project: str | None) -> list[UUID]:
    from ..store import Projects, Workflows
    from ..store.departing import ids_of_project

    if project is not None:
        await Projects(database).get(project)
        return await ids_of_project(database, project)
    return sorted({await Workflows(database).resolve(each) for each in workflows or []})


@contextmanager
def _opened(output: str) -> Iterator[IO[bytes]]:
    """Where the file goes: under its name only once it is whole."""
    if output == "-":
        if sys.stdout.isatty():
            raise ParameterError("the file would be written to the terminal; give -o FILE, or send it on with | or >")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with make_file(partial).open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise EopiezError(f"cannot write {path}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
