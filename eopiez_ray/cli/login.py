"""``eopiez login``: sign in to a system elsewhere, where commands then work."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from ..errors import (
    ParameterError,
    SecondFactorNeededError,
    WeakPasswordError,
)
from ..model.options import login_name
from .terminal import err

if TYPE_CHECKING:
    from ..client.contexts import Context
    from ..client.credentials import Tokens
    from ..client.transport import Transport

CODE = "Code of your second factor"
ON_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}

Url = Annotated[str, typer.Argument(help="Where its gateway is.", show_default=False)]
User = Annotated[str | None, typer.Option("--user", "-u", metavar="NAME", help="Who signs in; asked for by default.")]
Named = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="How to call the context; by default like the host.", show_default=False
    ),
]
Project = Annotated[
    str | None, typer.Option("--project", help="What new workflows belong to; your only one by default.")
]
CaFile = Annotated[
    str | None,
    typer.Option(
        "--ca-file", metavar="FILE", help="Authorities of your own in PEM, one of which has signed its certificate."
    ),
]
FromStdin = Annotated[bool, typer.Option("--token-stdin", help="Read an API key from standard input; ask for nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(login)


def login(
    url: Url,
    user: User = None,
    name: Named = None,
    project: Project = None,
    token_stdin: FromStdin = False,
    ca_file: CaFile = None,
) -> None:
    """Sign in to a system elsewhere; commands then work there, until **eopiez logout** or **eopiez context**.

    **Examples**

    ```
    eopiez login https://eopiez.example.com
    eopiez login https://eopiez.example.com --token-stdin < key
    eopiez login https://eopiez.internal --ca-file our-authority.pem
    ```
    """
    from ..client.connecting import authorities
    from ..client.contexts import Context, Contexts
    from ..client.transport import checked_url

    where = checked_url(url)
    _warn_of_listeners(where)
    context = Context(name or _host(where), where, project=project, ca_file=authorities(ca_file))
    signed_in = _by_key(context) if token_stdin else _by_password(context, user)
    Contexts().put(signed_in)
    who = f" as {escape(signed_in.login)}" if signed_in.login else ""
    err().print(
        f"Signed in at {escape(where)}{who}; commands work there now, as context [bold]{escape(context.name)}[/]."
    )


def _by_key(context: Context) -> Context:
    """Signed in by a key from standard input, once it has been tried."""
    from dataclasses import replace

    from ..client.credentials import FixedToken
    from ..client.transport import Transport

    key = sys.stdin.readline().strip()
    if not key:
        raise ParameterError("standard input has no API key in its first line")

    async def tried() -> None:
        async with Transport(context.url, FixedToken(key), ca_file=context.ca_file) as transport:
            await transport.get("workflows", limit=1)

    asyncio.run(tried())
    return replace(context, key=key)


def _by_password(context: Context, user: str | None) -> Context:
    from dataclasses import replace

    who = user or typer.prompt("User", default=login_name() or None, err=True)
    password = _asked("Password")
    tokens = asyncio.run(_tokens(context, who, password))
    return replace(context, login=who, tokens=tokens)


async def _tokens(context: Context, who: str, password: str) -> Tokens:
    """The tokens of a session; a second factor, and a password in place of an initial one, are asked for as needed."""
    from ..client.signing_in import sign_in
    from ..client.transport import Transport

    async with Transport(context.url, ca_file=context.ca_file) as transport:
        try:
            signed_in = await sign_in(transport, who, password)
        except SecondFactorNeededError:
            signed_in = await sign_in(transport, who, password, _asked(CODE, is_hidden=False))
        if signed_in.must_change_password:
            return await _with_own_password(transport, signed_in.tokens, password)
        return signed_in.tokens


async def _with_own_password(transport: Transport, tokens: Tokens, password: str) -> Tokens:
    from ..client.signing_in import change_password

    err().print("This is an initial password. Choose your own; several random words are easy to keep.")
    new, code = _new_password(), None
    while True:
        try:
            return await change_password(transport, tokens, password, new, code)
        except WeakPasswordError as error:
            err().print(f"[red]{escape(str(error))}[/]")
            new = _new_password()
        except SecondFactorNeededError:
            code = _asked(f"{CODE}, the next one", is_hidden=False)


def _new_password() -> str:
    return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))


def _asked(what: str, *, is_hidden: bool = True) -> str:
    return str(typer.prompt(what, hide_input=is_hidden, err=True))


def _host(url: str) -> str:
    """What a context is called if nobody says."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _warn_of_listeners(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ON_THIS_MACHINE:
        err().print(
            "[yellow]http:// is not encrypted[/]: whoever is in between reads your password. Better use https://."
        )
