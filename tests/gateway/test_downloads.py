"""Collections by URL: what is allowed arrives whole, and what is not reaches nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from eopiez_ray.client.pipeline import AsyncPipeline
from eopiez_ray.client.transport import Transport
from eopiez_ray.gateway import downloads
from eopiez_ray.gateway.downloads import MOST_REDIRECTS
from tests.engine.conftest import Stage
from tests.engine.inline import InlineExecutor

from .conftest import gateway_at
from .services.instances import Arrived, Behaviour, serving
from .services.test_forgery import INSIDE

LETTERS = "".join(["id,text\n", *(f"{number},Letter {number} about music and trains\n" for number in range(30))])
KEYS = "first:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
Opens = Callable[..., AbstractAsyncContextManager[FastAPI]]


@pytest.fixture
def opens(database_url: str, home: Path) -> Opens:
    """Opens a gateway that reads files by URL from this machine, unless other places are named."""

    def opened(**options: Any) -> AbstractAsyncContextManager[FastAPI]:
        return gateway_at(database_url, home, **{"gateway_input_urls": ("127.0.0.1",), **options})

    return opened


async def executed(app: FastAPI, *urls: str, key: str = "", name: str = "ben") -> httpx.Response:
    """The answer to a run that reads these URLs."""
    transport = httpx.ASGITransport(app)
    headers = {"Caller": name, **({"Idempotency-Key": key} if key else {})}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway/v1", headers=headers) as client:
        return await client.post("/pipeline/execute", json={"urls": list(urls)})


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and kind of a refusal."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def sending(content: str, **headers: str) -> Behaviour:
    """A server that gives a file; headers are written with underscores."""
    return saying(200, content.encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def saying(status: int, content: bytes, headers: dict[str, str]) -> Behaviour:
    async def behave(_: Arrived, send: Any) -> None:
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": content})

    return behave


def redirecting(to: str, status: int = 302) -> Behaviour:
    return saying(status, b"", {"location": to, "content-length": "0"})


def files(home: Path) -> list[Path]:
    """What has arrived."""
    return [path for path in (home / "shared").rglob("*") if path.is_file()]


@asynccontextmanager
async def staged(app: FastAPI, home: Path) -> AsyncIterator[Stage]:
    stage = Stage(app.state.system.database, home / "artifacts")
    try:
        stage.orchestrate(InlineExecutor(stage.folder))
        yield stage
    finally:
        await stage.close()


async def test_a_collection_is_read_by_its_url(opens: Opens, home: Path) -> None:
    async with opens() as app, serving(sending(LETTERS, content_type="text/csv; charset=utf-8")) as place:
        async with staged(app, home) as stage:
            answer = await executed(app, f"{place.url}/export?token=hush")
            assert answer.status_code == 202, answer.text
            view = await stage.rest(answer.json()["id"])
        assert view.status == "succeeded", view.error
    (file,) = [path for path in files(home) if path.parent.name.startswith("url-")]
    assert (file.name, file.read_text(), file.stat().st_mode & 0o077) == ("export.csv", LETTERS, 0)
    assert place.arrived[0].target == "/export?token=hush"


class AsBen(httpx.ASGITransport):
    """Sends the client's requests as Ben's."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Caller"] = "ben"
        return await super().handle_async_request(request)


async def test_the_client_names_urls(opens: Opens) -> None:
    async with (
        opens() as app,
        serving(sending(LETTERS)) as place,
        Transport("http://gateway", transport=AsBen(app)) as way,
    ):
        workflow = await AsyncPipeline(way, "blue").execute(urls=[f"{place.url}/letters.csv"])
        assert (await workflow.view()).status == "queued"
        assert [each.target for each in place.arrived] == ["/letters.csv"]


async def test_without_the_setting_no_url_is_read(opens: Opens) -> None:
    async with opens(gateway_input_urls=()) as app, serving(sending(LETTERS)) as place:
        answer = await executed(app, f"{place.url}/letters.csv")
    assert said(answer) == (403, "url-forbidden")
    assert "EOPIEZ_GATEWAY_INPUT_URLS" in answer.json()["hint"]
    assert place.arrived == []


async def test_no_url_leads_inside(opens: Opens, home: Path) -> None:
    async with opens(gateway_input_urls=("*", "192.0.2.0/24")) as app, serving(sending(LETTERS)) as secret:
        resolver = app.state.system.downloads.resolver
        inner = resolver.look_up
        resolver.look_up = lambda host, *rest: inner("127.0.0.1" if host.startswith("inside") else host, *rest)
        for url in INSIDE:
            answer = await executed(app, url.format(port=secret.url.rpartition(":")[2]) + "/letters.csv")
            assert said(answer) in {(403, "url-forbidden"), (502, "url-failed")}, (url, answer.text)
        assert secret.arrived == []
    assert files(home) == []


NONE = (
    "letters.csv", "file:///etc/passwd", "ftp://127.0.0.1/a", "http://", "http://a:0/", "http://a b/", "http://a:99999/",
    "http://[::1", "http:\\\\127.0.0.1\\a", "http://ä.example/",
)  # fmt: skip


