"""Parameters of URLs: one that its endpoint does not know would change nothing, and is refused."""

from __future__ import annotations

import gzip

import pytest

from tests.gateway.conftest import Client


@pytest.mark.parametrize(
    ("path", "place", "message"),
    [
        ("/workflows?statu=failed", "query.statu", "did you mean status?"),
        ("/workflows?status=failed&limt=5&limit=5", "query.limt", "did you mean limit?"),
        ("/workflows/00000000-0000-0000-0000-000000000000/tasks?", None, ""),
        ("/users/profile?verbose=1", "query.verbose", "this takes project"),
        ("/workflows?%C3%A9=1", "query.é", "this takes "),
        ("/workflows?STATUS=failed", "query.STATUS", "there is no such parameter"),
    ],
)
async def test_a_parameter_that_nobody_knows_is_named(
    client: Client, path: str, place: str | None, message: str
) -> None:
    answer = await client("anna").get(path)
    if place is None:
        assert answer.status_code == 404
        return
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:invalid-request")
    (fault,) = answer.json()["faults"]
    assert fault["place"] == place
    assert message in fault["message"]


async def test_nothing_is_changed_by_a_request_with_an_unknown_parameter(client: Client) -> None:
    answer = await client("anna").post("/workflows?dry_run=true", json={"plan": "none"})
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["place"] == "query.dry_run"
    assert (await client("anna").get("/workflows")).json()["items"] == []


async def test_the_page_takes_any(client: Client) -> None:
    anna = client("anna")
    page = anna.base_url.copy_with(path="/", query=b"utm_source=mail")
    assert (await anna.get(page)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "content", "place", "message"),
    [
        ({"Content-Type": "text/plain"}, b"{}", "header.Content-Type", "text/plain is not read here; send JSON"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1", "header.Content-Type", "send JSON as"),
        ({"Content-Type": "application/yaml"}, b"a: 1", "header.Content-Type", "application/json"),
        (
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            gzip.compress(b"{}"),
            "header.Content-Encoding",
            "bodies encoded as gzip are not read",
        ),
        ({"Content-Type": "application/json; charset=utf-8"}, b"{", "body.1", "JSON decode error"),
        ({"Content-Type": "application/json"}, b"[]", "body", "valid dictionary"),
    ],
)
async def test_a_body_that_its_headers_keep_from_being_read_is_told_so(
    client: Client, headers: dict[str, str], content: bytes, place: str, message: str
) -> None:
    answer = await client("anna").post("/workflows", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:eopiez:problem:invalid-request"), answer.text
    (fault,) = answer.json()["faults"]
    assert fault["place"] == place
    assert message in fault["message"]
