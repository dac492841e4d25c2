"""Who may what: every operation, tried in every role, and across projects.

The table names each operation; one that is new and not in it fails the first test.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

import eopiez_ray as ez
from eopiez_ray.model.access import Role
from eopiez_ray.store import EmbeddedServer
from tests.conftest import database_of
from tests.gateway.conftest import Client, created, gateway_at, sent
from tests.gateway.test_description import OPERATIONS
from tests.gateway.test_plans import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    import httpx

S, V, O, D, A = Role.OBSERVER, Role.VIEWER, Role.OPERATOR, Role.DEVELOPER, Role.ADMINISTRATOR  # noqa: E741 - as short as the table is wide
LEAST: dict[str, Role] = {
    "get_workflow": S, "update_workflow": O, "cancel_workflow": O, "pause_workflow": O, "resume_workflow": O,
    "retry_workflow": O, "list_events": V, "list_tasks": S, "list_attempts": V, "list_logs": V, "get_result": V,
    "list_artifacts": V, "get_plan": V, "register_plan": D, "unregister_plan": D, "get_upload": V, "send_upload": O,
    "delete_upload": O, "get_report": V, "get_archive": V, "get_table": V, "list_themes": V, "list_motifs": V,
    "list_documents": V, "get_document": V, "get_map": V, "list_similar": V, "search_run": V,
    "compare_runs": V, "list_changed_documents": V, "get_theme_tree": V, "get_times": V,
    "list_disagreements": V,
    "get_workflow_performance": S, "get_graph": S, "get_timeline": S,
    "list_plan_versions": V, "get_plan_version": V,
    "list_rejects": V, "list_reject_reasons": V, "export_rejects": V,
    "list_instances": V, "send_heartbeat": D, "unregister_service": D,
    "call_service_by_get": O, "call_service_by_post": O, "call_service_by_put": O, "call_service_by_patch": O,
    "call_service_by_delete": O,
    "get_alert": V, "list_alert_history": V, "acknowledge_alert": O,
    "get_alert_rule": V, "put_alert_rule": A, "delete_alert_rule": A,
    "get_alert_channel": V, "put_alert_channel": A, "delete_alert_channel": A, "test_alert_channel": A,
    "list_alert_deliveries": V, "get_alert_silence": V, "change_alert_silence": O, "end_alert_silence": O,
}  # fmt: skip
"""The least role for what is about one thing."""
CREATING: dict[str, Role] = {
    "create_workflow": O,
    "execute_pipeline": O,
    "create_upload": O,
    "register_service": D,
    "create_alert_silence": O,
}
"""The least role for what makes a thing in a project."""
LISTS = {
    "list_workflows", "list_workflow_ids", "get_pipeline_status", "list_uploads", "list_plans", "list_services",
    "get_metrics",
    "get_performance", "get_costs", "get_metric_history", "list_system_logs", "export_logs", "list_failures",
    "list_alerts", "list_alert_rules", "list_alert_channels", "list_alert_silences", "list_limits",
    "list_retention",
}  # fmt: skip
"""What shows things of all projects that the caller can see."""
BULK = {
    "pause_workflows", "resume_workflows", "cancel_workflows", "retry_workflows", "pause_pipeline", "resume_pipeline",
}  # fmt: skip
"""What changes all things that a selection names."""
FOUND = {"find_workflow"}
"""What is named by a part of its id."""
OF_SYSTEM = {
    "list_log_levels", "set_log_level", "lift_log_level", "set_limit", "lift_limit", "weigh_project", "weigh_owner",
    "set_retention", "lift_retention",
}  # fmt: skip
"""What system administrators alone may do."""
OPEN = {"get_liveness", "get_readiness", "get_health", "get_plan_schema", "list_built_in_rules", "get_rule_schema"}
"""What is nobody's."""
OF_ACCOUNTS = {"signing in", "users", "keys", "projects", "audit", "members", "profile"}
"""Tags of operations on accounts, which are tried with real ones in tests/gateway/identity."""

