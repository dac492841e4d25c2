"""Alerts over HTTP: written, raised by the system itself, told, acknowledged, silenced."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from tests.gateway.conftest import Client, created
from tests.monitoring.alerts.receiving import hooked
from tests.waiting import until

NOISE = {
    "when": {"kind": "events", "source": "workflows", "where": {"kind": "created"}, "above": 0},
    "severity": "critical",
    "summary": "$value workflows were created.",
}
BLUE = {"project": "blue"}
LATER = "2098-01-01T00:00:00Z"


async def firing(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Alerts that fire, of which the client can know."""
    answer = await client.get("/alerts", params={"status": "firing", "rule": "noise"})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_from_a_rule_to_a_message_and_an_acknowledgement(app: FastAPI, client: Client) -> None:
    root, ben, cleo = client("root"), client("ben"), client("cleo")
    async with hooked() as hook:
        channel = {"url": hook.url, "secret": "sixteen characters"}
        written = await root.put("/alerts/channels/here", json=channel, params=BLUE)
        assert written.status_code == 200, written.text
        assert hook.url not in written.text
        assert "sixteen" not in written.text
        assert (await root.put("/alerts/rules/noise", json=NOISE, params=BLUE)).status_code == 200
        await created(client("anna"), "a")
        (alert,) = await until(lambda: firing(cleo))
        assert (alert["rule"], alert["project"], alert["severity"]) == ("noise", "blue", "critical")
        assert alert["summary"] == "1 workflows were created."
        await until(lambda: hook.titles)
        assert hook.titles == ["FIRING: noise"]
        answer = await ben.post(f"/alerts/{alert['id']}/acknowledge", json={"comment": "on it"})
        assert (answer.json()["acknowledged_by"], answer.json()["comment"]) == ("ben", "on it")
        history = (await cleo.get(f"/alerts/{alert['id']}/history")).json()["items"]
        assert [each["kind"] for each in history] == ["fired", "told", "acknowledged"]
        deliveries = (await cleo.get("/alerts/channels/here/deliveries")).json()["items"]
        assert [(each["title"], each["attempts"]) for each in deliveries] == [("FIRING: noise", 1)]
    assert await firing(client("dora")) == []


async def test_an_alertmanager_is_tried(client: Client) -> None:
    root = client("root")
    async with hooked() as hook:
        channel = {"url": hook.url, "kind": "alertmanager"}
        written = await root.put("/alerts/channels/here", json=channel, params=BLUE)
        assert written.json()["spec"]["kind"] == "alertmanager", written.text
        answer = await root.post("/alerts/channels/here/test", params=BLUE)
        assert answer.json() == {"is_delivered": True, "error": ""}
        assert hook.paths == ["/alerts/api/v2/alerts"]
    mail = {"url": "mailto://a.example.com", "kind": "alertmanager"}
    refused = await root.put("/alerts/channels/mail", json=mail, params=BLUE)
    assert "the URL of an Alertmanager is" in refused.json()["detail"]


async def test_a_channel_is_tried(client: Client) -> None:
    root = client("root")
    async with hooked() as hook:
        await root.put("/alerts/channels/here", json={"url": hook.url}, params=BLUE)
        answer = await root.post("/alerts/channels/here/test", params=BLUE)
        assert answer.json() == {"is_delivered": True, "error": ""}
        assert hook.titles == ["TEST: eopiez"]
        hook.answers = [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]
        answer = await root.post("/alerts/channels/here/test", params=BLUE)
        assert answer.json() == {"is_delivered": False, "error": "it answered with status 403"}


async def test_nobody_overwrites_what_they_have_not_read(client: Client) -> None:
    root = client("root")
    for path, body in (("rules/noise", NOISE), ("channels/here", {"url": "http://127.0.0.1:9/"})):
        first = await root.put(f"/alerts/{path}", json=body, params=BLUE)
        assert (first.status_code, first.headers["etag"]) == (200, '"1"')
        assert (await root.put(f"/alerts/{path}", json=body, params=BLUE)).status_code == 428
        stale = {"If-Match": '"7"'}
        assert (await root.put(f"/alerts/{path}", json=body, params=BLUE, headers=stale)).status_code == 412
        read = await root.get(f"/alerts/{path}", params=BLUE)
        fresh = {"If-Match": read.headers["etag"]}
        changed = await root.put(f"/alerts/{path}", json=body, params=BLUE, headers=fresh)
        assert (changed.status_code, changed.json()["version"]) == (200, 2)
        assert (await root.delete(f"/alerts/{path}", params=BLUE, headers=fresh)).status_code == 412
        newest = {"If-Match": changed.headers["etag"]}
        assert (await root.delete(f"/alerts/{path}", params=BLUE, headers=newest)).status_code == 204
        assert (await root.get(f"/alerts/{path}", params=BLUE)).status_code == 404
        assert (await root.put(f"/alerts/{path}", json=body, params=BLUE, headers=newest)).status_code == 412


