"""What goes out to a service, and what comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.gateway.services.headers import HOP_BY_HOP, Origin, incoming, outgoing
from eopiez_ray.gateway.services.replaying import REPLAYED_BYTES, BodyBrokenError, Replay

ORIGIN = Origin("192.0.2.7", "https", "eopiez.example.com", "request-1", "blue")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OURS = {
    "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https", "x-forwarded-host": "eopiez.example.com",
    "x-request-id": "request-1", "x-eopiez-project": "blue",
}  # fmt: skip


@pytest.mark.parametrize("name", [
    *sorted(HOP_BY_HOP), "authorization", "cookie", "host", "proxy-authorization", "x-request-timeout-seconds",
    "forwarded", "x-request-disconnect-disabled", "x-eopiez-request", "x-real-ip", "sec-fetch-site",
    "serve_multiplexed_model_id",
])  # fmt: skip
def test_nothing_of_ours_goes_out(name: str) -> None:
    assert dict(outgoing([(name, "secret")], ORIGIN)) == OURS


def test_a_caller_cannot_say_where_it_is() -> None:
    forged = [(name, "forged") for name in OURS]
    assert sorted(outgoing(forged, ORIGIN)) == sorted(OURS.items())


def test_what_the_connection_names_stays_there() -> None:
    given = [("connection", "close, X-Secret"), ("connection", "x-other"), ("x-secret", "1"), ("x-other", "2")]
    assert dict(outgoing(given, ORIGIN)) == OURS
    assert dict(incoming(given)).keys() == {"content-security-policy"}


def test_a_trace_goes_on_if_it_is_one() -> None:
    kept = dict(outgoing([("traceparent", TRACE), ("tracestate", "a=b"), ("accept", "*/*")], ORIGIN))
    assert kept == OURS | {"traceparent": TRACE, "tracestate": "a=b", "accept": "*/*"}
    assert dict(outgoing([("traceparent", "x"), ("tracestate", "a=b")], ORIGIN)) == OURS


@pytest.mark.parametrize("name", [
    "Set-Cookie", "WWW-Authenticate", "Strict-Transport-Security", "Access-Control-Allow-Origin", "Clear-Site-Data",
    "Content-Security-Policy", "X-Request-Id", "Location", "Service-Worker-Allowed", "Refresh", "Transfer-Encoding",
])  # fmt: skip
def test_a_service_gets_no_power_over_our_site(name: str) -> None:
    (only,) = incoming([(name, "forged")])
    assert only[0] == "content-security-policy"
    assert "sandbox" in only[1]


def test_what_an_answer_is_comes_back() -> None:
    kept = [("content-type", "application/json"), ("content-length", "2"), ("etag", '"a"'), ("content-encoding", "br")]
    assert incoming(kept)[:4] == kept


@given(st.lists(st.tuples(st.text("abcdefgh-x", min_size=1).map(str.lower), st.text("ab, ")), max_size=8))
def test_ours_are_there_once_whatever_is_sent(headers: list[tuple[str, str]]) -> None:
    sent = outgoing(headers, ORIGIN)
    for name, value in OURS.items():
        assert [each for each in sent if each[0] == name] == [(name, value)]


def arriving(*messages: Any) -> Replay:
    """A body that comes in these messages."""
    left = list(messages)

    async def receive() -> Any:
        await asyncio.sleep(0)
        return left.pop(0)

    return Replay(receive)


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_short_body_can_be_sent_again_from_where_it_broke_off() -> None:
    body = arriving(part(b"one"), part(b""), part(b"two"), part(b"three", more=False))
    first = body.parts()
    assert await anext(first) == b"one"
    assert [each async for each in body.parts()] == [b"one", b"two", b"three"]
    assert [each async for each in body.parts()] == [b"one", b"two", b"three"]
    assert body.can_be_sent_again
    assert [each async for each in first] == [b"two", b"three"]


async def test_a_long_body_is_not_kept() -> None:
    long = b"a" * (REPLAYED_BYTES // 2 + 1)
    body = arriving(part(long), part(long), part(b"end", more=False))
    assert [len(each) async for each in body.parts()] == [len(long), len(long), 3]
    assert not body.can_be_sent_again


async def test_a_body_that_breaks_off_is_not_sent_again() -> None:
    body = arriving(part(b"one"), {"type": "http.disconnect"})
    with pytest.raises(BodyBrokenError):
        assert [each async for each in body.parts()]
    assert not body.can_be_sent_again


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    came = asyncio.Event()

    async def receive() -> Any:
        await came.wait()
        return part(b"all", more=False)

    body = Replay(receive)
    reading = asyncio.ensure_future(anext(body.parts()))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    came.set()
    assert [each async for each in body.parts()] == [b"all"]
