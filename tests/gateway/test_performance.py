"""``GET /performance``: what tasks took, for those who may see them, in every form."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from eopiez_ray.engine.accounting import Use
from eopiez_ray.gateway.spreadsheets import as_csv
from eopiez_ray.monitoring import catalogue as c
from tests.gateway.conftest import Client, created, gateway_at
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from tests.engine.conftest import Stage


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path) -> AsyncIterator[FastAPI]:
    """A gateway that measures quickly."""
    async with gateway_at(database_url, home, metrics_interval_s=0.05) as app:
        yield app


async def measured(client: Client, stage: Stage) -> str:
    """The id of a workflow in the project blue whose tasks are measured."""
    stage.orchestrate()
    workflow = await created(client("anna"), "ship", "crane", "bird")
    await stage.rest(workflow)  # type: ignore[arg-type]

    async def is_there() -> bool:
        found = await performance(client("cleo"))
        return bool(found["ended"]) and sum(group["tasks"] for group in found["groups"]) == 3

    await until(is_there)
    return str(workflow)


async def performance(client: httpx.AsyncClient, **parameters: Any) -> Any:
    answer = await client.get("/performance", params=parameters)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


async def test_groups_say_what_tasks_took(client: Client, stage: Stage) -> None:
    await measured(client, stage)
    found = await performance(client("cleo"), group=["step", "phase", "version"])
    (group,) = found["groups"]
    assert group["group"] == {"step": "length", "phase": "length", "version": "1"}
    assert (group["tasks"], group["failed"], group["cached"], group["run_share"]) == (3, 0, 0, 1.0)
    assert group["run"]["count"] == group["wait"]["count"] == group["commit"]["count"] == 3
    assert 0 <= group["run"]["p50_s"] <= group["run"]["p99_s"]
    (ended,) = found["ended"]
    assert (ended["status"], ended["workflows"], ended["took"]["count"]) == ("succeeded", 1, 1)
    (by_node,) = (await performance(client("cleo"), group=["node"]))["groups"]
    assert by_node["run"]["count"] == 3
    assert (await performance(client("cleo"), plan="another"))["groups"] == []
    before = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    assert (await performance(client("cleo"), until=before, window_s=60))["groups"] == []


async def test_others_see_nothing_of_it(client: Client, stage: Stage) -> None:
    workflow = await measured(client, stage)
    for stranger in ("dora", "fritz"):
        found = await performance(client(stranger), group=["project", "plan"])
        assert (found["groups"], found["ended"]) == ([], [])
        answer = await client(stranger).get(f"/workflows/{workflow}/performance")
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert (await client(stranger).get("/performance?project=blue")).status_code == HTTPStatus.NOT_FOUND


async def test_tables_come_as_csv_and_parquet(client: Client, stage: Stage) -> None:
    await measured(client, stage)
    text = await client("cleo").get("/performance", params={"group": "step"}, headers={"Accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(text.text))
    assert (row["step"], row["tasks"], row["run_count"]) == ("length", "3", "3")
    binary = await client("cleo").get("/performance", params={"group": "step", "format": "parquet"})
    (line,) = pq.read_table(io.BytesIO(binary.content)).to_pylist()
    assert (line["step"], line["tasks"]) == ("length", 3)
    assert float(row["run_p50_s"]) == line["run_p50_s"]
    empty = await client("dora").get("/performance", params={"format": "csv"})
    assert (empty.status_code, empty.content) == (200, b"")


async def test_windows_are_compared(client: Client, stage: Stage) -> None:
    await measured(client, stage)
    (group,) = (await performance(client("cleo"), baseline_version="1"))["groups"]
    assert group["comparison"] == {"p50_ratio": 1.0, "p95_ratio": 1.0, "p_value": 1.0, "verdict": "same"}
    (group,) = (await performance(client("cleo"), baseline="week"))["groups"]
    assert group["comparison"] is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"group": ["node", "step"]}, "by project alone"),
        ({"group": ["owner"]}, "group"),
        ({"until": "0001-01-01T00:00:00Z"}, "year"),
        ({"window_s": 0}, "window_s"),
    ],
)
async def test_what_cannot_be_asked_is_said(client: Client, query: dict[str, Any], says: str) -> None:
    answer = await client("cleo").get("/performance", params=query)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert says in answer.text


async def test_workflow_is_diagnosed(client: Client, stage: Stage) -> None:
    workflow = await measured(client, stage)
    answer = (await client("cleo").get(f"/workflows/{workflow}/performance")).json()
    (link,) = answer["path"]
    assert link["step"] == "length"
    assert answer["forecast"] is None
    assert {each["step"] for each in answer["stragglers"]} <= {"length"}  # The first task may be slow to begin.


async def test_running_workflow_has_no_forecast_before_anything_is_known(client: Client) -> None:
    workflow = await created(client("anna"), "ship")
    answer = await client("cleo").get(f"/workflows/{workflow}/performance")
    assert (answer.json()["path"], answer.json()["forecast"]) == ([], None)


def test_cells_are_no_formulas() -> None:
    assert as_csv([{"a": "=1+1", "b": -1.5, "c": 'x,"y"\n'}]) == b'a,b,c\r\n\'=1+1,-1.5,"x,""y""\n"\r\n'


async def test_use_of_slots_is_the_systems_and_what_was_held_back_the_projects(client: Client, app: FastAPI) -> None:
    meter = app.state.system.traffic.meter
    for use, seconds in ((Use.WORK, 60.0), (Use.LIMIT, 30.0), (Use.IDLE, 10.0)):
        meter.add(c.SLOT_SECONDS, seconds, (use,))
    meter.add(c.HELD_SECONDS, 40.0, ("blue", Use.LIMIT))
    meter.add(c.HELD_SECONDS, 50.0, ("green", Use.ROOM))
    meter.add(c.CPU_SECONDS, 45.0, ("blue", "anna", "letters", "spell"))

    async def is_there() -> Any:
        found = (await performance(client("root"), window_s=1000))["utilisation"]
        return found if len(found["held_back_s"]) == 2 and found["computing"] else None

    found = await until(is_there)
    assert found["slots"] == pytest.approx(0.1, rel=0.1)
    assert found["uses"] == {"work": 0.6, "limit": 0.3, "room": 0.0, "retry": 0.0, "dependency": 0.0, "idle": 0.1}
    assert (found["computing"], found["held_back_s"]) == (0.75, {"limit": 40.0, "room": 50.0})
    own = (await performance(client("cleo")))["utilisation"]
    assert own == {"slots": None, "uses": {}, "computing": None, "held_back_s": {"limit": 40.0}}
    assert (await performance(client("root"), project="green"))["utilisation"]["held_back_s"] == {"room": 50.0}
