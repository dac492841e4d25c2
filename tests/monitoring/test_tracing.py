"""Traces: what has finished on a real database arrives at a collector, whatever becomes of either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

import eopiez_ray as ez
from eopiez_ray.engine.spans import TracedTask
from eopiez_ray.errors import DatabaseUnavailableError, ParameterError
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.model.tasks import TaskSpan
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.opening import stationed
from eopiez_ray.monitoring.tracing.collector import Collector
from eopiez_ray.monitoring.tracing.exporting import Exporter
from eopiez_ray.monitoring.tracing.headers import headers_of
from eopiez_ray.monitoring.tracing.inner import Inside
from eopiez_ray.monitoring.tracing.spans import HOLD, span_id
from eopiez_ray.monitoring.tracing.wire import nanoseconds, rejected
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.traces import TraceStore
from tests.engine.conftest import Stage
from tests.engine.inline import InlineExecutor
from tests.waiting import until

from .alerts.receiving import FAILED, Hook, hooked
from .conftest import Post


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=2, initial_interval_s=0.01))
def look_inside(number: int) -> int:
    with ez.span("outer", number=number, share=0.5), ez.span("inner"):
        if number % 2 and ez.current_task().attempt == 1:
            raise ValueError(number)
    return number


def insides(*numbers: int) -> ez.Plan:
    plan = ez.Plan("insides")
    plan.step("look", look_inside, plan.values("numbers", list(numbers)))
    return plan


@pytest.mark.parametrize("traceparent", [None, f"00-{'a' * 32}-{'b' * 16}-01"])
async def test_parts_of_tasks_are_inside_of_them(
    post: Post, stage: Stage, collector: Hook, traceparent: str | None
) -> None:
    made = await exporter(post, collector)
    orchestrator = stage.orchestrate(otlp_url=collector.url)
    view = await stage.rest(await stage.submit(insides(2, 3), traceparent=traceparent))
    await settled(post, made)
    await Inside(post.station, Collector(collector.url), orchestrator).send()
    found = {span.span_id: span for span in spans(collector)}
    outer = [span for span in found.values() if span.name == "outer"]
    inner = [span for span in found.values() if span.name == "inner"]
    assert {span.trace_id.hex() for span in (*outer, *inner)} == {"a" * 32 if traceparent else view.id.hex}
    assert {found[span.parent_span_id].name for span in inner} == {"outer"}
    assert {span.parent_span_id for span in outer} == {
        span_id(view.id, 1, 0), span_id(view.id, 1, 1, 1), span_id(view.id, 1, 1),
    }  # fmt: skip
    assert all(span.parent_span_id in found for span in outer)
    failed = [span.parent_span_id for span in outer if span.status.message == "ValueError"]
    assert failed == [span_id(view.id, 1, 1, 1)]
    facts = {each.key: each.value for each in outer[0].attributes}
    assert (facts["number"].int_value, facts["share"].double_value) in {(2, 0.5), (3, 0.5)}
    assert facts["eopiez.workflow.id"].string_value == str(view.id)


async def test_parts_of_tasks_wait_for_a_collector_that_is_away(post: Post, stage: Stage, collector: Hook) -> None:
    orchestrator = stage.orchestrate(otlp_url=collector.url)
    await stage.rest(await stage.submit(insides(2)))
    inside = Inside(post.station, Collector(collector.url), orchestrator)
    collector.answers = [FAILED]
    await inside.send()
    collector.bodies.clear()
    await inside.send()
    assert {span.name for span in spans(collector)} == {"outer", "inner"}
    collector.bodies.clear()
    await inside.send()
    assert spans(collector) == []


async def test_parts_of_tasks_wait_for_a_database_that_is_away(
    post: Post, stage: Stage, collector: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    orchestrator = stage.orchestrate(otlp_url=collector.url)
    await stage.rest(await stage.submit(insides(2)))
    inside = Inside(post.station, Collector(collector.url), orchestrator)
    with monkeypatch.context() as away:
        away.setattr(TraceStore, "callers", _away)
        with pytest.raises(DatabaseUnavailableError):
            await inside.send()
    await inside.send()
    assert {span.name for span in spans(collector)} == {"outer", "inner"}


async def _away(*_: object) -> None:
    raise DatabaseUnavailableError("it is away")


async def test_a_report_of_rubbish_costs_its_own_spans(post: Post, stage: Stage, collector: Hook) -> None:
    """What a worker sends is anybody's word."""
    stage.orchestrate()
    workflow = await stage.submit(halves(2))
    wrong = [
        TaskSpan(1, 1, 0, "good", float("nan"), float("inf"), "", {}),
        TaskSpan(1, 1, 0, 5, 1e300, -1e300, 7, {3: object()}),  # type: ignore[arg-type, dict-item]
        TaskSpan(1, 1, 0, "bad", "yesterday", 0.0, "", {}),  # type: ignore[arg-type]
        TaskSpan(1, 1, 0, "half \udcff", 0.0, 0.0, "Er\ud83dror", {"file\udcff": "name\udcff\0", "huge": 10**30}),
    ]
    tasks = [TracedTask(workflow, "default", 1, number, True, (span,)) for number, span in enumerate(wrong)]
    gone = TracedTask(WorkflowId(uuid7()), "default", 1, 0, True, (wrong[0],))
    await Inside(post.station, Collector(collector.url), Told([*tasks, gone])).send()
    assert [span.name for span in spans(collector)] == ["good", "5", "half ?"]


