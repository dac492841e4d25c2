"""How many requests a second: by address before anything else, then by user or key, and by project.

Replicas together keep to these bounds; see ``identity/limiter.py``.
"""

from __future__ import annotations

import math

from fastapi import Request

from ..model.access import Caller
from .identity.guessing import network_of
from .identity.limiter import Rate
from .identity.peers import peer_of
from .system import System, system_at

BURST_S = 2.0
"""Seconds' worth of requests that may come at once."""


async def count_address(request: Request) -> None:
    """Count a request, whoever sends it; not one for health, which has to be answered while the database is away.

    Raises:
        TooManyRequestsError: too many come from there.
    """
    if request.scope["path"].removeprefix("/v1").startswith("/health"):
        return
    system = system_at(request)
    if system.settings.rate_address > 0:
        await _count(system, f"address:{network_of(peer_of(request).address)}", system.settings.rate_address)


async def count_caller(request: Request, system: System, caller: Caller) -> None:
    """Count a request of somebody known, for them and for the project that they name, or their key is of.

    Raises:
        TooManyRequestsError: they send too many, or all who work for the project do together.
    """
    rates = system.settings
    if rates.rate_caller > 0:
        key = f"user:{caller.user_id}" if caller.key_id is None else f"key:{caller.key_id}"
        await _count(system, key, rates.rate_caller)
    if rates.rate_project > 0:
        await _count_for_project(request, system, caller)


async def _count_for_project(request: Request, system: System, caller: Caller) -> None:
    project = next(iter(caller.roles)) if caller.key_id is not None else request.query_params.get("project")
    if project is not None and caller.role_in(project) is not None:
        await _count(system, f"project:{project}", system.settings.rate_project)


async def _count(system: System, key: str, per_s: float) -> None:
    await system.identity.limiter.check(key, Rate(per_s, math.ceil(per_s * BURST_S)))