@pytest.mark.parametrize("url", NONE)
async def test_what_is_no_url_is_refused(opens: Opens, url: str) -> None:
    async with opens() as app:
        answer = await executed(app, url)
    assert said(answer) == (422, "invalid-parameter"), answer.text
    assert "urls[0]" in answer.json()["detail"]


async def test_redirects_are_followed_where_files_may_be_and_nobody_s_name_goes_along(opens: Opens, home: Path) -> None:
    async with opens() as app, serving(sending(LETTERS)) as file, serving(redirecting(f"{file.url}/b.csv")) as first:
        answer = await executed(app, f"{first.url.replace('://', '://anna:hush@')}/a.csv")
        assert answer.status_code == 202, answer.text
        assert ("authorization" in first.arrived[0].headers, "authorization" in file.arrived[0].headers) == (
            True,
            False,
        )
        for target in ("http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd", "http://[::"):
            first.behaviour = redirecting(target)
            refused = await executed(app, f"{first.url}/a.csv")
            assert refused.status_code in {403, 502}, (target, refused.text)
        first.behaviour, first.arrived[:] = redirecting("/a.csv"), []
        assert said(await executed(app, f"{first.url}/a.csv")) == (502, "url-failed")
        assert len(first.arrived) == MOST_REDIRECTS + 1
    assert len(files(home)) == 1


async def test_errors_name_the_host_and_no_secret(opens: Opens, home: Path) -> None:
    url = "{}/letters.csv?signature=hush-hush"
    async with opens() as app, serving(saying(404, b"no", {})) as place:
        named = url.format(place.url.replace("://", "://anna:hush-hush@"))
        for status, expected in ((404, 422), (403, 422), (500, 502), (206, 422)):
            place.behaviour = saying(status, b"no", {})
            answer = await executed(app, named)
            assert said(answer) == (expected, "url-failed"), answer.text
            assert answer.json()["detail"] == f"127.0.0.1 answers with status {status}"
            assert "hush" not in answer.text
        gone = named
    async with opens(is_new=False) as app:
        assert said(await executed(app, gone)) == (502, "url-failed")
    assert files(home) == []


async def test_what_is_too_large_is_refused_however_it_is_sent(opens: Opens, home: Path) -> None:
    async with opens(gateway_input_url_bytes=1024) as app, serving(sending("a" * 1024)) as place:
        assert (await executed(app, place.url)).status_code == 202
        place.behaviour = sending("a" * 1025)
        assert said(await executed(app, place.url)) == (413, "too-large")
        place.behaviour = sending("a" * 1025, content_length="1025")
        assert said(await executed(app, place.url)) == (413, "too-large")
    assert [path.stat().st_size for path in files(home)] == [1024]


async def test_what_breaks_off_or_does_not_end_in_time_is_refused(
    opens: Opens, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_: Arrived, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await asyncio.sleep(0.1)

    async with opens() as app, serving(sending("abc", content_length="4")) as place:
        assert said(await executed(app, f"{place.url}/a.txt")) == (502, "url-failed")
    monkeypatch.setattr(downloads, "SHARE", 0.01)
    async with opens(is_new=False) as app, serving(endless) as place:
        assert said(await executed(app, f"{place.url}/a.txt")) == (504, "url-failed")
    assert files(home) == []


async def test_the_same_key_asks_once(opens: Opens) -> None:
    async with opens() as app, serving(sending(LETTERS)) as place:
        first, second = [await executed(app, f"{place.url}/a.csv", key="nightly") for _ in range(2)]
        assert first.json()["id"] == second.json()["id"]
        assert len(place.arrived) == 1
        assert (await executed(app, f"{place.url}/b.csv", key="nightly")).status_code == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/a.tsv", {"content_type": "text/html"}, "a.tsv"),
        ("/", {"content_type": "application/x-ndjson"}, "documents.jsonl"),
        ("/get", {"content_disposition": 'attachment; filename="../../etc/x.csv"'}, "x.csv"),
        ("/a.csv", {"content_encoding": "gzip"}, "a.csv.gz"),
    ],
)
async def test_name_or_type_tells_the_format(
    opens: Opens, home: Path, path: str, headers: dict[str, str], name: str
) -> None:
    async with opens() as app, serving(sending("a", **headers)) as place:
        assert (await executed(app, place.url + path)).status_code == 202
    assert [file.name for file in files(home)] == [name]


async def test_with_keys_it_is_encrypted(opens: Opens, home: Path) -> None:
    async with opens(encryption_keys=KEYS) as app, serving(sending(LETTERS)) as place:
        async with staged(app, home) as stage:
            answer = await executed(app, f"{place.url}/letters.csv")
            view = await stage.rest(answer.json()["id"])
        assert view.status == "succeeded", view.error
    (file,) = [path for path in files(home) if path.parent.name.startswith("url-")]
    assert b"music" not in file.read_bytes()


async def test_it_takes_an_operator(opens: Opens) -> None:
    async with opens() as app, serving(sending(LETTERS)) as place:
        assert (await executed(app, place.url, name="cleo")).status_code == HTTPStatus.FORBIDDEN
    assert place.arrived == []