class Told:
    """An orchestrator that has heard this."""

    def __init__(self, tasks: list[TracedTask]) -> None:
        self._tasks = tasks

    def take_spans(self) -> list[TracedTask]:
        return self._tasks


async def test_an_orchestrator_sends_what_it_has_heard_before_it_ends(
    database: Database, stage: Stage, collector: Hook, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, otlp_url=collector.url)
    orchestrator = stage.orchestrate(otlp_url=collector.url)
    async with stationed(database, settings, "orchestrator", Meter(), hears=orchestrator):
        await stage.rest(await stage.submit(insides(2)))
    assert {"outer", "inner"} <= {span.name for span in spans(collector)}


Hostile = type("Hostile\x1b[31m " + "x" * 1000, (Exception,), {})


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=2, initial_interval_s=0.01))
def halve(number: int) -> float:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number / 2


def halves(*numbers: int) -> ez.Plan:
    plan = ez.Plan("halves")
    plan.step("halve", halve, plan.values("numbers", list(numbers)))
    return plan


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(database, tmp_path)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def collector() -> AsyncIterator[Hook]:
    async with hooked() as made:
        yield made


async def exporter(post: Post, collector: Hook) -> Exporter:
    """An exporter that has begun."""
    made = Exporter(post.station, Collector(collector.url))
    await post.station.watch()
    await made.export()
    return made


async def settled(post: Post, made: Exporter) -> None:
    """Export until all that has happened is exported."""
    (row,) = await post.database.fetch("select clock_timestamp() as now")

    async def is_exported() -> bool:
        await post.station.watch()
        await made.export()
        return bool((await TraceStore(post.database).window()).through > row["now"])

    await until(is_exported)


def spans(collector: Hook) -> list[Span]:
    requests = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    return [
        span for each in requests for one in each.resource_spans for scope in one.scope_spans for span in scope.spans
    ]


async def test_a_workflow_is_a_trace_of_steps_and_tasks(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(2, 4)))
    await settled(post, made)
    found = {span.span_id: span for span in spans(collector)}
    assert len(found) == len(spans(collector)), "each is sent once"
    assert {span.trace_id for span in found.values()} == {view.id.bytes}
    root = found[span_id(view.id)]
    assert (root.name, root.parent_span_id) == ("halves", b"")
    assert root.start_time_unix_nano == nanoseconds(view.created_at)
    tasks = [found[span_id(view.id, 1, partition)] for partition in range(2)]
    assert {found[task.parent_span_id].name for task in tasks} == {"halve"}
    assert {found[task.parent_span_id].parent_span_id for task in tasks} == {root.span_id}
    for task in tasks:
        assert root.start_time_unix_nano <= task.start_time_unix_nano <= task.end_time_unix_nano
        assert task.end_time_unix_nano <= root.end_time_unix_nano


async def test_a_workflow_of_a_traced_request_is_in_its_trace(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(2, 3), traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))
    await settled(post, made)
    found = {span.span_id: span for span in spans(collector)}
    assert {span.trace_id.hex() for span in found.values()} == {"a" * 32}
    assert found[span_id(view.id)].parent_span_id.hex() == "b" * 16
    assert len(found) > 3
    assert all(span.parent_span_id in found for key, span in found.items() if key != span_id(view.id))


@pytest.mark.parametrize("is_held", [False, True], ids=["claimed", "held from the start"])
async def test_what_goes_on_after_a_crash_links_to_what_began(
    post: Post, stage: Stage, collector: Hook, *, is_held: bool
) -> None:
    made, executor = await exporter(post, collector), InlineExecutor(stage.folder)
    executor.gate.clear()
    first = stage.orchestrate(executor, lease_s=3600)  # It goes by its session's end.
    await first.ready.wait()
    workflow = await stage.submit(halves(2, 4), holder=first.id if is_held else None)

    async def is_held_now() -> bool:
        return await stage.status(workflow) is WorkflowStatus.RUNNING

    await until(is_held_now)
    await stage.kill(first)
    stage.orchestrate()
    await stage.rest(workflow)
    await settled(post, made)
    holds = sorted(
        [span for span in spans(collector) if span.name == "drive"], key=lambda span: span.start_time_unix_nano
    )
    assert [span.span_id for span in holds] == [span_id(workflow, HOLD, epoch) for epoch in (1, 2)]
    assert {span.parent_span_id for span in holds} == {span_id(workflow)}
    assert [link.span_id for span in holds for link in span.links] == [holds[0].span_id]
    assert holds[0].end_time_unix_nano == holds[1].start_time_unix_nano
    reasons = [each.value.string_value for span in holds for each in span.attributes if each.key == "eopiez.ended_by"]
    assert reasons == ["claimed", "succeeded"]


