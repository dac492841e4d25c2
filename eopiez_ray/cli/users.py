"""``eopiez users create | list | reset-password | disable | enable``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from ..model.access import Role
from .operating import on_database
from .sheet import Sheet, name, word
from .system import stay_here
from .terminal import ago, err, out, print_json

if TYPE_CHECKING:
    from ..gateway.identity.operator import InitialPassword
    from ..model.accounts import UserView
    from ..settings import Settings
    from ..store import Database

Login = Annotated[str, typer.Argument(help="The login name.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

users = typer.Typer(
    name="users",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Manage who may sign in, as the operator of this machine; no gateway has to run.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    users.command("create")(create)
    users.command("list")(list_users)
    users.command("reset-password")(reset_password)
    users.command("disable")(disable)
    users.command("enable")(enable)
    app.add_typer(users, callback=lambda: stay_here("users"))


def create(
    login: Login,
    email: Annotated[str | None, typer.Option(help="Their e-mail address.", show_default=False)] = None,
    full_name: Annotated[str, typer.Option("--name", help="How people call them.")] = "",
    administrator: Annotated[bool, typer.Option("--administrator", help="Let them manage the whole system.")] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="PROJECT=ROLE", help="A role in a project; may be repeated.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a user, and print a password that works once, within 7 days, and has to be changed then.

    **Examples**

    ```
    eopiez users create anna --role default=developer
    eopiez users create root --administrator
    ```
    """
    roles = tuple(map(_role, role or []))

    async def work(database: Database, settings: Settings) -> InitialPassword:
        from ..gateway.identity.operator import NewAccount, Operator

        return await Operator(database, settings.home).create(NewAccount(login, email, full_name, administrator, roles))

    _print_initial(on_database(work), as_json=as_json)


def list_users(as_json: AsJson = False) -> None:
    """List users by login."""

    async def work(database: Database, _settings: Settings) -> list[UserView]:
        from ..store.accounts import Accounts

        found: list[UserView] = []
        while page := await Accounts(database).page(found[-1].login if found else "", limit=1000):
            found += page
        return found

    views = on_database(work)
    if as_json:
        for view in views:
            print_json(asdict(view))
    elif not views:
        err().print("No users yet; eopiez up makes the first administrator.")
    else:
        _users_sheet(views).print(out())


def reset_password(login: Login, as_json: AsJson = False) -> None:
    """Print a new password that works once; all sessions of the user end. The second factor stays."""

    async def work(database: Database, settings: Settings) -> InitialPassword:
        from ..gateway.identity.operator import Operator

        return await Operator(database, settings.home).reset_password(login)

    _print_initial(on_database(work), as_json=as_json)


def disable(login: Login) -> None:
    """Let a user in no more; all their sessions and keys end at once."""

    async def work(database: Database, settings: Settings) -> None:
        from ..gateway.identity.operator import Operator

        await Operator(database, settings.home).disable(login)

    on_database(work)
    out().print(f"{login!r} is disabled.", markup=False)


def enable(login: Login) -> None:
    """Let a user in again, by their password and keys; sessions have ended for good."""

    async def work(database: Database, settings: Settings) -> None:
        from ..gateway.identity.operator import Operator

        await Operator(database, settings.home).enable(login)

    on_database(work)
    out().print(f"{login!r} is enabled.", markup=False)


def _role(text: str) -> tuple[str, Role]:
    project, equals, role = text.partition("=")
    if not equals or role not in list(Role):
        raise ParameterError(f"the role is {text!r}; write PROJECT=ROLE, with one of {', '.join(Role)}")
    return project, Role(role)


def _print_initial(given: InitialPassword, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(given))
        return
    err().print(f"{given.login!r} signs in once with this password, and changes it then:", markup=False)
    out().print(given.password, markup=False)


def _users_sheet(views: list[UserView]) -> Sheet:
    sheet = Sheet(
        name("Login"), name("Name", 2), word("Manages the system", 1), word("State"), word("Signed in", 1),
        word("Created", 3),
    )  # fmt: skip
    for view in views:
        manages = "yes" if view.is_system_administrator else ""
        sheet.add(view.login, view.display_name, manages, _state(view), ago(view.last_login_at), ago(view.created_at))
    return sheet


def _state(view: UserView) -> str:
    if view.is_disabled:
        return "disabled"
    return "initial password" if view.must_change_password else "active"
