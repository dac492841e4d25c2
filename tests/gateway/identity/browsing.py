"""A gateway with its own users, and people who call it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.model.access import Role

from .given import PASSWORD, user


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway, and clients for it."""

    app: FastAPI

    @property
    def services(self) -> IdentityServices:
        """What its replica shares."""
        services: IdentityServices = self.app.state.system.identity
        return services

    def visitor(self, address: str = "192.0.2.7", **headers: str) -> httpx.AsyncClient:
        """Somebody unknown."""
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="https://eopiez.example.com/v1", headers=headers)

    async def session(self, login: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """Somebody who has signed in."""
        client = self.visitor()
        answer = await client.post("/auth/login", json={"login": login, "password": password})
        assert answer.status_code == HTTPStatus.OK, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    async def member(self, login: str, role: Role, project: str = "default") -> tuple[UUID, httpx.AsyncClient]:
        """A new member of a project, signed in."""
        made = await user(self.services, login)
        await self.services.accounts.put_member(project, made, role)
        return made, await self.session(login)

    async def administrator(self, login: str = "root") -> httpx.AsyncClient:
        """Somebody new who manages the system, signed in."""
        await user(self.services, login, administrator=True)
        return await self.session(login)


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    assert said["type"] == f"urn:eopiez:problem:{name}", said
    return said
