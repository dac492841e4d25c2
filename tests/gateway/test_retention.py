"""How long data is kept, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from eopiez_ray.store.retention import Retention

from .conftest import Client, created

PATH = "/retention/blue/results"


async def shown(client: Client, name: str, **query: str) -> Any:
    answer = await client(name).get("/retention", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_set_is_shown_to_whom_it_concerns_and_holds(client: Client, app: FastAPI) -> None:
    root = client("root")
    workflow = await created(client("anna"), "a")
    await app.state.system.database.fetch(
        "update workflows set status = 'succeeded', finished_at = now() - interval '3 days' where id = $1", workflow
    )
    retention = Retention(app.state.system.database)
    assert await retention.expired_workflows(None) == []
    assert (await root.put(PATH, json={"days": 2})).status_code == 204
    assert (await root.put("/retention/red/logs", json={"days": None})).status_code == 204
    assert [each.id for each in await retention.expired_workflows(None)] == [workflow]
    in_blue = {"project": "blue", "data": "results", "days": 2.0}
    everything = await shown(client, "root")
    assert everything["system"] == dict.fromkeys(("results", "logs", "rejects", "errors", "uploads"))
    assert everything["projects"] == [in_blue, {"project": "red", "data": "logs", "days": None}]
    assert (await shown(client, "anna"))["projects"] == [in_blue]
    assert (await shown(client, "emil", project="red"))["projects"] == [everything["projects"][1]]


async def test_a_lifted_rule_is_gone_and_lifting_it_again_is_harmless(client: Client) -> None:
    root = client("root")
    await root.put(PATH, json={"days": 2})
    for _ in range(2):
        assert (await root.delete(PATH)).status_code == 204
    assert (await shown(client, "root"))["projects"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (PATH, {"days": -1}, 422, "days"),
        (PATH, {"days": 1e7}, 422, "days"),
        (PATH, {"days": "soon"}, 422, "days"),
        (PATH, {"days": False}, 422, "days"),
        (PATH, {}, 422, "days"),
        ("/retention/blue/letters", {"days": 1}, 422, "data"),
        ("/retention/green/logs", {"days": 1}, 404, "green"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: Client, path: str, body: Any, status: int, said: str) -> None:
    answer = await client("root").put(path, json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert (await shown(client, "root"))["projects"] == []
