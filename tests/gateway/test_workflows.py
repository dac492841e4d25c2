"""Workflows over HTTP."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

import eopiez_ray as ez
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.store import Workflows
from tests.gateway.conftest import Client, created, lengths

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
DOCUMENT = {"plan": "given", "steps": {"words": {"values": ["a", "bcd"]}}}


async def test_a_new_workflow_is_durable_and_says_where_it_is(client: Client) -> None:
    answer = await client("anna").post("/workflows", json=lengths("a", "bcd") | {"labels": {"team": "x"}})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["owner"], body["project"], body["labels"]) == ("queued", "anna", "blue", {"team": "x"})
    assert answer.headers["location"] == f"/v1/workflows/{body['id']}"
    seen = (await client("cleo").get(f"/workflows/{body['id']}")).json()
    assert seen["progress"] == {"steps": 2, "steps_done": 1, "tasks_done": 2, "tasks_known": 2, "tasks_running": 0}
    assert [step["name"] for step in seen["steps"]] == ["words", "length"]


async def test_one_idempotency_key_makes_one_workflow(client: Client) -> None:
    key = {"Idempotency-Key": "nightly"}
    first, second = [await client("anna").post("/workflows", json=lengths("a"), headers=key) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await client("anna").post("/workflows", json=lengths("b"), headers=key)
    assert (other.status_code, other.json()["type"]) == (409, "urn:eopiez:problem:idempotency-conflict")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (TRACE, TRACE),
        (TRACE.replace("00-", "01-", 1) + "-more", TRACE.replace("00-", "01-", 1)),
        (f"00-{'0' * 32}-{'b' * 16}-01", None),
        (f"00-{'a' * 32}-{'0' * 16}-01", None),
        (TRACE.replace("00-", "ff-", 1), None),
        (TRACE.upper(), None),
        ("\x7f" * 10_000, None),
    ],
)
async def test_a_workflow_keeps_where_it_stands_in_its_callers_trace(
    app: FastAPI, client: Client, given: str, kept: str | None
) -> None:
    answer = await client("anna").post("/workflows", json=lengths("a"), headers={"traceparent": given})
    statement = "select traceparent from workflows where id = $1"
    (row,) = await app.state.system.database.fetch(statement, UUID(answer.json()["id"]))
    assert row["traceparent"] == kept
    path, trace = f"/workflows/{answer.json()['id']}", kept.split("-")[1] if kept else UUID(answer.json()["id"]).hex
    seen = (await client("cleo").get(path)).json()
    listed = (await client("cleo").get("/workflows")).json()["items"]
    assert [answer.json()["trace_id"], seen["trace_id"], listed[0]["trace_id"]] == [trace] * 3


async def test_a_plan_document_needs_no_code(client: Client) -> None:
    answer = await client("ben").post("/workflows", json={"plan": DOCUMENT})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({}, 422, "plan-missing"),
        ({"plan": {"plan": "x", "steps": {}}}, 422, "invalid-plan"),
        ({"plan": DOCUMENT | {"import": ["os"]}}, 422, "invalid-plan"),
        ({"plan": {"plan": "x", "steps": {"a": {"phase": "no.such"}}}}, 422, "invalid-plan"),
        ({"plan": DOCUMENT, "priority": 10**6}, 422, "invalid-request"),
        ({"plan": DOCUMENT, "labels": {"a": "\x00" * 20_000}}, 422, "invalid-parameter"),
        ({"plan": DOCUMENT, "unknown": 1}, 422, "invalid-request"),
        ({"spec": {"name": "x"}}, 422, "invalid-plan"),
        ({"spec": {"name": "x", "steps": []}}, 422, "invalid-plan"),
    ],
)
async def test_a_bad_plan_gets_a_clear_answer(client: Client, body: dict[str, Any], status: int, kind: str) -> None:
    answer = await client("anna").post("/workflows", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:eopiez:problem:{kind}"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_plants_code_under_the_digest_of_other_code(client: Client) -> None:
    body = lengths("a")
    body["code"] = dict.fromkeys(body["code"], "aGVsbG8=")
    answer = await client("anna").post("/workflows", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:invalid-parameter")


async def test_operators_run_no_code_and_nothing_that_reaches_outside(client: Client) -> None:
    answer = await client("ben").post("/workflows", json=lengths("a"))
    assert (answer.status_code, answer.json()["detail"]) == (403, "this takes the role developer in project blue")
    reads = {
        "plan": "x",
        "steps": {"read": {"phase": "ingest_read", "parameters": {"inputs": ["/etc"], "options": {}}}},
    }
    answer = await client("ben").post("/workflows", json={"plan": reads})
    assert answer.status_code == 403, answer.text


async def test_operators_bring_no_code_by_an_environment(client: Client) -> None:
    brought = {"runtime_env": {"env_vars": {"LD_PRELOAD": "/tmp/x.so"}}}
    step = {"phase": "copies_sign", "inputs": ["words"], "parameters": {}, "resources": brought}
    document = {"plan": "x", "steps": {"words": {"values": ["a"]}, "sign": step}}
    answer = await client("ben").post("/workflows", json={"plan": document})
    assert (answer.status_code, "runtime environment" in answer.json()["detail"]) == (403, True), answer.text
    workflow = await created(client("anna"), "a")
    change = {"steps": [{"step": "length", "resources": brought}]}
    assert (await client("ben").put(f"/workflows/{workflow}", json=change)).status_code == 403
    assert (await client("anna").put(f"/workflows/{workflow}", json=change)).status_code == 200


async def test_viewers_change_nothing(client: Client) -> None:
    workflow = await created(client("anna"), "a")
    viewer = client("cleo")
    refused = [
        await viewer.post("/workflows", json={"plan": DOCUMENT}),
        await viewer.delete(f"/workflows/{workflow}"),
        await viewer.put(f"/workflows/{workflow}", json={"priority": 3}),
        *[await viewer.post(f"/workflows/{workflow}/{verb}") for verb in ("pause", "resume", "retry")],
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert (await viewer.get(f"/workflows/{workflow}")).json()["status"] == "queued"


async def test_others_workflows_answer_like_none(client: Client) -> None:
    workflow, none = await created(client("anna"), "a"), uuid4()
    for name in ("dora", "fritz"):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/events"), ("GET", "/logs")):
            theirs, nothing = [
                await client(name).request(method, f"/workflows/{each}{path}") for each in (workflow, none)
            ]
            assert theirs.status_code == nothing.status_code == 404
            assert (
                theirs.text.replace(str(workflow), "").split("request_id")[0]
                == (nothing.text.replace(str(none), "").split("request_id")[0])
            )
    assert (await client("dora").get("/workflows")).json()["items"] == []


async def test_a_list_goes_on_where_its_page_ended(client: Client) -> None:
    made = [str(await created(client("anna"), str(number))) for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = (
            await client("cleo").get("/workflows", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == made[::-1]
    assert cursor is None


async def test_a_strangers_cursor_is_refused(client: Client) -> None:
    for cursor in ("x", "bnVsbA", "W10", "é", "MTIz"):
        answer = await client("anna").get("/workflows", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:invalid-cursor"), cursor


async def test_a_queued_workflow_is_paused_resumed_and_cancelled(client: Client) -> None:
    workflow = await created(client("anna"), "a")
    operator = client("ben")
    paused = await operator.post(f"/workflows/{workflow}/pause", json={"why": "maintenance", "timers": "frozen"})
    assert (paused.json()["status"], paused.json()["request"]["why"]) == ("paused", "maintenance")
    assert (await operator.post(f"/workflows/{workflow}/resume")).json()["status"] == "queued"
    for _ in range(2):
        cancelled = await operator.delete(f"/workflows/{workflow}")
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    refused = await operator.post(f"/workflows/{workflow}/pause")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:eopiez:problem:transition-refused")
    assert (await operator.post(f"/workflows/{workflow}/retry")).json()["status"] == "queued"


async def test_a_bulk_request_answers_for_each_and_touches_no_other_project(client: Client) -> None:
    ours, theirs = await created(client("anna"), "a"), await created(client("root"), "a")
    answer = await client("ben").post("/workflows/pause", json={"ids": [str(ours), str(theirs)]})
    by_id = {each["id"]: each for each in answer.json()["answers"]}
    assert by_id[str(ours)]["status"] == "paused"
    assert by_id[str(theirs)]["status"] is None
    assert (await client("root").get(f"/workflows/{theirs}")).json()["status"] == "queued"
    everything = await client("ben").post("/workflows/cancel", json={"everything": True})
    assert [each["id"] for each in everything.json()["answers"]] == [str(ours)]
    empty = await client("ben").post("/workflows/cancel", json={})
    assert empty.status_code == 422


async def test_a_filter_gives_the_ids_of_what_its_caller_may_steer(client: Client) -> None:
    ours = [str(await created(client("anna"), "a", labels={"is": kind})) for kind in ("even", "even", "odd")]
    await created(client("root"), "a", labels={"is": "even"})
    query: dict[str, Any] = {"label": "is=even", "status": ["queued", "paused"], "order": "oldest", "limit": 1}
    found, cursor = [], None
    for _ in range(3):
        page = (await client("ben").get("/workflows/ids", params=query | ({"cursor": cursor} if cursor else {}))).json()
        found += [(each["id"], each["status"]) for each in page["items"]]
        cursor = page["next"]
    assert found == [(ours[0], "queued"), (ours[1], "queued")]
    assert cursor is None
    for caller in ("cleo", "olga", "dora"):
        assert (await client(caller).get("/workflows/ids")).json()["items"] == []
    refused = await client("cleo").get("/workflows/ids", params={"project": "blue"})
    assert (refused.status_code, "role operator in project blue" in refused.json()["detail"]) == (403, True)


async def test_what_was_named_is_touched_and_nothing_that_matches_later(client: Client) -> None:
    anna, ben = client("anna"), client("ben")
    named = [str(await created(anna, "a", labels={"team": "x"})) for _ in range(2)]
    found = (await ben.get("/workflows/ids", params={"label": "team=x"})).json()["items"]
    later = await created(anna, "a", labels={"team": "x"})
    await ben.post("/workflows/cancel", json={"ids": [each["id"] for each in found]})
    statuses = [(await anna.get(f"/workflows/{each}")).json()["status"] for each in (*named, later)]
    assert statuses == ["cancelled", "cancelled", "queued"]


async def test_an_update_is_refused_if_somebody_was_faster(client: Client) -> None:
    workflow = await created(client("anna"), "a")
    tag = (await client("ben").get(f"/workflows/{workflow}")).headers["etag"]
    first = await client("ben").put(f"/workflows/{workflow}", json={"priority": 3}, headers={"If-Match": tag})
    assert (first.status_code, first.json()["priority"]) == (200, 3)
    late = await client("emil").put(f"/workflows/{workflow}", json={"priority": 4}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["type"]) == (412, "urn:eopiez:problem:changed-meanwhile")


async def changed(client: Client, workflow: UUID, timeout_s: float) -> None:
    body = {"steps": [{"step": "length", "timeout_s": timeout_s}]}
    answer = await client("ben").put(f"/workflows/{workflow}", json=body)
    assert answer.status_code == 200, answer.text


async def test_every_plan_that_a_workflow_followed_can_be_read(client: Client) -> None:
    workflow = await created(client("anna"), "a")
    for timeout_s in (3, 5):
        await changed(client, workflow, timeout_s)
    path = f"/workflows/{workflow}/plans"
    versions = (await client("cleo").get(path)).json()["items"]
    assert [each["version"] for each in versions] == [1, 2, 3]
    assert [each["replaced_at"] is None for each in versions] == [False, False, True]
    plans = [(await client("cleo").get(f"{path}/{number}")).json()["plan"] for number in (1, 2, 3)]
    assert [plan["steps"][-1]["policy"]["timeout_s"] for plan in plans] == [None, 3, 5]
    missing = await client("cleo").get(f"{path}/4")
    assert (missing.status_code, missing.json()["hint"]) == (404, "kept are 1, 2, 3")


async def test_a_replaced_plan_is_kept_as_long_as_its_workflow(app: FastAPI, client: Client) -> None:
    database, anna = app.state.system.database, client("anna")
    updated, other = await created(anna, "kept"), await created(anna, "kept")
    await changed(client, updated, 7)
    first = (await anna.get(f"/workflows/{updated}/plans")).json()["items"][0]["digest"]

    async def forget(workflow: UUID) -> list[Any]:
        await anna.delete(f"/workflows/{workflow}")
        await Workflows(database).forget([WorkflowId(workflow)], datetime.now(UTC))
        return list(await database.fetch("select from plans where digest = $1", first))

    assert len(await forget(other)) == 1
    assert (await anna.get(f"/workflows/{updated}/plans/1")).status_code == 200
    assert await forget(updated) == []


async def test_a_phase_that_cannot_be_sent_keeps_no_other_from_being_changed(client: Client) -> None:
    lock = threading.Lock()

    @ez.phase(version="1")
    def holding(word: str) -> str:
        with lock:
            return word

    workflow = await created(client("anna"), "a")
    change = {"steps": [{"step": "length", "parameters": {}, "timeout_s": 3}], "priority": 1}
    answer = await client("ben").put(f"/workflows/{workflow}", json=change)
    assert answer.status_code == 200, answer.text
    named = {"plan": "x", "steps": {"words": {"values": ["a"]}, "hold": {"phase": "holding", "inputs": ["words"]}}}
    refused = await client("anna").post("/workflows", json={"plan": named})
    assert (refused.status_code, "cannot be sent to workers" in refused.json()["detail"]) == (422, True)


async def test_who_works_for_several_projects_names_one(client: Client) -> None:
    answer = await client("emil").post("/workflows", json={"plan": DOCUMENT})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:project-missing")
    assert (await client("emil").post("/workflows?project=blue", json={"plan": DOCUMENT})).status_code == 202
    assert (await client("emil").post("/workflows?project=red", json={"plan": DOCUMENT})).status_code == 403
    assert (await client("emil").post("/workflows?project=grey", json={"plan": DOCUMENT})).status_code == 404
