"""``eopiez users create | list | reset-password | disable | enable``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import NoSuchAccountError, ParameterError, ProjectNotFoundError
from ..model.access import Role
from .asking import Facts, ask, ask_all, moment_of
from .operating import on_database
from .sheet import Sheet, name, word
from .system import is_elsewhere
from .terminal import ago, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    help="Manage who may sign in: on this machine as its operator, elsewhere as a system administrator.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    users.command("create")(create)
    users.command("list")(list_users)
    users.command("reset-password")(reset_password)
    users.command("disable")(disable)
    users.command("enable")(enable)
    app.add_typer(users)


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

    if is_elsewhere():
        facts = {"email": email, "display_name": full_name, "is_system_administrator": administrator}
        _print_initial(_created_elsewhere({"login": login} | facts, roles), as_json=as_json)
    else:
        _print_initial(asdict(on_database(work)), as_json=as_json)


def list_users(as_json: AsJson = False) -> None:
    """List users by login."""

    async def work(database: Database, _settings: Settings) -> list[UserView]:
        from ..store.accounts import Accounts

        found: list[UserView] = []
        while page := await Accounts(database).page(found[-1].login if found else "", limit=1000):
            found += page
        return found

    views = ask_all("users") if is_elsewhere() else [asdict(view) for view in on_database(work)]
    if as_json:
        for view in views:
            print_json(view)
    elif not views:
        err().print("No users yet; eopiez up makes the first administrator.")
    else:
        _users_sheet(views).print(out())


def reset_password(login: Login, as_json: AsJson = False) -> None:
    """Print a new password that works once; all sessions of the user end. The second factor stays."""

    async def work(database: Database, settings: Settings) -> InitialPassword:
        from ..gateway.identity.operator import Operator

        return await Operator(database, settings.home).reset_password(login)

    if is_elsewhere():
        _print_initial(ask("POST", f"users/{_found_elsewhere(login)['id']}/password-reset"), as_json=as_json)
    else:
        _print_initial(asdict(on_database(work)), as_json=as_json)


def disable(login: Login) -> None:
    """Let a user in no more; all their sessions and keys end at once."""

    async def work(database: Database, settings: Settings) -> None:
        from ..gateway.identity.operator import Operator

        await Operator(database, settings.home).disable(login)

    _set_disabled_elsewhere(login, is_disabled=True) if is_elsewhere() else on_database(work)
    out().print(f"{login!r} is disabled.", markup=False)


def enable(login: Login) -> None:
    """Let a user in again, by their password and keys; sessions have ended for good."""

    async def work(database: Database, settings: Settings) -> None:
        from ..gateway.identity.operator import Operator

        await Operator(database, settings.home).enable(login)

    _set_disabled_elsewhere(login, is_disabled=False) if is_elsewhere() else on_database(work)
    out().print(f"{login!r} is enabled.", markup=False)


def _created_elsewhere(user: Facts, roles: Sequence[tuple[str, Role]]) -> Facts:
    """A new user's initial password; nobody is created if there is no such project."""
    known = {each["name"] for each in ask("GET", "projects")["items"]} if roles else set()
    for project, _ in roles:
        if project not in known:
            raise ProjectNotFoundError(project)
    given: Facts = ask("POST", "users", user)
    for project, role in roles:
        ask("PUT", f"projects/{project}/members/{given['id']}", {"role": role})
    return given


def _found_elsewhere(login: str) -> Facts:
    from ..model.accounts import checked_login

    wanted = checked_login(login)
    found = next((user for user in ask_all("users", text=wanted) if user["login"] == wanted), None)
    if found is None:
        raise NoSuchAccountError(f"there is no user {wanted!r}")
    return found


def _set_disabled_elsewhere(login: str, *, is_disabled: bool) -> None:
    user = _found_elsewhere(login)
    kept = {name: user[name] for name in ("display_name", "email", "is_system_administrator")}
    ask("PUT", f"users/{user['id']}", {**kept, "is_disabled": is_disabled}, headers={"If-Match": "*"})


def _role(text: str) -> tuple[str, Role]:
    project, equals, role = text.partition("=")
    if not equals or role not in list(Role):
        raise ParameterError(f"the role is {text!r}; write PROJECT=ROLE, with one of {', '.join(Role)}")
    return project, Role(role)


def _print_initial(given: Facts, *, as_json: bool) -> None:
    if as_json:
        print_json({name: given[name] for name in ("login", "password", "expires_at")})
        return
    err().print(f"{given['login']!r} signs in once with this password, and changes it then:", markup=False)
    out().print(given["password"], markup=False)


def _users_sheet(views: Sequence[Facts]) -> Sheet:
    sheet = Sheet(
        name("Login"), name("Name", 2), word("Manages the system", 1), word("State"), word("Signed in", 1),
        word("Created", 3),
    )  # fmt: skip
    for view in views:
        manages = "yes" if view["is_system_administrator"] else ""
        times = [ago(moment_of(view[name])) for name in ("last_login_at", "created_at")]
        sheet.add(view["login"], view["display_name"], manages, _state(view), *times)
    return sheet


def _state(view: Facts) -> str:
    if view["is_disabled"]:
        return "disabled"
    return "initial password" if view["must_change_password"] else "active"
