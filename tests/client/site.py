"""A gateway on a port, called by a client that does not wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eopiez_ray.client.credentials import FixedToken
from eopiez_ray.client.remote import AsyncRemote
from eopiez_ray.client.transport import Transport

if TYPE_CHECKING:
    from fastapi import FastAPI

    from eopiez_ray.client.patience import Patience
    from tests.engine.conftest import Stage

    from .breaking import Moody


@dataclass(frozen=True)
class Site:
    """A gateway on a port, and an orchestrator beside it."""

    url: str
    key: str
    app: FastAPI
    moody: Moody
    stage: Stage

    @asynccontextmanager
    async def client(self, url: str | None = None, patience: Patience | None = None) -> AsyncIterator[AsyncRemote]:
        async with AsyncRemote(self.transport(url, patience)) as remote:
            yield remote

    def transport(self, url: str | None = None, patience: Patience | None = None) -> Transport:
        return Transport(url or self.url, FixedToken(self.key), patience)