async def test_attempts_without_a_result_have_their_error(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(3)))
    await settled(post, made)
    found = {span.span_id: span for span in spans(collector)}
    failed = [span for span in found.values() if span.status.message == "ValueError"]
    assert len(failed) == 2
    assert found[span_id(view.id)].status.code == Status.STATUS_CODE_ERROR
    assert b"3 is odd" not in b"".join(collector.bodies)


async def test_a_collector_that_was_away_gets_all_later(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(2, 4)))
    collector.answers = [FAILED, FAILED]
    await settled(post, made)
    assert not collector.answers
    assert len({span.span_id for span in spans(collector) if span.trace_id == view.id.bytes}) >= 4


async def test_idle_days_are_passed_over(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(2)))
    await settled(post, made)
    store = TraceStore(post.database)
    (row,) = await post.database.fetch("update tracing set through = through - interval '6 days' returning through")
    assert await store.idle_until(row["through"], view.created_at) > row["through"] + timedelta(days=1)
    looks = 0
    through = row["through"]
    while (further := await store.idle_until(through, view.created_at)) > through:
        through, looks = further, looks + 1
    assert view.created_at - through <= timedelta(seconds=10)
    assert looks < 60
    collector.bodies.clear()
    await settled(post, made)
    assert span_id(view.id) in {span.span_id for span in spans(collector)}


async def test_what_a_dying_process_sent_is_sent_again_as_the_same_spans(
    post: Post, database: Database, stage: Stage, collector: Hook
) -> None:
    dying = await exporter(post, collector)
    stage.orchestrate()
    view = await stage.rest(await stage.submit(halves(2, 4)))
    await post.station.stop()

    async def is_sent() -> bool:
        await dying.export()  # It has lost the watch: the collector has it, but nobody knows.
        return span_id(view.id) in {span.span_id for span in spans(collector)}

    await until(is_sent)
    before = {span.span_id: span for span in spans(collector)}
    collector.bodies.clear()
    heir = Post(database)
    await settled(heir, Exporter(heir.station, Collector(collector.url)))
    again = spans(collector)
    assert len(again) == len({span.span_id for span in again}), "the heir sends each once"
    assert before.items() <= {span.span_id: span for span in again}.items()


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def break_badly(number: int) -> int:
    raise Hostile(number)


async def test_any_type_of_error_arrives(post: Post, stage: Stage, collector: Hook) -> None:
    made = await exporter(post, collector)
    stage.orchestrate()
    plan = ez.Plan("hostile")
    plan.step("break", break_badly, plan.values("numbers", [1]))
    view = await stage.rest(await stage.submit(plan))
    await settled(post, made)
    (failed,) = [span for span in spans(collector) if span.status.message.startswith("Hostile")]
    assert failed.trace_id == view.id.bytes
    assert len(failed.status.message) <= 256


async def test_whoever_stands_exports_if_a_collector_is_named(
    database: Database, stage: Stage, collector: Hook, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, otlp_url=collector.url, otlp_headers="x-key = hush%2C hush , x-org=7")
    async with stationed(database, settings, "gateway", Meter()):

        async def has_begun() -> bool:
            return bool(await database.fetch("select from tracing"))

        await until(has_begun)
        stage.orchestrate()
        view = await stage.rest(await stage.submit(halves(2)))

        async def has_arrived() -> bool:
            return span_id(view.id) in {span.span_id for span in spans(collector)}

        await until(has_arrived)
    assert {(each["x-key"], each["x-org"], each["content-type"]) for each in collector.headers} == {
        ("hush, hush", "7", "application/x-protobuf")
    }


@pytest.mark.parametrize(
    "wrong", ["hush", "=hush", "a=", "a=hush%0D%0Ab: c", "a=hu\u00e9sh", "a b=hush", "content-type=hush"]
)
def test_a_wrong_header_is_named_by_its_place(wrong: str) -> None:
    with pytest.raises(ParameterError, match="EOPIEZ_OTLP_HEADERS: pair 2") as caught:
        headers_of(f"x=1,{wrong}")
    assert "hush" not in str(caught.value)


def test_a_wrong_clock_is_told_as_well_as_the_protocol_can() -> None:
    assert nanoseconds(datetime(1, 1, 1, tzinfo=UTC)) == 0
    assert nanoseconds(datetime(9999, 12, 31, tzinfo=UTC)) == 2**64 - 1
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005_000


def test_a_collector_that_answers_rubbish_has_taken_all() -> None:
    assert rejected(b"<html>") == (0, "")
