"""Where a request comes from, as far as it matters for audit, sessions and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.audit import Entry

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request

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
    """The other end of a request: the connection's own address, never what a header says of it."""
    address = request.client.host if request.client is not None else ""
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    return Peer(address, agent, getattr(request.state, "request_id", ""))
