"""Limits and weights over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from ..waiting import until
from .conftest import Client

OWNER = {"kind": "owner", "name": "anna/b", "project": None, "maximum": 4, "held": 0, "wanted": 0}


async def sharing(client: Client, name: str, **query: str) -> Any:
    answer = await client(name).get("/limits", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_set_is_shown_to_whom_it_concerns(client: Client) -> None:
    root = client("root")
    assert (await root.put("/limits/owner/anna%2Fb", json={"maximum": 4})).status_code == 204
    assert (await root.put("/limits/label/team=red/blue", json={"maximum": 0}, params={"project": "blue"})).is_success
    assert (await root.put("/limits/project/red", json={"maximum": 2})).is_success
    assert (await root.put("/weights/blue", json={"weight": 3})).is_success
    assert (await root.put("/weights/red/owners/dora", json={"weight": 0.5})).is_success
    everything = await sharing(client, "root")
    assert OWNER in everything["limits"]
    assert len(everything["limits"]) == 3
    seen = await sharing(client, "anna")
    assert [(each["kind"], each["name"], each["project"]) for each in seen["limits"]] == [
        ("label", "team=red/blue", "blue")
    ]
    assert (seen["projects"], seen["owners"]) == ([{"project": "blue", "weight": 3.0}], [])
    assert (await sharing(client, "dora"))["owners"] == [{"project": "red", "owner": "dora", "weight": 0.5}]


async def test_a_lifted_limit_is_gone_and_lifting_it_again_is_harmless(client: Client) -> None:
    root = client("root")
    await root.put("/limits/phase/fetch", json={"maximum": 4})
    for _ in range(2):
        assert (await root.delete("/limits/phase/fetch")).status_code == 204
    assert (await sharing(client, "root"))["limits"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/limits/owner/anna", {"maximum": -1}, 422, "maximum"),
        ("/limits/owner/anna", {"maximum": 2**40}, 422, "maximum"),
        ("/limits/person/anna", {"maximum": 1}, 422, "kind"),
        ("/limits/label/team", {"maximum": 1}, 422, "key=value"),
        ("/limits/owner/a%00b", {"maximum": 1}, 422, "owner"),
        ("/limits/project/red?project=blue", {"maximum": 1}, 422, "belongs to no project"),
        ("/limits/owner/anna", {"maximum": False}, 422, "maximum"),
        ("/weights/blue", {"weight": 0}, 422, "weight"),
        ("/weights/blue", {"weight": True}, 422, "weight"),
        ("/weights/blue", {"weight": 5e-324}, 422, "weight"),
        ("/weights/green", {"weight": 1}, 404, "green"),
        ("/weights/blue/owners/anna", {"weight": "much"}, 422, "weight"),
    ],
)
async def test_what_cannot_be_is_refused(client: Client, path: str, body: Any, status: int, said: str) -> None:
    answer = await client("root").put(path, json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.text


async def test_a_change_is_in_the_audit_log(client: Client, app: FastAPI) -> None:
    await client("root").put("/limits/owner/anna", json={"maximum": 4})
    said = "select 1 from audit where action = 'set_limit' and actor = 'root' and object = 'owner anna'"
    assert await until(lambda: app.state.system.database.fetch(said))
