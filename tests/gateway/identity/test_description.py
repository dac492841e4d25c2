"""The API's description tells who needs which credentials, and it is true."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import uuid4

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.description import PUBLIC
from eopiez_ray.settings import Settings

from .browsing import Site, problem

SCHEMA: dict[str, Any] = create_app(Settings()).openapi()
CLOSED = [
    (method, path)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
    if operation["operationId"] not in PUBLIC
]
VALUES = {"{project}": "default", "{step}": "a", "{name}": "a"}


def test_open_endpoints_are_there_and_are_few() -> None:
    operations = {operation["operationId"] for methods in SCHEMA["paths"].values() for operation in methods.values()}
    assert operations >= PUBLIC
    assert len(PUBLIC) == 9
    assert set(SCHEMA["components"]["securitySchemes"]) == {"bearer", "cookie"}


async def test_without_credentials_nothing_is_done_or_told_v5_0_0_8_2_1(site: Site) -> None:
    """The routes themselves say which there are, so that no new one is forgotten, under ``/v1`` and the plain path."""
    for method, template in CLOSED:
        path = filled(template)
        for place in (path, path.removeprefix("/v1")):
            answer = await site.visitor().request(method, f"https://eopiez.example.com{place}", json={})
            problem(answer, 401, "unauthenticated")


def filled(path: str) -> str:
    """The path of something."""
    for name, value in VALUES.items():
        path = path.replace(name, value)
    while "{" in path:
        path = path[: path.index("{")] + str(uuid4()) + path[path.index("}") + 1 :]
    return path


async def test_health_is_told_while_the_database_is_away(site: Site) -> None:
    await site.app.state.system.database.fetch("alter table rates rename to rates_away")
    assert (await site.visitor().get("/health/live")).status_code == HTTPStatus.OK
    assert (await site.visitor().get("/workflows")).status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
