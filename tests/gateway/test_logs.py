"""The system's log over HTTP: who sees which lines, searching, following, exporting, levels."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from eopiez_ray.gateway import tailing
from eopiez_ray.model.log_lines import LineFilter, NewLine, Part
from eopiez_ray.store.log_lines import LogLines, append
from tests.engine.conftest import Stage
from tests.gateway.conftest import Client, created, listening, messages
from tests.waiting import until

FOLLOW = {"Accept": "text/event-stream"}


async def say(app: FastAPI, *texts: str, **facts: Any) -> None:
    """Let a part of the system say something."""
    given: dict[str, Any] = {
        "at": time.time(),
        "level": "warning",
        "part": Part.SUPERVISOR,
        "process": "h:1",
        "logger": "up",
    }
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
    assert (await client("root").get("/logs", params={"text": "ab"})).json()["is_text_indexed"] is False
    assert (await client("root").get("/logs")).json()["is_text_indexed"] is None
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


async def test_many_who_follow_miss_nothing_and_ask_the_database_once(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "KEPT", 50)
    monkeypatch.setattr(tailing, "PAGE", 40)
    tail, name = tailing.Tail(app.state.system.database), uuid4().hex
    tail._known = deque(maxlen=50)
    begin = await tail.lines.last()
    early, seen, late = begin, list[str](), list[str]()
    for number in range(12):
        await say(app, *(f"{name} {number} {each}" for each in range(15)))
        tail._looked_at = min(tail._looked_at, time.monotonic() - tailing.LOOK_S)
        found, early = await tail.after(LineFilter(text=name.upper()), early)
        seen += [line.message for line in found]
    while len(late) < 180:
        found, begin = await tail.after(LineFilter(text=name), begin)
        late += [line.message for line in found]
    assert seen == late == [f"{name} {number} {each}" for number in range(12) for each in range(15)]
    assert await tail.after(LineFilter(text=name), begin) == ([], begin)


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({}, True), ({"projects": ()}, False), ({"projects": ("blue",)}, False), ({"level": "warning"}, True),
        ({"level": "error"}, False), ({"part": Part.SUPERVISOR}, True), ({"part": Part.TASK}, False),
        ({"step": "read"}, False), ({"request_id": "r"}, True), ({"request_id": "s"}, False),
        ({"trace_id": "t"}, False), ({"text": "HELLO_"}, True), ({"text": "HELLOX"}, False),
        ({"workflow": uuid4()}, False), ({"since": datetime(2030, 1, 1, tzinfo=UTC)}, False),
        ({"until": datetime(2000, 1, 1, tzinfo=UTC)}, False),
    ],
)  # fmt: skip
async def test_followers_and_lists_select_alike(app: FastAPI, where: dict[str, Any], matches: bool) -> None:
    await say(app, "say Hello_ 100%", request_id="r")
    lines = LogLines(app.state.system.database)
    (line,) = await lines.page(LineFilter(request_id="r"), limit=1)
    wanted = LineFilter(**where)
    assert wanted.matches(line) is matches
    assert (line.id in [each.id for each in await lines.page(wanted, limit=1000)]) is matches
