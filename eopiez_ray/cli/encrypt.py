"""``eopiez encrypt status | rotate | rewrap | convert | destroy``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from .operating import on_database
from .sheet import Sheet, figure, name, word
from .system import read_settings, stay_here
from .terminal import ago, counted, err, out, print_json

if TYPE_CHECKING:
    from ..engine.resealing import Converted
    from ..settings import Settings
    from ..store import Database
    from ..store.data_keys import DataKeyView, Share

Project = Annotated[str, typer.Argument(help="The project.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SYSTEM_NAME = "(system)"

encrypt = typer.Typer(
    name="encrypt",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Encryption at rest: what is encrypted, and the keys. docs/encryption.md tells how it works.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, rotate, rewrap, convert, destroy):
        encrypt.command(command.__name__)(command)
    app.add_typer(encrypt, callback=lambda: stay_here("encrypt"))


def status(as_json: AsJson = False) -> None:
    """Show the keys, and how much of each kind of data is encrypted and how much plain."""

    async def work(database: Database, settings: Settings) -> tuple[list[DataKeyView], list[Share]]:
        from ..store.data_keys import DataKeys

        keys = DataKeys(database, settings.at_rest)
        return await keys.all(), await keys.shares()

    keys, shares = on_database(work)
    settings = read_settings()
    is_on = settings.at_rest.masters is not None and settings.encryption
    if as_json:
        print_json({"is_on": is_on, "keys": [*map(asdict, keys)], "shares": [*map(asdict, shares)]})
        return
    out().print("New data is encrypted." if is_on else "New data is plain: see docs/encryption.md to encrypt it.")
    if keys:
        _key_sheet(keys).print(out())
    if shares:
        _share_sheet(shares).print(out())


def rotate(
    project: Annotated[str | None, typer.Argument(help="The project.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every project, and the system itself.")] = False,
) -> None:
    """Give a project a new data key for what is written from now on; what is there stays readable.

    Orchestrators and gateways that are at work use it within seconds.

    Example: eopiez encrypt rotate payroll
    """
    if (project is None) is not everything:
        raise ParameterError("name one project, or say --all")

    async def work(database: Database, settings: Settings) -> list[str]:
        from ..store import Projects
        from ..store.data_keys import DataKeys

        projects = Projects(database)
        chosen = [(await projects.get(project)).name] if project else [each.name for each in await projects.list()]
        for each in [*chosen, *([""] if everything else [])]:
            await DataKeys(database, settings.at_rest).rotate(each)
        return chosen

    out().print(f"New data of {counted(len(on_database(work)), 'project')} is encrypted with a new key.")


def rewrap() -> None:
    """Wrap all data keys again with the current master key, so that older master keys are not needed any more.

    Run it after the new master key has been put first, before the old one, everywhere.
    """

    async def work(database: Database, settings: Settings) -> int:
        from ..store.data_keys import DataKeys

        return await DataKeys(database, settings.at_rest).rewrap()

    count = on_database(work)
    out().print(f"{counted(count, 'data key')} wrapped again. Backups still need the master keys of their time.")


def convert() -> None:
    """Encrypt what was written before there were keys, workflow by workflow, while the system goes on.

    Workflows under way are left for a later run. It can be stopped at any time, and goes on when run again.
    """

    async def work(database: Database, settings: Settings) -> Converted:
        from ..engine.artifacts import Artifacts
        from ..engine.resealing import converted

        await database.vault.check()
        if not database.vault.is_writing:
            raise ParameterError("there are no master keys, or EOPIEZ_ENCRYPTION is false; nothing can be encrypted")
        artifacts = Artifacts(settings.artifacts, database.vault.keys)
        return await converted(database, artifacts, settings.shared_folder, _tell_progress)

    done = on_database(work)
    out().print(f"{counted(done.workflows, 'workflow')} encrypted.")
    if done.artifacts is None:
        err().print("Plain artifacts that nothing refers to are still in the object store: delete them there.")
    else:
        out().print(f"{counted(done.artifacts, 'plain artifact')} deleted.")


def _tell_progress(done: int) -> None:
    err().print(f"{done:,} workflows", end="\r")


def destroy(
    project: Project,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking for the project's name.")] = False,
) -> None:
    """Destroy a project's data keys: nobody can read its encrypted data any more, ever.

    Backups of the database hold the keys as well, wrapped: they are out of reach once the master keys of their time
    are.
    """
    if not yes and typer.prompt(f"This cannot be undone. Type the project's name, {project}", err=True) != project:
        raise typer.Abort

    async def work(database: Database, settings: Settings) -> int:
        from ..store import Projects
        from ..store.data_keys import DataKeys

        return await DataKeys(database, settings.at_rest).destroy((await Projects(database).get(project)).name)

    out().print(f"{counted(on_database(work), 'data key')} of project {project} destroyed.")


def _key_sheet(keys: list[DataKeyView]) -> Sheet:
    sheet = Sheet(name("project"), word("key"), word("state"), name("master key"), word("made", rank=1))
    for key in keys:
        state = "destroyed" if key.destroyed_at else "retired" if key.retired_at else "in use"
        sheet.add(key.project or SYSTEM_NAME, str(key.id), state, key.master, ago(key.created_at))
    return sheet


def _share_sheet(shares: list[Share]) -> Sheet:
    sheet = Sheet(name("data"), name("project"), figure("encrypted"), figure("plain"))
    for share in shares:
        sheet.add(share.kind, share.project or SYSTEM_NAME, f"{share.sealed:,}", f"{share.plain:,}")
    return sheet
