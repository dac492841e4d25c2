"""Connections to what others have named: only to addresses that are allowed, and to the very ones that were looked at.

A name is resolved once for each connection, its addresses are checked, and the connection goes to one of those: no
second answer of a name server can send it elsewhere. No proxy is asked, no redirect followed, no cookie kept.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from .places import Places, literal, port_of

CONNECT_S = 3.0
RESOLVING = 8
"""Names that are resolved at once."""
KEPT_S = 3.0
"""Seconds for which an idle connection is kept: less than servers do, lest a call meets one that is just closing."""
_SAID_BY_US = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class CheckedResolver(AbstractResolver):
    """Resolves names, and gives the allowed addresses alone."""

    def __init__(self, places: Places, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        """
        Args:
            places: where services may be.
            look_up: asks the name servers, as ``socket.getaddrinfo`` does.
        """
        self.places, self.look_up = places, look_up
        self._threads = ThreadPoolExecutor(RESOLVING, "resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name at which a service may be.

        Raises:
            OSError: there are none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._found, host, port, family)
        allowed = [each for each in found if self.places.allows(host, ip_address(each["host"]), port)]
        if not allowed:
            raise OSError(f"{host} has no address at which a service may be")
        return allowed

    async def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def leads_somewhere(self, url: str) -> bool:
        """Whether a service with that URL could be called now."""
        host = urlsplit(url).hostname or ""
        if literal(host) is not None:
            return self.may_be_called(url)
        try:
            async with asyncio.timeout(CONNECT_S):
                return bool(await self.resolve(host, port_of(url)))
        except OSError:  # A TimeoutError is one.
            return False

    def may_be_called(self, url: str) -> bool:
        """Whether the address in a URL is allowed; that of a name is looked at when it is resolved."""
        host = urlsplit(url).hostname or ""
        address = literal(host)
        return not self.places.is_nowhere and (address is None or self.places.allows(host, address, port_of(url)))

    def _found(self, host: str, port: int, family: int) -> list[ResolveResult]:
        try:
            found = self.look_up(host, port, family, socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(f"{host!r} is no name of a host") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]


def new_session(resolver: CheckedResolver, read_s: float) -> aiohttp.ClientSession:
    """A session for calls to where the resolver allows them; to be closed.

    Args:
        resolver: says where they may go.
        read_s: seconds that may pass before an answer begins, and between its parts.
    """
    connector = aiohttp.TCPConnector(
        resolver=resolver, use_dns_cache=False, limit=0, keepalive_timeout=KEPT_S, enable_cleanup_closed=False
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=read_s, ceil_threshold=1e9)
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
        trust_env=False, skip_auto_headers=_SAID_BY_US,
    )  # fmt: skip
