"""``eopiez upgrade``: bring the database's schema up to date, or say what that would do."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .system import read_settings, stay_here
from .terminal import counted, err, out, print_json

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store.migrating import SchemaState


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(upgrade)


def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Only say what would be done, and whether it can be.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring the schema of the database up to date with this program, as whoever starts first does by itself.

    Work goes on meanwhile. Programs of the version before may be at work on the new schema, unless --check says
    otherwise. Exit code 69 if this program cannot work on the database.

    Example: eopiez upgrade --check
    """
    from ..store.migrating import SCHEMA_VERSION

    stay_here("upgrade")
    state = asyncio.run(_upgraded(read_settings(), is_dry=check))
    steps = [step._asdict() for step in state.steps]
    if as_json:
        print_json({**asdict(state), "needed": SCHEMA_VERSION, "steps": steps, "is_done": not check})
    elif not steps:
        out().print(_nothing_to_do(state))
    else:
        verb = "Would bring" if check else "Brought"
        out().print(f"{verb} the database from schema {state.version} to {SCHEMA_VERSION}:")
        for step in state.steps:
            out().print(f"  {step.version}  {step.title}", markup=False)
        if check:
            _tell_consequences(state)


def _nothing_to_do(state: SchemaState) -> str:
    from ..store.migrating import SCHEMA_VERSION

    if not state.version:
        return f"The database had no schema; it has schema {SCHEMA_VERSION} with the first program that opens it."
    if state.version > SCHEMA_VERSION:
        return f"The database has schema {state.version}, which is newer; this program ({SCHEMA_VERSION}) works on it."
    return f"The database is up to date: schema {state.version}."


def _tell_consequences(state: SchemaState) -> None:
    from ..store.migrating import COMPATIBLE_SINCE

    if state.version < COMPATIBLE_SINCE:
        err().print(
            f"Programs that know only schema {state.version} cannot be started on it afterwards; those that are at "
            "work go on until they end. Exchange all of them."
        )
    err().print(f"Make a backup first (`eopiez backup create`): {counted(len(state.steps), 'step')}, and no way back.")


async def _upgraded(settings: Settings, *, is_dry: bool) -> SchemaState:
    """The database as it was found; up to date afterwards, unless this is dry."""
    from ..home import open_home
    from ..store import EmbeddedServer, connect
    from ..store.migrating import schema_at

    open_home(settings.home)
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    url = settings.database_url if server is None else await asyncio.to_thread(server.start)
    assert url is not None
    try:
        state = await schema_at(url)
        state.check()
        if not is_dry:
            await (await connect(url)).close()
        return state
    finally:
        if server is not None:
            await asyncio.to_thread(server.leave)
