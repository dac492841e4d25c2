"""``GET /costs``: what tasks used and cost, for those who may see them."""

from __future__ import annotations

import csv
import io
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

import eopiez_ray as ez
from tests.gateway.conftest import Client, gateway_at, sent
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from tests.engine.conftest import Stage

CPU_HOUR, GIB_HOUR = 2.0, 0.5


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path) -> AsyncIterator[FastAPI]:
    """A gateway that measures quickly, and knows prices."""
    async with gateway_at(
        database_url, home, metrics_interval_s=0.05, price_cpu_hour=CPU_HOUR, price_gib_hour=GIB_HOUR
    ) as app:
        yield app


@ez.phase(version="1")
def burned(number: int) -> int:
    """Takes some CPU time."""
    until_s = time.thread_time() + 0.1
    while time.thread_time() < until_s:
        pass
    return number


async def groups_of(client: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/costs", params=parameters)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: list[dict[str, Any]] = answer.json()["groups"]
    return found


async def test_costs_are_what_was_used_by_its_price(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    plan = ez.Plan("burning")
    plan.step("burned", burned, plan.values("numbers", [1]))
    answer = await client("anna").post("/workflows", json=sent(plan))
    await stage.rest(UUID(answer.json()["id"]))  # type: ignore[arg-type]
    (group,) = await until(lambda: groups_of(client("cleo")))
    assert group["group"] == {"project": "blue", "owner": "anna"}
    assert group["cpu_hours"] > 0
    paid = CPU_HOUR * group["cpu_hours"] + GIB_HOUR * group["memory_gib_hours"]
    assert group["cost"] == pytest.approx(paid, rel=1e-6)
    (told_apart,) = await groups_of(client("cleo"), group=["phase", "plan"])
    assert told_apart["group"] == {"phase": "burned", "plan": "burning"}
    assert told_apart["cost"] == pytest.approx(group["cost"])
    assert await groups_of(client("dora")) == []
    table = await client("cleo").get("/costs", params={"format": "csv"})
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert 'filename="costs.csv"' in table.headers["content-disposition"]
    assert row["owner"] == "anna"
    assert float(row["cost"]) == pytest.approx(group["cost"])
