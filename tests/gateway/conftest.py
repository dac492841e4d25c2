"""The gateway on a real database, called without a network; who calls is said by a header."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

import eopiez_ray as ez
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.problems import Problem
from eopiez_ray.model.access import Caller, Role
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, Projects
from tests.engine.conftest import Stage
from tests.waiting import until

CALLERS = {
    "anna": Caller(uuid4(), "anna", {"blue": Role.DEVELOPER}),
    "ben": Caller(uuid4(), "ben", {"blue": Role.OPERATOR}),
    "cleo": Caller(uuid4(), "cleo", {"blue": Role.VIEWER}),
    "dora": Caller(uuid4(), "dora", {"red": Role.ADMINISTRATOR}),
    "emil": Caller(uuid4(), "emil", {"blue": Role.DEVELOPER, "red": Role.VIEWER}),
    "olga": Caller(uuid4(), "olga", {"blue": Role.OBSERVER}),
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


@asynccontextmanager
async def gateway_at(database_url: str, home: Path, *, is_new: bool = True, **options: Any) -> AsyncIterator[FastAPI]:
    """A gateway with two projects, which calls services on this machine."""
    settings = Settings(
        home=home, database_url=database_url, gateway_services=("127.0.0.1",), alert_targets=("127.0.0.1",), **options
    )
    async with running(create_app(settings, named)) as app:
        for project in ("blue", "red") if is_new else ():
            await Projects(app.state.system.database).create(project)
        yield app


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path) -> AsyncIterator[FastAPI]:
    """A gateway on an empty database."""
    async with gateway_at(database_url, home) as app:
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
    if word == "loud":
        print("four letters")
    return len(word)


def lengths(*words: str) -> dict[str, Any]:
    """A new workflow with code, as the Python client sends it."""
    plan = ez.Plan("lengths")
    plan.step("length", length, plan.values("words", list(words)))
    return sent(plan)


def sent(plan: ez.Plan) -> dict[str, Any]:
    """A plan with its code, as the Python client sends it."""
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code}


async def created(client: httpx.AsyncClient, *words: str, **options: Any) -> UUID:
    """The id of a new workflow."""
    answer = await client.post("/workflows", json=lengths(*words) | options)
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    return UUID(answer.json()["id"])


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a port of its own, so that answers come as they are made; gives its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", proxy_headers=False))
    serving = asyncio.create_task(server.serve())
    await until(lambda: _started(server))
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await serving


async def _started(server: uvicorn.Server) -> bool:
    return server.started


@dataclass(frozen=True)
class Message:
    """A server-sent event."""

    kind: str
    data: Any
    id: int | None


async def messages(answer: httpx.Response) -> AsyncIterator[Message]:
    """The messages of a stream as they come."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "event" in fields:
            yield Message(fields["event"], json.loads(fields["data"]), int(fields["id"]) if "id" in fields else None)
            fields = {}
        else:
            fields = {}


@pytest_asyncio.fixture(loop_scope="session")
async def stage(app: FastAPI, home: Path) -> AsyncIterator[Stage]:
    """Orchestrators beside the gateway."""
    made = Stage(app.state.system.database, home / "artifacts")
    yield made
    await made.close()