RULE = {"when": {"kind": "absence", "metric": "eopiez_workflows"}}
SILENCE = {"ends_at": "2098-01-01T00:00:00Z"}
MEMBERS = {"olga": Role.OBSERVER, "cleo": Role.VIEWER, "ben": Role.OPERATOR, "anna": Role.DEVELOPER}
STRANGERS = ("dora", "fritz")
BODIES: dict[str, Any] = {
    "update_workflow": {"priority": 1},
    "register_plan": {"plan": DOCUMENT},
    "create_workflow": {"plan": DOCUMENT},
    "execute_pipeline": {"documents": [{"text": "a"}]},
    "create_upload": {"name": "a.txt", "size": 1},
    "register_service": {"name": "mine", "url": "http://127.0.0.1:9"},
    "set_log_level": {"level": "info"},
    "set_limit": {"maximum": 4},
    "weigh_project": {"weight": 3},
    "weigh_owner": {"weight": 3},
    "set_retention": {"days": 3},
    "acknowledge_alert": {"comment": "on it"},
    "put_alert_rule": RULE,
    "put_alert_channel": {"url": "http://127.0.0.1:9/"},
    "create_alert_silence": SILENCE,
    "change_alert_silence": {"ends_at": "2099-01-01T00:00:00Z"},
}
BY_NAME = {
    "get_plan", "register_plan", "unregister_plan", "list_instances", "get_alert_rule", "put_alert_rule",
    "delete_alert_rule", "get_alert_channel", "put_alert_channel", "delete_alert_channel", "test_alert_channel",
    "list_alert_deliveries",
}  # fmt: skip
"""Operations on what has a name in a project, besides calls of services."""


FIRE = """
insert into alerts (id, rule, rule_project, project, labels, severity, summary, status, value, started_at, fired_at)
values (
    gen_random_uuid(), 'a rule of tests', $1, $1, jsonb_build_object('a', gen_random_uuid()), 'info', '', 'firing', 1,
    now(), now()
)
returning id
"""


@dataclass(frozen=True)
class Operation:
    """An operation, and how it is called."""

    name: str
    method: str
    path: str

    async def call(self, client: httpx.AsyncClient, things: dict[str, str], query: str = "") -> httpx.Response:
        headers = {"Upload-Offset": "0"} if self.name == "send_upload" else {}
        path = self.path.removeprefix("/v1").format(**{"metric": "eopiez_workflows", "version": "1"} | things)
        extra = dict.fromkeys(("list_similar", "get_document"), "?document=0") | {"search_run": "?query=a"}
        extra |= dict.fromkeys(("compare_runs", "list_changed_documents"), f"?before={things.get('run', '')}")
        return await client.request(
            self.method, f"{path}{extra.get(self.name, '')}{query}", json=BODIES.get(self.name), headers=headers
        )


