"""A gateway in a thread of its own, with users and keys of its own, so that a program that waits can call it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from eopiez_ray.client.credentials import FixedToken
from eopiez_ray.client.signing_in import sign_in
from eopiez_ray.client.transport import Call, Transport
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.model.access import Role
from eopiez_ray.settings import Settings
from tests.gateway.identity.given import PASSWORD, member
from tests.waiting import wait_until

Given = TypeVar("Given")


class Gateway:
    """A gateway that can be stopped, and started again at the same address."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.port = settings, 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def services(self) -> IdentityServices:
        services: IdentityServices = self.app.state.system.identity
        return services

    def start(self) -> None:
        """Serve, and wait until it does."""
        self.app: FastAPI = create_app(self._settings)
        config = uvicorn.Config(
            self.app, port=self.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
        )
        self._server, self._loop = uvicorn.Server(config), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="gateway", daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started, "the gateway did not start"
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End it; whoever follows something is cut off."""
        self._server.should_exit = True
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Given]) -> Given:
        """Run something where the gateway runs."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())


async def new_key(services: IdentityServices, url: str, login: str, role: Role = Role.DEVELOPER) -> str:
    """An API key of a new member of the project ``default``."""
    await member(services, login, role)
    return await key_of(url, login, role)


async def key_of(url: str, login: str, role: Role = Role.DEVELOPER) -> str:
    """An API key of a member."""
    async with Transport(url) as visitor:
        tokens, _ = await sign_in(visitor, login, PASSWORD)
    body = {"name": "tests", "role": role}
    async with Transport(url, FixedToken(tokens.access_token)) as person:
        made = await person.json(Call(method="POST", path="keys", query={"project": "default"}, body=body))
    return str(made["key"])
