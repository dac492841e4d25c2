"""From a URL and a token, or a context of ``eopiez login``, to a system."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from .blocking import Remote
from .contexts import Context, Contexts, TokensInContext
from .credentials import Credentials, FixedToken, Session, Tokens
from .loop import Loop
from .remote import AsyncRemote
from .signing_in import exchange
from .transport import Transport, checked_url

if TYPE_CHECKING:
    from .patience import Patience

URL, TOKEN, PROJECT = "EOPIEZ_URL", "EOPIEZ_TOKEN", "EOPIEZ_PROJECT"


def connect_async(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    patience: Patience | None = None,
) -> AsyncRemote:
    """A system elsewhere, to be awaited. Arguments and errors as in ``connect``."""
    chosen, contexts = _chosen(url, token, project, context)
    transport = Transport(chosen.url, credentials_of(chosen, contexts), patience)
    return AsyncRemote(transport, chosen.project)


def connect(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    patience: Patience | None = None,
) -> Remote:
    """A system elsewhere. Nothing is sent before the first request.

    Args:
        url: of its gateway; by default ``EOPIEZ_URL``, else the current context of ``eopiez login``.
        token: an API key; by default ``EOPIEZ_TOKEN``, else what the context has.
        project: what new workflows belong to; by default ``EOPIEZ_PROJECT``, the context's, or the only one you have.
        context: the name of a context of ``eopiez login``, in place of a URL.
        patience: how long what is safe is tried again; a minute by default.

    Raises:
        ParameterError: this is no URL, or no system is chosen.
    """
    loop = Loop()
    try:
        return Remote(loop, loop.run(_opened(url, token, project, context, patience)))
    except BaseException:
        loop.close()
        raise


async def _opened(
    url: str | None, token: str | None, project: str | None, context: str | None, patience: Patience | None
) -> AsyncRemote:
    return connect_async(url, token, project, context=context, patience=patience)


def _chosen(
    url: str | None, token: str | None, project: str | None, name: str | None
) -> tuple[Context, Contexts | None]:
    """What was asked for, and the file that it is kept in, if it is."""
    project = project or os.environ.get(PROJECT)
    if name is None and (url or os.environ.get(URL)):
        where = checked_url(url or os.environ[URL])
        return Context("", where, project=project, key=token or os.environ.get(TOKEN)), None
    contexts = Contexts()
    known = contexts.get(name)
    if token is not None:
        return Context("", known.url, project=project or known.project, key=token), None
    return Context(known.name, known.url, known.login, project or known.project, known.key, known.tokens), contexts


def credentials_of(context: Context, contexts: Contexts | None) -> Credentials:
    """What requests to a context's system show."""
    if context.tokens is None or contexts is None:
        return FixedToken(context.key)
    return Session(TokensInContext(contexts, context), partial(_renewed, context.url))


async def _renewed(url: str, refresh_token: str) -> Tokens:
    async with Transport(url) as transport:
        return await exchange(transport, refresh_token)
