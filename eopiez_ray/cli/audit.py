"""``eopiez audit verify | export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import AuditError, ParameterError
from ..model.audit import Finding, Head
from .operating import on_database
from .system import stay_here
from .terminal import counted, err, json_line, out

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

SHOWN = 50
"""Findings that are listed."""

audit = typer.Typer(
    name="audit",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check and export the audit log: who did what, on what, from where, and what became of it.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    audit.command("verify")(verify)
    audit.command("export")(export)
    app.add_typer(audit, callback=lambda: stay_here("audit"))


def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROW:HASH", help="A head that was kept elsewhere, as a webhook is told it.", show_default=False
        ),
    ] = None,
) -> None:
    """Check that no row was changed, deleted or moved, and that the log still holds every head that was kept outside.

    The data home keeps the last head. Exits with code 1 if anything is wrong.
    """
    given = list(map(_head, head or []))

    async def work(database: Database, settings: Settings) -> tuple[int, list[Finding], Head | None]:
        from ..gateway.identity.anchors import FileAnchor
        from ..store.audit import AuditLog

        kept = FileAnchor(settings.home).read()
        count, found = await AuditLog(database).verify([*given, *([] if kept is None else [kept])])
        return count, found, kept

    count, found, kept = on_database(work)
    for finding in found[:SHOWN]:
        err().print(str(finding), markup=False)
    if found:
        raise AuditError(f"the audit log was tampered with: {counted(len(found), 'fault')} in {counted(count, 'row')}")
    if kept is None and not given:
        err().print("No head of the log was kept outside the database, so a cut tail would not show.")
    out().print(f"The audit log is whole: {counted(count, 'row')}.")


def export() -> None:
    """Write the whole log to standard output, oldest first, one JSON object a line."""

    async def work(database: Database, _settings: Settings) -> None:
        from ..store.audit import AuditLog

        async for page in AuditLog(database).pages():
            typer.echo("".join(json_line(link.to_value()) for link in page), nl=False)

    on_database(work)


def _head(text: str) -> Head:
    seq, _, hashed = text.partition(":")
    try:
        return Head(int(seq), bytes.fromhex(hashed))
    except ValueError as error:
        raise ParameterError(f"the head is {text!r}; write ROW:HASH, as in 120:9f86d0…") from error
