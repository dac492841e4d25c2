"""The token that reads metrics: all of them, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError

from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.description import PUBLIC
from eopiez_ray.gateway.identity import opaque
from eopiez_ray.gateway.identity.opaque import Purpose
from eopiez_ray.gateway.scraping import is_token
from eopiez_ray.monitoring import standing
from eopiez_ray.settings import Settings
from tests.gateway.test_description import OPERATIONS
from tests.waiting import until

TOKEN = opaque.new_secret(Purpose.METRICS)
ELSEWHERE = [
    (method, path) for method, path, operation in OPERATIONS if operation["operationId"] not in {*PUBLIC, "get_metrics"}
]


@pytest_asyncio.fixture(loop_scope="session")
async def scraper(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Whatever has the token of a gateway that measures quickly."""
    monkeypatch.setattr(standing, "LOOK_S", 0.0)
    app = create_app(
        Settings(database_url=database_url, home=home, metrics_token=TOKEN, metrics_interval_s=0.05, rate_address=0)
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://gateway/v1",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as client,
    ):
        yield client


async def test_the_token_reads_the_metrics_of_the_whole_system(scraper: httpx.AsyncClient) -> None:
    async def sees_the_system() -> bool:
        answer = await scraper.get("/metrics")
        assert answer.status_code == HTTPStatus.OK, answer.text
        return "eopiez_postgres_connections" in answer.text and "eopiez_http_requests_total" in answer.text

    await until(sees_the_system)


async def test_the_token_is_good_for_nothing_else(scraper: httpx.AsyncClient) -> None:
    for method, path in ELSEWHERE:
        answer = await scraper.request(method, f"http://gateway{re.sub('{[^}]*}', str(uuid4()), path)}")
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, (method, path, answer.text)


async def test_any_other_token_is_refused(scraper: httpx.AsyncClient) -> None:
    for wrong in (
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} ",
        f"Basic {TOKEN}",
        f"Bearer {opaque.new_secret(Purpose.METRICS)}",
    ):
        answer = await scraper.get("/metrics", headers={"Authorization": wrong})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, wrong


@pytest.mark.parametrize(("token", "given"), [(None, ["Bearer "]), (TOKEN, []), (TOKEN, [f"Bearer {TOKEN}"] * 2)])
def test_no_token_and_two_are_none(token: str | None, given: list[str]) -> None:
    assert not is_token(token, given)


def test_a_short_token_is_no_setting() -> None:
    with pytest.raises(ValidationError, match="at least 32 characters"):
        Settings(metrics_token="short")
