"""The request that creates a workflow is the root of its trace, as a collector sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest_asyncio
from fastapi import FastAPI
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from eopiez_ray.monitoring.tracing.spans import span_id
from tests.engine.conftest import Stage
from tests.gateway.conftest import Client, gateway_at, lengths
from tests.monitoring.alerts.receiving import FAILED, Hook, hooked
from tests.monitoring.test_tracing import spans
from tests.waiting import until

CALLER = f"00-{'a' * 32}-{'b' * 16}-00"


@pytest_asyncio.fixture(loop_scope="session")
async def collector() -> AsyncIterator[Hook]:
    async with hooked() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path, collector: Hook) -> AsyncIterator[FastAPI]:
    """A gateway that exports traces."""
    async with gateway_at(database_url, home, otlp_url=collector.url) as app:

        async def has_begun() -> bool:
            return bool(await app.state.system.database.fetch("select from tracing"))

        await until(has_begun)
        yield app


async def arrived(collector: Hook, wanted: bytes) -> dict[bytes, Span]:
    """All spans by id, once that one is there, and all requests' are."""

    def found() -> dict[bytes, Span]:
        by_id = {span.span_id: span for span in spans(collector)}
        is_whole = wanted in by_id and by_id[wanted].parent_span_id in by_id
        return by_id if is_whole else {}

    by_id: dict[bytes, Span] = await until(found)
    return by_id


async def test_request_is_the_root_of_the_trace_that_is_called_like_the_workflow(
    client: Client, stage: Stage, collector: Hook
) -> None:
    collector.answers = [FAILED]
    stage.orchestrate()
    repeated = {"Idempotency-Key": "again"}
    ids = {
        (await client("anna").post("/workflows", json=lengths("a"), headers=repeated)).json()["id"] for _ in range(2)
    }
    (workflow,) = map(UUID, ids)
    await stage.rest(workflow)  # type: ignore[arg-type]
    found = await arrived(collector, span_id(workflow))
    (request,) = [span for span in found.values() if span.kind == Span.SPAN_KIND_SERVER]
    assert found[span_id(workflow)].parent_span_id == request.span_id
    assert (request.name, request.trace_id, request.parent_span_id) == ("POST /workflows", workflow.bytes, b"")
    facts = {each.key: each.value for each in request.attributes}
    assert facts["http.response.status_code"].int_value == 202
    assert facts["eopiez.workflow.id"].string_value == str(workflow)
    assert request.start_time_unix_nano <= found[span_id(workflow)].start_time_unix_nano


async def test_request_of_a_traced_caller_is_a_part_of_the_callers_trace(
    client: Client, stage: Stage, collector: Hook
) -> None:
    stage.orchestrate()
    answer = (await client("anna").post("/workflows", json=lengths("a"), headers={"traceparent": CALLER})).json()
    assert answer["trace_id"] == "a" * 32
    workflow = UUID(answer["id"])
    await stage.rest(workflow)  # type: ignore[arg-type]
    found = await arrived(collector, span_id(workflow))
    request = found[found[span_id(workflow)].parent_span_id]
    assert (request.kind, request.parent_span_id.hex()) == (Span.SPAN_KIND_SERVER, "b" * 16)
    assert {span.trace_id.hex() for span in found.values()} == {"a" * 32}
