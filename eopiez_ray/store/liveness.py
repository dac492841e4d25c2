"""Connections over a network that goes silent: without a word from either side, TCP would wait for hours.

The kernels on both sides ask each other when a connection is quiet, and give it up after ``SILENT_S``. Then whatever
waits for an answer fails as with any lost connection, and the server ends the session with its transaction and locks.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

IDLE_S, BETWEEN_S, PROBES = 10, 5, 4
"""Quiet seconds before the first probe, seconds between probes, and how many go unanswered."""
SILENT_S = IDLE_S + BETWEEN_S * PROBES
AT_SERVER = {
    "tcp_keepalives_idle": str(IDLE_S),
    "tcp_keepalives_interval": str(BETWEEN_S),
    "tcp_keepalives_count": str(PROBES),
    "tcp_user_timeout": f"{SILENT_S}s",
}
"""Settings of a session, by which the server does the same; they mean nothing on a Unix socket."""
_HERE = {
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": BETWEEN_S,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": SILENT_S * 1000,
}
"""Options of a socket by name; not every system has all of them."""


def probe(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Let our kernel notice when the server is gone without a word. A Unix socket needs none of it."""
    found = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # asyncpg has no other way.
    if found.family == socket.AF_UNIX:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _HERE.items():
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
