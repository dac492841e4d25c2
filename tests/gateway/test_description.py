"""The API's description, and that the API does what it says."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.description import PUBLIC
from eopiez_ray.gateway.identity.first import ensure_first_administrator
from eopiez_ray.settings import Settings
from tests.engine.conftest import Stage
from tests.gateway.conftest import Client, listening, running

if TYPE_CHECKING:
    pass

DESCRIPTION: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = [
    (method, path, operation) for path, methods in DESCRIPTION["paths"].items() for method, operation in methods.items()
]
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]


def test_every_operation_is_described_for_people() -> None:
    for method, path, operation in OPERATIONS:
        assert operation.get("description"), (method, path)
        assert operation["tags"], (method, path)
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    assert set(names) >= PUBLIC


async def test_the_documentation_loads_nothing_from_elsewhere(client: Client) -> None:
    page = await client("nobody").get("/docs")
    assert "http" not in page.text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "start.js"):
        assert f"docs/{name}" in page.text
        assert (await client("nobody").get(f"/docs/{name}")).status_code == 200
    assert (await client("nobody").get("/docs/../../pyproject.toml")).status_code == 404
    assert (await client("nobody").get("/openapi.json")).json()["openapi"].startswith("3.1")


async def test_plain_paths_answer_the_same(client: Client) -> None:
    named = client("cleo")
    plain, versioned = await named.get("http://gateway/workflows"), await named.get("/workflows")
    assert (plain.status_code, plain.json()) == (versioned.status_code, versioned.json())


ENDING = (
    "logout", "end_session", "end_other_sessions", "end_sessions_of_user", "change_password", "reset_password",
    "update_user", "propose_totp", "confirm_totp", "remove_totp",
)  # fmt: skip
"""Operations after which the caller might be nobody any more; their own tests are elsewhere."""
EXAMPLES = os.environ.get("EOPIEZ_API_EXAMPLES", "5")
"""Examples for each operation and phase; 60 make some 5,000 cases."""
CONFIGURATION = """\
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "406", "409", "410", "412", "413", "422", "428", "429", "503"]

[[operations]]
include-operation-id = "send_upload"
phases.coverage.enabled = false

[[operations]]
include-path-regex = "/call/"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]
"""
"""What a schema cannot say, such as whether a cursor is one, may be refused. Calls of services that are not there are
answered with 503. Any bytes can be uploaded, so that nothing distinguishes a bad upload but headers that nobody
knows. DELETE cancels a workflow, which is then still there."""


async def test_the_api_does_what_its_description_says(database_url: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    settings = Settings(home=home, database_url=database_url, access_token_s=3600)
    async with running(create_app(settings)) as app, listening(app) as url:
        stage = Stage(app.state.system.database, home / "artifacts")
        stage.orchestrate()
        token = await signed_in(app, home, url)
        chosen = [text for name in ENDING for text in ("--exclude-operation-id", name)]
        process = await asyncio.create_subprocess_exec(
            "schemathesis", "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}",
            "--checks", "all", "--exclude-checks", "use_after_free",
            "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "30", *chosen,
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        await stage.close()
    assert process.returncode == 0, said.decode()[-20_000:]


async def signed_in(app: FastAPI, home: Path, url: str) -> str:
    """The access token of an administrator."""
    file = await ensure_first_administrator(app.state.system.database, home)
    assert file is not None
    password = file.read_text().strip()
    async with httpx.AsyncClient(base_url=url) as client:
        first = (await client.post("/auth/login", json={"login": "admin", "password": password})).json()
        change = {"password": password, "new_password": "four unlikely words together"}
        bearer = {"Authorization": f"Bearer {first['access_token']}"}
        token: str = (await client.post("/users/profile/password", json=change, headers=bearer)).json()["access_token"]
    return token
