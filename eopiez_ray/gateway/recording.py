"""What the audit log keeps of every request: whatever it changes, and whatever it is refused."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request

from ..model.audit import Entry, Outcome
from .identity.guessing import network_of
from .identity.origins import SAFE
from .identity.peers import peer_of
from .identity.trail import Trail

REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
OWN_RECORD = ("/auth/login", "/auth/refresh")
"""Paths whose refusals are recorded where they are decided."""


def record_change(request: Request) -> None:
    """Keep that a request changed something, unless its endpoint has said so more exactly."""
    if request.method in SAFE or getattr(request.state, "is_recorded", False):
        return
    _note(request, Outcome.DONE, {})


def record_refusal(request: Request, status: HTTPStatus, name: str) -> None:
    """Keep that a request was refused because of who sent it (ASVS 16.3.2); of very many from one source, some."""
    if status not in REFUSALS or request.scope["path"].endswith(OWN_RECORD):
        return
    system, caller = getattr(request.app.state, "system", None), getattr(request.state, "caller", None)
    if system is None:
        return
    source = f"address {network_of(peer_of(request).address)}" if caller is None else f"user {caller.user_id}"
    count = system.identity.refusals.counted(source)
    if count is not None:
        facts = {"because of": name, "path": request.scope["path"], "refusals in this minute": str(count)}
        _note(request, Outcome.REFUSED, facts)


def _note(request: Request, result: Outcome, details: dict[str, str]) -> None:
    trail = _trail(request)
    if trail is None:
        return
    caller, peer = getattr(request.state, "caller", None), peer_of(request)
    route = request.scope.get("route")
    entry = Entry(
        getattr(route, "operation_id", None) or request.method,
        result,
        actor="" if caller is None else caller.name,
        actor_id=None if caller is None else caller.user_id,
        object=" ".join(map(str, request.path_params.values())),
        project=request.query_params.get("project", ""),
        address=peer.address,
        request_id=peer.request_id,
        details=details,
    )
    trail.note(entry)


def _trail(request: Request) -> Trail | None:
    """None before the application has started."""
    system = getattr(request.app.state, "system", None)
    return None if system is None else system.identity.trail
