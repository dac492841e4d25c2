"""``eopiez context list | use | leave | rename | delete``: the systems that commands can work on."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.markup import escape

from .sheet import Sheet, name, word
from .system import URL
from .terminal import err, out, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Context = Annotated[str, typer.Argument(metavar="NAME", help="A context.", show_default=False)]

context = typer.Typer(
    name="context",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Choose among the systems that you have signed in to with **eopiez login**.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (list_contexts, use, leave, rename, delete):
        context.command("list" if command is list_contexts else command.__name__)(command)
    app.add_typer(context)


def list_contexts(as_json: AsJson = False) -> None:
    """List the contexts; the current one has a star."""
    from ..client.contexts import Contexts

    known = Contexts().read()
    if as_json:
        for each in known.contexts.values():
            facts = {"name": each.name, "url": each.url, "login": each.login, "project": each.project}
            print_json(facts | {"is_current": each.name == known.current})
        return
    if not known.contexts:
        err().print("No contexts yet; `eopiez login URL` makes one.")
        return
    sheet = Sheet(word(""), name("Name"), name("URL", 1), name("User", 2), name("Project", 3))
    for each in known.contexts.values():
        star = "*" if each.name == known.current else ""
        sheet.add(star, each.name, each.url, each.login or "by key", each.project or "")
    sheet.print(out())
    if os.environ.get(URL):
        err().print(f"{URL} is set, and goes before the current context.")


def use(name: Context) -> None:
    """Let commands work on that system."""
    from ..client.contexts import Contexts

    Contexts().use(name)
    err().print(f"Commands work on {escape(name)} now.")


def leave() -> None:
    """Let commands work on this machine's own system again; the contexts stay."""
    from ..client.contexts import Contexts

    Contexts().use(None)
    err().print("Commands work on this machine's own system now.")


def rename(name: Context, new: Annotated[str, typer.Argument(help="Its new name.", show_default=False)]) -> None:
    """Give a context another name."""
    from ..client.contexts import Contexts

    Contexts().rename(name, new)


def delete(name: Context) -> None:
    """Forget a context. Its session lasts until it expires; **eopiez logout** ends it as well."""
    from ..client.contexts import Contexts

    Contexts().delete(name)
