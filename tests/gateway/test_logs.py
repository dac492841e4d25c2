"""The system's log over HTTP: who sees which lines, searching, following, exporting, levels."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from eopiez_ray.model.log_lines import NewLine, Part
from eopiez_ray.store.log_lines import append
from tests.engine.conftest import Stage
from tests.gateway.conftest import Client, created, listening, messages
from tests.waiting import until

FOLLOW = {"Accept": "text/event-stream"}


async def say(app: FastAPI, *texts: str, **facts: Any) -> None:
    """Let a part of the system say something."""
    given: dict[str, Any] = {"at": 1e9, "level": "warning", "part": Part.SUPERVISOR, "process": "h:1", "logger": "up"}
    await append(app.state.system.database, [NewLine(**given | facts, message=text) for text in texts])


async def found(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """The first page of lines."""
    answer = await client.get("/logs", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_lines_of_tasks_are_seen_in_their_project_alone(app: FastAPI, client: Client, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await created(client("anna"), "loud", "b")
    await stage.rest(workflow)  # type: ignore[arg-type]
    (line,) = await until(lambda: found(client("cleo"), text="four letters"))
    assert (line["part"], line["project"], line["workflow_id"], line["workflow"], line["step"]) == (
        "task", "blue", str(workflow), "lengths", "length",
    )  # fmt: skip
    for stranger in ("dora", "fritz"):
        assert await found(client(stranger)) == []
        assert await found(client(stranger), workflow=str(workflow)) == []
    assert (await client("dora").get("/logs", params={"project": "blue"})).status_code == 404
    assert await found(client("root"), project="red") == []
    assert line in await found(client("root"), project="blue")


async def test_what_parts_say_is_for_system_administrators_alone(app: FastAPI, client: Client) -> None:
    name = uuid4().hex
    await say(app, name)
    assert [line["message"] for line in await found(client("root"), text=name)] == [name]
    for member in ("anna", "ben", "cleo", "dora", "emil", "fritz"):
        assert await found(client(member), text=name) == []
        exported = await client(member).get("/logs/export", params={"text": name})
        assert (exported.status_code, exported.text) == (200, "")


async def test_a_request_is_found_by_its_id(app: FastAPI, client: Client) -> None:
    logging.getLogger("eopiez_ray.gateway.guard").setLevel(logging.DEBUG)
    try:
        trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
        headers = {"X-Request-Id": "my-request", "traceparent": trace}
        assert (await client("cleo").get("/workflows", headers=headers)).status_code == 200
    finally:
        logging.getLogger("eopiez_ray.gateway.guard").setLevel(logging.NOTSET)
    (line,) = await until(lambda: found(client("root"), request_id="my-request"))
    assert line["fields"] == {"method": "GET", "path": "/v1/workflows", "status": 200}
    assert await found(client("root"), trace_id="ab" * 16) == [line]


async def test_pages_hold_each_line_once(app: FastAPI, client: Client) -> None:
    name = uuid4().hex
    await say(app, *(f"{name} {number}" for number in range(25)))
    seen, cursor = list[str](), None
    while True:
        query = {"text": name, "limit": "10"} | ({} if cursor is None else {"cursor": cursor})
        page = (await client("root").get("/logs", params=query)).json()
        seen += [line["message"] for line in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"{name} {number}" for number in reversed(range(25))]
    assert page["is_text_indexed"] is True
    for bad in ("x", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwxXQ"):
        assert (await client("root").get("/logs", params={"cursor": bad})).status_code == 422


async def test_who_follows_gets_each_line_and_goes_on_after_a_break(app: FastAPI, client: Client) -> None:
    name = uuid4().hex
    async with listening(app) as url, httpx.AsyncClient(base_url=url, headers=FOLLOW | {"Caller": "root"}) as far:
        await say(app, f"{name} before")
        async with far.stream("GET", "/logs", params={"text": name}, timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen = messages(answer)
            await say(app, f"{name} 1")
            first = await anext(seen)
        await say(app, f"{name} 2", f"{name} 3")
        again = {"Last-Event-ID": str(first.id)}
        async with far.stream("GET", "/logs", params={"text": name}, headers=again, timeout=60) as answer:
            seen = messages(answer)
            rest = [await anext(seen), await anext(seen)]
    assert [each.data["message"] for each in (first, *rest)] == [f"{name} {number}" for number in (1, 2, 3)]
    assert {each.kind for each in (first, *rest)} == {"line"}


async def test_all_lines_are_exported(app: FastAPI, client: Client) -> None:
    name = uuid4().hex
    await say(app, *(f"{name} {number}" for number in range(2500)))
    answer = await client("root").get("/logs/export", params={"text": name})
    assert answer.headers["content-type"] == "application/x-ndjson"
    exported = [json.loads(line)["message"] for line in answer.text.splitlines()]
    assert exported == [f"{name} {number}" for number in range(2500)]


async def test_conditions_that_cannot_be_are_refused(client: Client) -> None:
    for query in ({"level": "loud"}, {"part": "kitchen"}, {"since": "yesterday"}, {"workflow": "1"}, {"text": ""}):
        answer = await client("cleo").get("/logs", params=query)
        assert answer.status_code == 422, query


async def test_levels_are_set_and_lifted_while_the_system_runs(client: Client) -> None:
    logger = logging.getLogger("eopiez_ray.tests.levels")
    root = client("root")
    answer = await root.put(f"/logs/levels/{logger.name}", json={"level": "critical"})
    assert (answer.status_code, answer.json()["set_by"]) == (200, "root")
    assert [each["logger"] for each in (await root.get("/logs/levels")).json()["items"]] == [logger.name]
    await until(lambda: logger.level == logging.CRITICAL)
    assert (await root.delete(f"/logs/levels/{logger.name}")).status_code == 204
    await until(lambda: logger.level == logging.NOTSET)
    assert (await root.delete(f"/logs/levels/{logger.name}")).status_code == 404
    assert (await root.put("/logs/levels/../x", json={"level": "info"})).status_code == 404
    assert (await root.put("/logs/levels/a", json={"level": "loud"})).status_code == 422