async def test_what_is_of_the_system_is_for_its_administrators(client: Client) -> None:
    rule = {"when": {"kind": "audit_chain"}}
    assert (await client("root").put("/alerts/rules/own", json=rule, params={"system": True})).status_code == 200
    assert [each["name"] for each in (await client("root").get("/alerts/rules")).json()["items"]] == ["own"]
    assert (await client("dora").get("/alerts/rules")).json()["items"] == []
    for method, body in (("GET", None), ("PUT", rule), ("DELETE", None)):
        answer = await client("dora").request(method, "/alerts/rules/own", json=body, params={"system": True})
        assert answer.status_code == 403
    both = await client("root").get("/alerts/rules/own", params={"system": True, "project": "blue"})
    assert both.status_code == 422


async def test_a_rule_of_a_project_looks_at_nothing_else(client: Client) -> None:
    for when in ({"kind": "audit_chain"}, {"kind": "threshold", "metric": "eopiez_node_cpu_ratio", "above": 1}):
        answer = await client("dora").put("/alerts/rules/spy", json={"when": when})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:invalid-parameter"), when
        assert "rules of the system" in answer.json()["detail"]


async def test_a_rule_that_cannot_be_says_where_it_is_wrong(client: Client) -> None:
    answer = await client("dora").put(
        "/alerts/rules/odd", json={"when": {"kind": "rate", "metric": "no", "above": 1}, "fro": "1m"}
    )
    assert answer.status_code == 422
    places = {fault["place"]: fault["message"] for fault in answer.json()["faults"]}
    assert "there is no metric 'no'; docs/metrics.md lists them" in places["body.when.rate"]
    assert "body.fro" in places


async def test_channels_lead_nowhere_that_nobody_allowed(client: Client) -> None:
    for url in ("http://169.254.169.254/", "http://10.0.0.1/", "json://127.0.0.1", "file:///etc/passwd", "nothing"):
        answer = await client("dora").put("/alerts/channels/spy", json={"url": url})
        assert answer.status_code == 422, url


async def test_a_silence_holds_until_it_is_ended(client: Client) -> None:
    ben, cleo = client("ben"), client("cleo")
    made = await ben.post("/alerts/silences", json={"ends_at": LATER, "rule": "noise", "comment": "a party"})
    assert made.status_code == 201, made.text
    path = f"/alerts/silences/{made.json()['id']}"
    assert [each["id"] for each in (await cleo.get("/alerts/silences")).json()["items"]] == [made.json()["id"]]
    assert (await cleo.delete(path)).status_code == 403
    tag = {"If-Match": made.headers["etag"]}
    changed = await ben.put(path, json={"ends_at": "2097-01-01T00:00:00Z", "comment": ""}, headers=tag)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (await ben.put(path, json={"ends_at": LATER}, headers=tag)).status_code == 412
    assert (await ben.post("/alerts/silences", json={"ends_at": "2001-01-01T00:00:00Z"})).status_code == 422
    assert (await ben.delete(path)).status_code == 204
    assert (await cleo.get("/alerts/silences")).json()["items"] == []


async def test_a_resolved_alert_needs_no_acknowledgement(app: FastAPI, client: Client) -> None:
    (row,) = await app.state.system.database.fetch(RESOLVED)
    answer = await client("ben").post(f"/alerts/{row['id']}/acknowledge", json={})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:eopiez:problem:transition-refused")


RESOLVED = """
insert into alerts (
    id, rule, project, labels, severity, summary, status, value, started_at, fired_at, resolved_at
)
values (gen_random_uuid(), 'old', 'blue', '{}', 'info', '', 'resolved', 1, now(), now(), now())
returning id
"""
