"""Where a request comes from, as far as it matters for audit, sessions and limits."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ...model.audit import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network
    from uuid import UUID

    from starlette.requests import Request

    Network = IPv4Network | IPv6Network

LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    address: str = ""
    user_agent: str = ""
    request_id: str = ""

    def entry(self, action: str, login: str, user_id: UUID | None, about: str = "") -> Entry:
        """A line of the audit log about what somebody there does."""
        return Entry(
            action,
            actor=login,
            actor_id=user_id,
            object=about,
            address=self.address,
            request_id=self.request_id,
            details={"user agent": self.user_agent},
        )


def peer_of(request: Request) -> Peer:
    """The other end of a request. What a header says of its address counts only if a trusted proxy has sent it."""
    address = request.client.host if request.client is not None else ""
    trusted = request.app.state.system.settings.trusted_proxies if "app" in request.scope else ()
    if trusted:
        address = true_address(address, request.headers.getlist("x-forwarded-for"), trusted)
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    return Peer(address, agent, getattr(request.state, "request_id", ""))


def true_address(address: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Where a request comes from: behind proxies that are trusted, the first address that is none of theirs.

    Args:
        address: of the connection.
        forwarded: headers ``X-Forwarded-For``, as they came; each proxy adds, on the right, whom it has seen.
        trusted: the proxies' networks.
    """
    hops = [hop.strip() for header in forwarded for hop in header.split(",")]
    while hops and _is_in(address, trusted):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
