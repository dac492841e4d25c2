"""``eopiez unpack`` and ``eopiez verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ..errors import DamagedArchiveError, DocumentNotFoundError, UnreadableInputError
from .terminal import counted, err, out, print_data, print_json

if TYPE_CHECKING:
    from ..phases.compression import Archive

DAMAGED = DamagedArchiveError.exit_code
ArchivePath = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="An .eopz file.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(unpack)
    app.command()(verify)


def unpack(
    archive: ArchivePath,
    document: Annotated[
        str | None, typer.Option("--document", "-d", metavar="ID", help="Print only this document's text.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", help="What to write: jsonl, parquet, or text (one file per document).")
    ] = "jsonl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to; named after the archive by default.")
    ] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Only list the document ids.")] = False,
) -> None:
    """Extract documents from an archive, including the intact blocks of a damaged one.

    **Examples**

    ```
    eopiez unpack collection.eopz --format text -o texts
    eopiez unpack collection.eopz --ids
    eopiez unpack collection.eopz --document sport/001.txt
    ```
    """
    with _opened(archive) as opened:
        if ids:
            for name in opened.ids():
                print_data(name)
        elif document is not None:
            _print_document(opened, document)
        else:
            folder = output or _free_folder(archive.with_suffix(""))
            written = opened.unpack(folder, form)
            err().print(f"{counted(written, 'document')} written to [bold]{escape(str(folder))}[/]")


def verify(
    archive: ArchivePath,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as a JSON object.")] = False,
) -> None:
    """Check every byte of an archive. Exits with code 65 if anything is damaged."""
    with _opened(archive) as opened:
        found, documents = opened.verify(), len(opened)
    if as_json:
        facts = {"blocks": found.blocks, "damaged": found.damaged, "parts": found.parts, "intact": found.is_intact}
        print_json({"archive": archive, "documents": documents, **facts})
    elif found.is_intact:
        out().print(f"[green]intact[/]: {counted(documents, 'document')} in {counted(found.blocks, 'block')}")
    else:
        _describe_damage(archive, found.blocks, found.damaged, found.parts)
    if not found.is_intact:
        raise typer.Exit(DAMAGED)


def _describe_damage(archive: Path, blocks: int, damaged: tuple[int, ...], parts: tuple[str, ...]) -> None:
    console = out()
    if damaged:
        numbers = ", ".join(map(str, damaged))
        console.print(f"[red]damaged[/]: {counted(len(damaged), 'block')} of {blocks:,}: {numbers} (counted from 0)")
    if parts:
        console.print(f"[red]damaged[/]: {', '.join(parts)}")
    console.print(f"Everything else is readable: eopiez unpack {escape(str(archive))}")


def _opened(path: Path) -> Archive:
    from ..phases.compression import Archive

    try:
        return Archive.open(path)
    except OSError as error:
        raise UnreadableInputError(str(path), (error.strerror or str(error)).lower(), "name an .eopz file") from error


def _print_document(archive: Archive, name: str) -> None:
    try:
        found = archive.read(name)
    except DocumentNotFoundError as error:
        raise DocumentNotFoundError(f"{error}; use --ids to list the documents") from error
    print_data(found.text.removesuffix("\n"))


def _free_folder(wanted: Path) -> Path:
    """The folder, with a number appended if it already exists."""
    folder, number = wanted, 1
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder
