"""Who reads all metrics: somebody known, or whatever has the token that is good for nothing else."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from ..model.access import Caller
from .access import caller_of
from .bounding import count_caller
from .system import system_at

SCRAPER = Caller(UUID(int=0), "metrics token", is_system_administrator=True)
"""Sees the whole system, where it is let in. No login has a space in it."""


async def reader_of(request: Request) -> Caller:
    """Who asks for metrics. Errors as of any request, for whoever has another token."""
    system = system_at(request)
    if not is_token(system.settings.metrics_token, request.headers.getlist("authorization")):
        return await caller_of(request)
    request.state.caller = SCRAPER
    await count_caller(request, system, SCRAPER)
    return SCRAPER


def is_token(token: str | None, given: list[str]) -> bool:
    """Whether a request's headers hold the token; how long that takes tells nothing about it."""
    if token is None or len(given) != 1:
        return False
    scheme, _, credentials = given[0].partition(" ")
    return scheme.casefold() == "bearer" and secrets.compare_digest(_digest(credentials), _digest(token))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


ReaderDep = Annotated[Caller, Depends(reader_of)]
