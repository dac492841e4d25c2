"""The gateway on a real database, called without a network; who calls is said by a header."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request

import eopiez_ray as ez
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.problems import Problem
from eopiez_ray.model.access import Caller, Role
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, Projects

CALLERS = {
    "anna": Caller(uuid4(), "anna", {"blue": Role.DEVELOPER}),
    "ben": Caller(uuid4(), "ben", {"blue": Role.OPERATOR}),
    "cleo": Caller(uuid4(), "cleo", {"blue": Role.VIEWER}),
    "dora": Caller(uuid4(), "dora", {"red": Role.ADMINISTRATOR}),
    "emil": Caller(uuid4(), "emil", {"blue": Role.DEVELOPER, "red": Role.VIEWER}),
    "fritz": Caller(uuid4(), "fritz", {}),
    "root": Caller(uuid4(), "root", {}, is_system_administrator=True),
}


class Named:
    """Believes the header ``Caller``."""

    async def caller(self, request: Request) -> Caller:
        name = request.headers.get("caller", "")
        if name not in CALLERS:
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthenticated", "nobody known")
        return CALLERS[name]


async def named(_database: Database, _settings: Settings) -> Named:
    return Named()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    """The application between its start and its end."""
    async with app.router.lifespan_context(app):
        yield app


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path) -> AsyncIterator[FastAPI]:
    """A gateway on an empty database."""
    async with running(create_app(Settings(home=home, database_url=database_url), named)) as app:
        for project in ("blue", "red"):
            await Projects(app.state.system.database).create(project)
        yield app


Client = Callable[[str], httpx.AsyncClient]


@pytest.fixture
def client(app: FastAPI) -> Client:
    """A client for a caller's name."""

    def made(name: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway/v1", headers={"Caller": name})

    return made


@ez.phase(version="1")
def length(word: str) -> int:
    return len(word)


def lengths(*words: str) -> dict[str, Any]:
    """A new workflow with code, as the Python client sends it."""
    plan = ez.Plan("lengths")
    plan.step("length", length, plan.values("words", list(words)))
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code}


async def created(client: httpx.AsyncClient, *words: str, **options: Any) -> UUID:
    """The id of a new workflow."""
    answer = await client.post("/workflows", json=lengths(*words) | options)
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    return UUID(answer.json()["id"])
