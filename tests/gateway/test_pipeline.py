"""The pipeline over HTTP: collections go in by each way, and what was found comes out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest

from eopiez_ray.gateway.files import safe_name
from tests.engine.inline import InlineExecutor
from tests.gateway.conftest import Client

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.engine.conftest import Stage

LETTERS = [
    {"id": str(number), "text": f"Letter {number} is about {word}: {word} and nothing but {word}.", "label": word}
    for number, word in enumerate(["music", "football", "parliament"] * 12)
]


async def uploaded(client: httpx.AsyncClient, content: bytes, name: str = "letters.csv") -> str:
    """The id of an upload, sent in two parts."""
    made = (await client.post("/uploads", json={"name": name, "size": len(content)})).json()
    half = len(content) // 2
    for start, part in ((0, content[:half]), (half, content[half:])):
        answer = await client.patch(f"/uploads/{made['id']}", content=part, headers={"Upload-Offset": str(start)})
        assert answer.status_code == 200, answer.text
    upload: str = made["id"]
    return upload


async def test_a_collection_is_analysed_and_looked_at(client: Client, stage: Stage) -> None:
    stage.orchestrate(InlineExecutor(stage.folder))
    operator, viewer = client("ben"), client("cleo")
    answer = await operator.post("/pipeline/execute", json={"documents": LETTERS, "options": {"title": "Letters"}})
    assert answer.status_code == 202, answer.text
    run = answer.json()["id"]
    view = await stage.rest(run)
    assert view.status == "succeeded", view.error
    status = (await viewer.get("/pipeline/status")).json()["items"]
    assert [(each["id"], each["status"]) for each in status] == [(run, "succeeded")]
    assert status == (await viewer.get("/pipeline/status", params={"workflow": run})).json()["items"]
    themes = (await viewer.get(f"/pipeline/{run}/themes")).json()["items"]
    assert sum(theme["documents"] for theme in themes) == len(LETTERS)
    first = (await viewer.get(f"/pipeline/{run}/documents", params={"limit": 20})).json()
    rest = (await viewer.get(f"/pipeline/{run}/documents", params={"limit": 20, "cursor": first["next"]})).json()
    assert [row["document_id"] for row in first["items"] + rest["items"]] == [letter["id"] for letter in LETTERS]
    assert rest["next"] is None
    of_theme = (await viewer.get(f"/pipeline/{run}/documents", params={"theme": themes[0]["theme"]})).json()["items"]
    assert len(of_theme) == themes[0]["documents"]
    of_both = (await viewer.get(f"/pipeline/{run}/documents", params={"theme": [0, 1], "limit": 1000})).json()["items"]
    assert [row["document_id"] for row in of_both] == [
        row["document_id"] for row in first["items"] + rest["items"] if row["theme"] in {0, 1}
    ]
    tree = (await viewer.get(f"/pipeline/{run}/tree")).json()["items"]
    assert tree[0]["themes"] == [theme["theme"] for theme in themes]
    assert {node["id"]: node["label"] for node in tree if len(node["themes"]) == 1} == {
        theme["theme"]: theme["label"] for theme in themes
    }
    pairs = (await viewer.get(f"/pipeline/{run}/disagreements", params={"limit": 3})).json()["items"]
    assert 0 < len(pairs) <= 3
    texts = {letter["id"]: letter["text"] for letter in LETTERS}
    for side in (pair[name] for pair in pairs for name in ("first", "second")):
        assert side["text"] == texts[side["document_id"]]
    of_first = (await viewer.get(f"/pipeline/{run}/disagreements", params={"theme": 0})).json()["items"]
    assert {pair["first"]["theme"] for pair in of_first} == {0}
    shown = (await viewer.get(f"/pipeline/{run}/document", params={"document": "0"})).json()["item"]
    assert shown["document_id"] == "0"
    assert all(shown["text"][each["start"] : each["end"]].split() for each in shown["motifs"])
    assert (await viewer.get(f"/pipeline/{run}/document", params={"document": "none"})).status_code == 404
    second = await viewer.get(f"/pipeline/{run}/document", params={"row": 1})
    assert second.json()["item"]["document_id"] == LETTERS[1]["id"]
    assert (await viewer.get(f"/pipeline/{run}/document", params={"row": len(LETTERS)})).status_code == 404
    drawn = (await viewer.get(f"/pipeline/{run}/map")).content
    (count,) = np.frombuffer(drawn, "<u4", 1)
    x, y, theme = (
        np.frombuffer(drawn, kind, count, 4 + 2 * count * at) for at, kind in enumerate(("<u2", "<u2", "<i2"))
    )
    assert (count, max(x.max(), y.max()), x.min(), y.min()) == (len(LETTERS), 65535, 0, 0)
    assert sorted(np.unique(theme[theme >= 0])) == [each["theme"] for each in themes]
    near = (await viewer.get(f"/pipeline/{run}/similar", params={"document": "0", "limit": 5})).json()["items"]
    assert {int(hit["document_id"]) % 3 for hit in near} == {0}
    found = (await viewer.get(f"/pipeline/{run}/search", params={"query": "music", "limit": 4})).json()["items"]
    assert {int(hit["document_id"]) % 3 for hit in found} == {0}
    assert "music" in found[0]["snippet"]
    nothing = await viewer.get(f"/pipeline/{run}/search", params={"query": "zzzqx"})
    assert (nothing.status_code, nothing.json()["items"]) == (200, [])
    page = await viewer.get(f"/pipeline/{run}/report")
    assert "Letters" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    facts = await viewer.get(f"/pipeline/{run}/report", headers={"Accept": "application/json"})
    assert facts.json()["title"] == "Letters"
    table = await viewer.get(f"/pipeline/{run}/tables/documents")
    assert pq.read_table(io.BytesIO(table.content)).num_rows == len(LETTERS)
    archive = await viewer.get(f"/pipeline/{run}/archive", headers={"Range": "bytes=0-3"})
    assert (archive.status_code, len(archive.content)) == (206, 4)
    explored = ("tree", "timeline", "disagreements")
    for path in ("report", "themes", "archive", "tables/documents", "similar?document=0", "search?query=a", *explored):
        assert (await client("dora").get(f"/pipeline/{run}/{path}")).status_code == 404


async def test_documents_are_found_by_their_times(client: Client, stage: Stage) -> None:
    stage.orchestrate(InlineExecutor(stage.folder))
    dated = [
        letter | {"time": f"2026-03-{number + 1:02}T12:00:00+01:00"} if number < 30 else letter
        for number, letter in enumerate(LETTERS)
    ]
    run = (await client("ben").post("/pipeline/execute", json={"documents": dated})).json()["id"]
    assert (await stage.rest(run)).status == "succeeded"

    async def found(part: str, **query: str) -> Any:
        answer = await client("cleo").get(f"/pipeline/{run}/{part}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    whole = await found("timeline")
    assert (whole["documents"], whole["undated"], whole["timeline"]["unit"]) == (len(LETTERS), len(LETTERS) - 30, "day")
    assert (whole["timeline"]["total"], whole["timeline"]["end"]) == ([1] * 30, "2026-03-31T00:00:00Z")
    by_theme = [series["documents"] for series in whole["timeline"]["themes"]]
    assert [sum(column) for column in zip(*by_theme, strict=True)] == whole["timeline"]["total"]
    part = {"since": "2026-03-02T11:00:00Z", "until": "2026-03-14T11:00:00Z"}
    assert (await found("timeline", **part))["documents"] == 12
    rows = (await found("documents", **part))["items"]
    assert [row["document_id"] for row in rows] == [letter["id"] for letter in LETTERS[1:13]]
    assert (await found("timeline", since="2030-01-01T00:00:00Z"))["timeline"] is None
    bad = await client("cleo").get(f"/pipeline/{run}/timeline", params={"since": "yesterday"})
    assert bad.status_code == 422


async def test_an_upload_arrives_in_parts_and_is_read(client: Client, stage: Stage) -> None:
    stage.orchestrate(InlineExecutor(stage.folder))
    content = "".join(["id,text\n", *(f"{letter['id']},{letter['text']}\n" for letter in LETTERS)]).encode()
    upload = await uploaded(client("ben"), content)
    seen = (await client("cleo").get(f"/uploads/{upload}")).json()
    assert (seen["offset"], seen["completed_at"] is None) == (len(content), False)
    answer = await client("ben").post("/pipeline/execute", json={"uploads": [upload]})
    view = await stage.rest(answer.json()["id"])
    assert view.status == "succeeded", view.error


async def test_an_upload_goes_on_only_where_it_is(client: Client) -> None:
    operator = client("ben")
    made = (await operator.post("/uploads", json={"name": "a.txt", "size": 6})).json()
    path = f"/uploads/{made['id']}"
    early = await operator.patch(path, content=b"def", headers={"Upload-Offset": "3"})
    assert (early.status_code, early.headers["upload-offset"]) == (409, "0")
    await operator.patch(path, content=b"abc", headers={"Upload-Offset": "0"})
    incomplete = await operator.post("/pipeline/execute", json={"uploads": [made["id"]]})
    assert (incomplete.status_code, incomplete.json()["type"]) == (409, "urn:eopiez:problem:upload-incomplete")
    too_much = await operator.patch(path, content=b"defg", headers={"Upload-Offset": "3"})
    assert too_much.status_code == 413
    whole = await operator.patch(path, content=b"def", headers={"Upload-Offset": "3"})
    assert whole.json()["completed_at"] is not None
    assert (await operator.delete(path)).status_code == 204
    assert (await operator.get(path)).status_code == 404


async def test_uploads_of_others_are_not_there(client: Client) -> None:
    upload = await uploaded(client("ben"), b"secret words", "secret.txt")
    stranger = client("dora")
    assert (await stranger.get(f"/uploads/{upload}")).status_code == 404
    assert (await stranger.patch(f"/uploads/{upload}", content=b"x", headers={"Upload-Offset": "0"})).status_code == 404
    assert (await stranger.delete(f"/uploads/{upload}")).status_code == 404
    assert (await stranger.get("/uploads")).json()["items"] == []
    assert (await stranger.post("/pipeline/execute", json={"uploads": [upload]})).status_code == 404
    assert (await client("cleo").delete(f"/uploads/{upload}")).status_code == 403


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.csv", "olute.csv"),
        ("..", "documents"),
        (".bashrc", "bashrc"),
        ("a b\n\x1b[31m.csv", "a_b_31m.csv"),
        ("日本語.txt", "日本語.txt"),
        ("x" * 300 + ".csv.gz", "x" * 113 + ".csv.gz"),
    ],
)
def test_a_name_leads_nowhere_else(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    "path", ["/etc", "/etc/passwd", "relative", "~", "/allowed/../etc", "file:///etc/passwd", "/a\x00b"]
)
async def test_paths_outside_what_is_opened_are_refused(client: Client, path: str) -> None:
    answer = await client("ben").post("/pipeline/execute", json={"paths": [path]})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:eopiez:problem:path-forbidden")


async def test_opened_folders_are_read_but_links_do_not_lead_out(app: FastAPI, client: Client, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    opened.mkdir()
    (opened / "letters.txt").write_text("words")
    (opened / "out").symlink_to("/etc")
    object.__setattr__(app.state.system.settings, "gateway_inputs", (opened,))
    inside = await client("ben").post("/pipeline/execute", json={"paths": [str(opened / "letters.txt")]})
    assert inside.status_code == 202
    outside = await client("ben").post("/pipeline/execute", json={"paths": [str(opened / "out" / "passwd")]})
    assert outside.status_code == 403


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "nothing to read"),
        ({"documents": [{"text": "a"}], "options": {"titel": "x"}}, "no 'titel'"),
        ({"documents": [{"text": "a"}], "options": {"themes": {"theme": 3}}}, "no 'theme'"),
        ({"documents": [{"text": "a"}], "options": {"themes": {"themes": 0}}}, "from 1 to 1,000"),
        ({"documents": [{"text": 3}]}, "valid string"),
        ({"documents": [{"text": "a"}], "labels": {"output": "/etc"}}, "reserved"),
    ],
)
async def test_a_bad_collection_gets_a_clear_answer(client: Client, body: dict[str, Any], said: str) -> None:
    answer = await client("ben").post("/pipeline/execute", json=body)
    assert answer.status_code == 422
    assert said in answer.text


async def test_one_key_means_one_run(client: Client) -> None:
    key, body = {"Idempotency-Key": "monday"}, {"documents": [{"text": "a word"}]}
    first, second = [await client("ben").post("/pipeline/execute", json=body, headers=key) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await client("ben").post("/pipeline/execute", json={"documents": [{"text": "b"}]}, headers=key)
    assert other.status_code == 409


async def test_all_runs_are_paused_and_resumed_together(client: Client) -> None:
    runs = [
        (await client("ben").post("/pipeline/execute", json={"documents": [{"text": "a"}]})).json()["id"] for _ in "ab"
    ]
    paused = (await client("ben").post("/pipeline/pause", json={})).json()["answers"]
    assert {each["id"]: each["status"] for each in paused} == dict.fromkeys(runs, "paused")
    one = (await client("ben").post("/pipeline/resume", json={"workflow": runs[0]})).json()["answers"]
    assert [(each["id"], each["status"]) for each in one] == [(runs[0], "queued")]
    assert (await client("ben").post("/pipeline/resume", json={"workflow": str(uuid4())})).status_code == 404
    assert (await client("cleo").post("/pipeline/pause", json={})).json()["answers"] == []