ALL = {
    each["operationId"]: Operation(each["operationId"], method.upper(), path)
    for method, path, each in OPERATIONS
    if not OF_ACCOUNTS & set(each["tags"])
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    """One gateway for all roles: each test makes its own things."""
    async with database_of(server, template) as url, gateway_at(url, tmp_path_factory.mktemp("home")) as app:
        yield app


def test_no_operation_is_forgotten() -> None:
    assert set(ALL) == {*LEAST, *CREATING, *LISTS, *BULK, *FOUND, *OF_SYSTEM, *OPEN}


async def things_of(client: Client, name: str) -> dict[str, str]:
    """One of each thing, made by somebody in their project."""
    maker = client(name)
    workflow: UUID = await created(maker, "a")
    run = (await maker.post("/pipeline/execute", json={"documents": [{"text": "a"}]})).json()["id"]
    upload = (await maker.post("/uploads", json={"name": "a.txt", "size": 1})).json()["id"]
    await maker.put("/plans/mine", json={"plan": DOCUMENT})
    service = await maker.post("/services", json=BODIES["register_service"])
    made = {"workflow": str(workflow), "run": run, "upload": upload, "instance": service.json()["id"]}
    made |= await alerts_of(maker, client("root"))
    return made | {"step": "length", "name": "mine", "path": "a"}


async def alerts_of(maker: httpx.AsyncClient, root: httpx.AsyncClient) -> dict[str, str]:
    """An alert of the maker's project, a rule and a channel called mine, and a silence."""
    in_blue = {"project": "blue"}
    for path, body in (("rules", RULE), ("channels", BODIES["put_alert_channel"])):
        await root.put(f"/alerts/{path}/mine", json=body, params=in_blue)
    silence = await maker.post("/alerts/silences", json=SILENCE)
    application: Any = maker._transport
    database = application.app.state.system.database
    (alert,) = await database.fetch(FIRE, "blue")
    return {"silence": silence.json()["id"], "alert": str(alert["id"])}


def targets(operation: Operation, things: dict[str, str]) -> dict[str, str]:
    """The things by the names of the operation's path."""
    of_run = operation.path.startswith("/v1/pipeline/")
    table = {"name": "documents"} if operation.name == "get_table" else {}
    return things | ({"workflow": things["run"]} if of_run else {}) | table


@pytest.mark.parametrize("name", LEAST)
async def test_a_role_is_enough_or_it_is_named(client: Client, name: str) -> None:
    operation = ALL[name]
    for member, role in MEMBERS.items():
        things = await things_of(client, "anna")
        answer = await operation.call(client(member), targets(operation, things))
        is_enough = role.includes(LEAST[name])
        assert (answer.status_code == HTTPStatus.FORBIDDEN) is not is_enough, (member, answer.text)
        if not is_enough:
            assert f"role {LEAST[name]} in project blue" in answer.json()["detail"]
        if is_enough:
            assert answer.status_code != HTTPStatus.NOT_FOUND, answer.text


@pytest.mark.parametrize("name", LEAST)
async def test_a_stranger_learns_nothing(client: Client, name: str) -> None:
    operation = ALL[name]
    things = await things_of(client, "anna")
    nothing = things | dict.fromkeys(
        ("workflow", "run", "upload", "instance", "alert", "silence"), "0197b3c0-5b1e-7d2a-8f4c-2f6d1a9be001"
    )
    for stranger in STRANGERS:
        query = "?project=blue" if name in BY_NAME or name.startswith("call_service") else ""
        answers = [
            await operation.call(client(stranger), targets(operation, each), query) for each in (things, nothing)
        ]
        assert {answer.status_code for answer in answers} == {HTTPStatus.NOT_FOUND}
        said = [_without_ids(answer.text, each) for answer, each in zip(answers, (things, nothing), strict=True)]
        assert said[0] == said[1]


def _without_ids(text: str, things: dict[str, str]) -> str:
    for thing in things.values():
        text = text.replace(thing, "…")
    return text.split('"request_id"')[0]


@pytest.mark.parametrize("name", CREATING)
async def test_nothing_is_made_without_the_role(client: Client, name: str) -> None:
    operation = ALL[name]
    for member, role in MEMBERS.items():
        answer = await operation.call(client(member), {})
        assert (answer.status_code == HTTPStatus.FORBIDDEN) is not role.includes(CREATING[name]), answer.text
    for stranger in STRANGERS:
        answer = await operation.call(client(stranger), {}, "?project=blue")
        assert answer.status_code == HTTPStatus.NOT_FOUND


async def test_a_part_of_an_id_finds_nothing_of_other_projects(client: Client) -> None:
    workflow = str(await created(client("anna"), "a"))
    for part in (workflow, workflow[-12:], workflow[:20]):
        found = await client("cleo").get("/workflows/find", params={"id": part})
        assert (found.status_code, found.json()["id"]) == (200, workflow)
        for stranger in STRANGERS:
            answer = await client(stranger).get("/workflows/find", params={"id": part})
            none = await client(stranger).get("/workflows/find", params={"id": "0" * len(part)})
            assert (answer.status_code, none.status_code) == (404, 404)
            assert _without_ids(answer.text, {"id": part}) == _without_ids(none.text, {"id": "0" * len(part)})


@pytest.mark.parametrize("name", sorted(OF_SYSTEM))
async def test_what_is_of_the_system_is_for_its_administrators(client: Client, name: str) -> None:
    things = {
        "logger": "eopiez_ray.tests",
        "kind": "owner",
        "name": "anna",
        "project": "blue",
        "owner": "anna",
        "data": "logs",
    }
    for caller in ("anna", "ben", "cleo", "dora", "fritz"):
        answer = await ALL[name].call(client(caller), things)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:eopiez:problem:forbidden")
    assert (await ALL[name].call(client("root"), things)).status_code in {200, 204, 404}


@pytest.mark.parametrize("name", sorted(LISTS))
async def test_a_list_shows_nothing_of_other_projects(client: Client, name: str) -> None:
    operation = ALL[name]
    before = {stranger: _facts(await operation.call(client(stranger), {})) for stranger in STRANGERS}
    things = await things_of(client, "anna")
    for stranger in STRANGERS:
        answer = await operation.call(client(stranger), {})
        assert _facts(answer) == before[stranger]
        assert not any(
            thing in answer.text
            for thing in (*(things[each] for each in ("workflow", "upload", "instance", "alert", "silence")), '"blue"')
        )
        named = await operation.call(client(stranger), {}, "?project=blue")
        assert named.status_code == HTTPStatus.NOT_FOUND


def _facts(answer: httpx.Response) -> Any:
    """What an answer says, apart from times and from how many intervals have gone by."""
    if answer.headers["content-type"] != "application/json":
        return answer.text
    body = answer.json()
    for line in body.get("lines", ()):
        line["values"] = sorted(set(line["values"]))
    return {key: value for key, value in body.items() if key not in {"since", "until", "times"}}


@pytest.mark.parametrize("name", sorted(BULK))
async def test_a_bulk_request_touches_nothing_of_other_projects(client: Client, name: str) -> None:
    things = await things_of(client, "anna")
    selection = {} if "pipeline" in name else {"everything": True}
    for stranger in ("dora", "cleo"):
        path = ALL[name].path.removeprefix("/v1")
        answer = await client(stranger).post(path, json=selection)
        assert answer.json()["answers"] == [], stranger
    for workflow in (things["workflow"], things["run"]):
        assert (await client("anna").get(f"/workflows/{workflow}")).json()["status"] == "queued"
        await client("anna").delete(f"/workflows/{workflow}")


PAYLOADS = {"list_system_logs", "export_logs", "list_failures", "list_plans", "list_uploads", "get_pipeline_status"}
"""Lists that observers get nothing of."""


async def test_an_observer_sees_states_and_counts_and_no_payload(client: Client, app: Any) -> None:
    things = await things_of(client, "anna")
    await app.state.system.database.fetch(
        "update workflows set status = 'failed', finished_at = now(), error = $1 where id = $2",
        {"step": "length", "error_type": "ValueError", "message": "a secret", "traceback": "a secret"},
        things["workflow"],
    )
    path, olga, cleo = f"/workflows/{things['workflow']}", client("olga"), client("cleo")
    seen, whole = [(await each.get(path, params={"inside": True})).json() for each in (olga, cleo)]
    assert (seen["status"], seen["error"]["error_type"], len(seen["steps"])) == ("failed", "ValueError", 2)
    assert "a secret" in json.dumps(whole)
    for shown in (
        json.dumps(seen), (await olga.get("/workflows")).text,
        (await olga.get("/workflows/find", params={"id": things["workflow"]})).text,
    ):  # fmt: skip
        assert things["workflow"] in shown
        assert "a secret" not in shown
    run = (await olga.get(f"/workflows/{things['run']}", params={"inside": True})).json()
    assert {key for step in run["inside"]["plan"]["steps"] for key in step["parameters"]} == {"count"}, "of values"
    for name in PAYLOADS:
        answer = await ALL[name].call(olga, {})
        assert things["workflow"] not in answer.text
        assert things["run"] not in answer.text
        named = await ALL[name].call(olga, {}, "?project=blue")
        assert named.status_code == HTTPStatus.FORBIDDEN, name


async def test_code_is_taken_from_nobody_where_that_is_set(app: Any, client: Client) -> None:
    plan = ez.Plan("values")
    plan.values("words", ["a"])
    object.__setattr__(app.state.system.settings, "gateway_allows_code", False)
    answer = await client("anna").post("/workflows", json=sent(plan))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:eopiez:problem:code-forbidden")
    assert (await client("anna").post("/workflows", json={"plan": DOCUMENT})).status_code == 202
