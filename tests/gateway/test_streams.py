"""Following workflows, while an orchestrator drives them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from eopiez_ray.gateway.app import create_app
from eopiez_ray.settings import Settings
from tests.engine.inline import InlineExecutor
from tests.gateway.conftest import Client, created, listening, messages, named, running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from fastapi import FastAPI

    from tests.engine.conftest import Stage
    from tests.gateway.conftest import Message

FOLLOW = {"Accept": "text/event-stream", "Caller": "cleo"}


@asynccontextmanager
async def following(url: str, workflow: UUID, what: str = "events", **headers: str) -> AsyncIterator[httpx.Response]:
    path = f"{url}/workflows/{workflow}/{what}"
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", path, headers=FOLLOW | headers) as answer:
        yield answer


async def all_of(url: str, workflow: UUID, what: str = "events", **headers: str) -> list[Message]:
    async with following(url, workflow, what, **headers) as answer:
        assert answer.status_code == 200
        return [message async for message in messages(answer)]


async def test_a_follower_sees_every_event_and_then_the_end(app: FastAPI, client: Client, stage: Stage) -> None:
    async with listening(app) as url:
        workflow = await created(client("anna"), "a", "bcd")
        async with following(url, workflow) as answer:
            seen = messages(answer)
            assert (await anext(seen)).kind == "created"
            assert (await anext(seen)).data["tasks_done"] == 2  # The values that came with the plan.
            stage.orchestrate()
            rest = [message async for message in seen]
    assert rest[-1].kind in {"succeeded", "progress"}
    assert "succeeded" in [message.kind for message in rest]
    assert [message for message in rest if message.kind == "progress"][-1].data["steps_done"] == 2


async def test_whoever_comes_back_goes_on_after_the_last_event(app: FastAPI, client: Client, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await created(client("anna"), "a")
    async with listening(app) as url:
        whole = [message for message in await all_of(url, workflow) if message.id is not None]
        again = await all_of(url, workflow, **{"Last-Event-ID": str(whole[0].id)})
        assert [message for message in again if message.id is not None] == whole[1:]
        async with following(url, workflow, **{"Last-Event-ID": str(whole[-1].id)}) as answer:
            assert answer.status_code == 204


async def test_many_followers_of_one_workflow_miss_nothing(app: FastAPI, client: Client, stage: Stage) -> None:
    executor = InlineExecutor(stage.folder)
    executor.gate.clear()
    stage.orchestrate(executor)
    workflow = await created(client("anna"), *map(str, range(20)))
    async with listening(app) as url:
        followers = [asyncio.create_task(all_of(url, workflow)) for _ in range(40)]
        await client("ben").post(f"/workflows/{workflow}/pause", json={"mode": "now"})
        executor.gate.set()
        await stage.rest(workflow)  # type: ignore[arg-type]
        seen = [[message.id for message in await follower if message.id is not None] for follower in followers]
    events = (await client("cleo").get(f"/workflows/{workflow}/events")).json()["items"]
    assert {tuple(ids) for ids in seen} == {tuple(event["id"] for event in events)}


async def test_where_followers_are_served_is_found_behind_a_prefix_too(app: FastAPI, client: Client) -> None:
    workflow = await created(client("anna"), "a")
    app.state.system.settings = app.state.system.settings.model_copy(update={"gateway_followers": "/follow"})
    for path in (f"/v1/workflows/{workflow}/events?after=3", f"/workflows/{workflow}/events?after=3"):
        answer = await client("cleo").get(f"http://gateway{path}", headers=FOLLOW)
        assert answer.status_code == 307
        there = httpx.URL(f"https://example.org/texts{path}").join(answer.headers["location"])
        assert str(there) == f"https://example.org/texts/follow/v1/workflows/{workflow}/events?after=3"


async def test_all_who_follow_can_come_at_once(database_url: str, home: Path, client: Client, stage: Stage) -> None:
    settings = Settings(home=home, database_url=database_url, gateway_requests=1, gateway_streams=30)
    workflow = await created(client("anna"), "a")
    async with running(create_app(settings, named)) as app, listening(app) as url:
        followers = [asyncio.create_task(all_of(url, workflow)) for _ in range(30)]
        await until(lambda: app.state.system.watcher.followers == 30)
        async with following(url, workflow) as refused:
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        stage.orchestrate()
        ends = [(await follower)[-1].data for follower in followers]
    assert len(ends) == 30


async def test_log_lines_come_as_they_are_printed(app: FastAPI, client: Client, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await created(client("anna"), "loud", "b")
    await stage.rest(workflow)  # type: ignore[arg-type]
    async with listening(app) as url:
        lines = await all_of(url, workflow, "logs")
    assert [line.data["message"] for line in lines] == ["four letters"]
    page = (await client("cleo").get(f"/workflows/{workflow}/logs", params={"level": "info"})).json()
    assert [line["message"] for line in page["items"]] == ["four letters"]
    unknown = await client("cleo").get(f"/workflows/{workflow}/logs", params={"step": "no"}, headers=FOLLOW)
    assert unknown.status_code == 422


async def test_a_stream_ends_if_its_workflow_is_forgotten(app: FastAPI, client: Client) -> None:
    workflow = await created(client("anna"), "a")
    async with listening(app) as url, following(url, workflow) as answer:
        seen = messages(answer)
        assert [(await anext(seen)).kind for _ in range(2)] == ["created", "progress"]
        await client("ben").post(f"/workflows/{workflow}/pause")
        await app.state.system.workflows.forget([workflow], datetime.now(UTC))
        assert {message.kind async for message in seen} <= {"pause_requested", "paused"}
