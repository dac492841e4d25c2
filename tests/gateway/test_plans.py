"""Registered plans: developers register them, operators start them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import eopiez_ray as ez
from tests.gateway.conftest import Client, sent

if TYPE_CHECKING:
    from tests.engine.conftest import Stage

DOCUMENT = {"plan": "given", "steps": {"words": {"values": ["a", "bcd"]}}}


@ez.phase(version="1")
def repeated(word: str, *, times: int = 1) -> str:
    return word * times


def repeating() -> dict[str, object]:
    plan = ez.Plan("repeat")
    plan.step("repeat", repeated, plan.values("words", ["a", "b"]))
    return sent(plan) | {
        "description": "Repeats words.",
        "exposes": {"times": {"step": "repeat", "parameter": "times"}},
        "labels": {"team": "research"},
    }


async def test_an_operator_starts_what_a_developer_has_registered(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    assert (await client("ben").put("/plans/repeat", json=repeating())).status_code == 403
    made = await client("anna").put("/plans/repeat", json=repeating())
    assert (made.status_code, made.json()["version"]) == (201, 1), made.text
    start = {"plan": "repeat", "parameters": {"times": 3}, "labels": {"run": "first"}}
    answer = await client("ben").post("/workflows", json=start)
    assert answer.status_code == 202, answer.text
    assert answer.json()["labels"] == {"team": "research", "run": "first"}
    await stage.rest(answer.json()["id"])
    result = await client("cleo").get(f"/workflows/{answer.json()['id']}/results/repeat")
    assert result.json()["values"] == ["aaa", "bbb"]


async def test_a_plan_has_versions_and_is_listed_by_its_newest(client: Client) -> None:
    for version in (1, 2):
        made = await client("anna").put("/plans/repeat", json=repeating() | {"description": f"version {version}"})
        assert made.json()["version"] == version
    await client("anna").put("/plans/other", json={"plan": DOCUMENT})
    first = (await client("cleo").get("/plans", params={"limit": 1})).json()
    second = (await client("cleo").get("/plans", params={"limit": 1, "cursor": first["next"]})).json()
    listed = [(each["name"], each["version"]) for each in first["items"] + second["items"]]
    assert listed == [("other", 1), ("repeat", 2)]
    old = (await client("cleo").get("/plans/repeat", params={"version": 1})).json()
    assert (old["description"], [step["name"] for step in old["spec"]["steps"]]) == ("version 1", ["words", "repeat"])
    assert (await client("anna").delete("/plans/repeat")).status_code == 204
    assert (await client("cleo").get("/plans/repeat")).status_code == 404


async def test_plans_of_others_are_not_there(client: Client) -> None:
    await client("anna").put("/plans/repeat", json=repeating())
    assert (await client("dora").get("/plans")).json()["items"] == []
    assert (await client("dora").get("/plans/repeat")).status_code == 404
    assert (await client("dora").get("/plans/repeat?project=blue")).status_code == 404
    assert (await client("dora").post("/workflows", json={"plan": "repeat"})).status_code == 404


async def test_a_wrong_parameter_is_named(client: Client) -> None:
    await client("anna").put("/plans/repeat", json=repeating())
    answer = await client("ben").post("/workflows", json={"plan": "repeat", "parameters": {"tiems": 3}})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "plan 'repeat' takes no parameter 'tiems'; it takes times",
    )
    wrong = await client("ben").post("/workflows", json={"plan": "repeat", "parameters": {"times": "x"}})
    assert (wrong.status_code, "times" in wrong.json()["detail"]) == (422, True)
    nowhere = repeating() | {"exposes": {"times": {"step": "no", "parameter": "times"}}}
    assert (await client("anna").put("/plans/repeat", json=nowhere)).status_code == 422
    beside = await client("ben").post("/workflows", json={"plan": DOCUMENT, "parameters": {"x": 1}})
    assert beside.status_code == 422


async def test_the_schema_of_plans_is_served(client: Client) -> None:
    schema = (await client("cleo").get("/plans/schema")).json()
    assert schema["properties"]["steps"]
