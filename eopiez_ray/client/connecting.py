"""From a URL and a token, or a context of ``eopiez login``, to a system."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..tls import AUTHORITIES
from .blocking import Remote
from .contexts import Context, Contexts, TokensInContext
from .credentials import Credentials, FixedToken, Session, Tokens
from .loop import Loop
from .remote import AsyncRemote
from .signing_in import exchange
from .transport import Transport, checked_url

if TYPE_CHECKING:
    from .patience import Patience

URL, TOKEN, PROJECT, CA_FILE = "EOPIEZ_URL", "EOPIEZ_TOKEN", "EOPIEZ_PROJECT", AUTHORITIES


def connect_async(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    patience: Patience | None = None,
    ca_file: str | os.PathLike[str] | None = None,
) -> AsyncRemote:
    """A system elsewhere, to be awaited. Arguments and errors as in ``connect``."""
    chosen, contexts = _chosen(url, token, project, context)
    chosen = replace(chosen, ca_file=authorities(ca_file) or chosen.ca_file)
    transport = Transport(chosen.url, credentials_of(chosen, contexts), patience, ca_file=chosen.ca_file)
    return AsyncRemote(transport, chosen.project)


def connect(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    patience: Patience | None = None,
    ca_file: str | os.PathLike[str] | None = None,
) -> Remote:
    """A system elsewhere. Nothing is sent before the first request.

    Args:
        url: of its gateway; by default ``EOPIEZ_URL``, else the current context of ``eopiez login``.
        token: an API key; by default ``EOPIEZ_TOKEN``, else what the context has.
        project: what new workflows belong to; by default ``EOPIEZ_PROJECT``, the context's, or the only one you have.
        context: the name of a context of ``eopiez login``, in place of a URL.
        patience: how long what is safe is tried again; a minute by default.
        ca_file: authorities of your own in PEM, one of which has signed the gateway's certificate; by default
            ``EOPIEZ_CA_FILE``, else the context's. Those that the machine trusts are trusted as well.

    Raises:
        ParameterError: this is no URL, or no system is chosen.
        CertificateError: the file holds no authorities.
    """
    loop = Loop()
    try:
        return Remote(loop, loop.run(_opened(url, token, project, context, patience, ca_file)))
    except BaseException:
        loop.close()
        raise


async def _opened(
    url: str | None,
    token: str | None,
    project: str | None,
    context: str | None,
    patience: Patience | None,
    ca_file: str | os.PathLike[str] | None,
) -> AsyncRemote:
    return connect_async(url, token, project, context=context, patience=patience, ca_file=ca_file)


def authorities(given: str | os.PathLike[str] | None) -> str | None:
    """The path of the file with authorities that a caller or the environment names; None if neither does."""
    named = given or os.environ.get(CA_FILE)
    return None if not named else str(Path(named).expanduser().absolute())


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
        return Context("", known.url, project=project or known.project, key=token, ca_file=known.ca_file), None
    return replace(known, project=project or known.project), contexts


def credentials_of(context: Context, contexts: Contexts | None) -> Credentials:
    """What requests to a context's system show."""
    if context.tokens is None or contexts is None:
        return FixedToken(context.key)
    return Session(TokensInContext(contexts, context), partial(_renewed, context.url, context.ca_file))


async def _renewed(url: str, ca_file: str | None, refresh_token: str) -> Tokens:
    async with Transport(url, ca_file=ca_file) as transport:
        return await exchange(transport, refresh_token)
