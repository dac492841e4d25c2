"""``eopiez logout``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ..errors import EopiezError, NotSignedInError
from .terminal import err

if TYPE_CHECKING:
    from ..client.contexts import Context, Contexts

PATIENCE_S = 5.0
"""Seconds for which the gateway is asked to end the session."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logout)


def logout(
    name: Annotated[
        str | None, typer.Argument(help="A context; the current one by default.", show_default=False)
    ] = None,
) -> None:
    """End the session of a context, and forget the context."""
    from ..client.contexts import Contexts

    contexts = Contexts()
    context = contexts.get(name)
    try:
        if context.tokens is not None:
            asyncio.run(_end(context, contexts))
    except EopiezError as error:
        if not isinstance(error, NotSignedInError):
            err().print(
                f"[yellow]Its session could not be ended there[/] and lasts until it expires: {escape(str(error))}"
            )
    contexts.delete(context.name)
    err().print(f"The context {escape(context.name)} is forgotten.")


async def _end(context: Context, contexts: Contexts) -> None:
    from ..client.connecting import credentials_of
    from ..client.patience import Patience
    from ..client.signing_in import sign_out
    from ..client.transport import Transport

    credentials, patience = credentials_of(context, contexts), Patience(total_s=PATIENCE_S)
    async with Transport(context.url, credentials, patience, ca_file=context.ca_file) as transport:
        await sign_out(transport)
