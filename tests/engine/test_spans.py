"""Spans of phases: parts of tasks come home with the tasks' reports, in bounded memory, whatever a phase does."""

from __future__ import annotations

import asyncio
import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import GeneratorType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import eopiez_ray as ez
from eopiez_ray.engine.spans import MOST_WAITING, SpanBox
from eopiez_ray.engine.worker import Worker
from eopiez_ray.model.limits import Owner
from eopiez_ray.model.results import expanded
from eopiez_ray.model.spans import MOST_ATTRIBUTES, MOST_SPANS
from eopiez_ray.model.status import Outcome
from eopiez_ray.model.tasks import Report, TaskKey, TaskSpan
from eopiez_ray.model.work import Element, WorkCall, WorkItem, WorkPart, WorkStep

if TYPE_CHECKING:
    from eopiez_ray.engine.run import Run


def call_of(phase: ez.Phase, *items: WorkItem, is_traced: bool = True, together: int = 1) -> WorkCall:
    """Tasks of a phase, whose inputs are the numbers from 0."""
    steps = {
        0: WorkStep("given", ez.PhaseKind.VALUES, "values", {}),
        1: WorkStep("work", phase.kind, phase.ref.digest, {}, concurrency=together),
    }
    code = {"values": pickle.dumps([*range(10)]), phase.ref.digest: phase.code}
    return WorkCall("call", "sender", (WorkPart("workflow", steps, items),), code, 10.0, is_traced=is_traced)


def reports(folder: Path, phase: ez.Phase, *items: WorkItem, **options: Any) -> list[Report]:
    """What a worker reports of them."""
    (answers,) = Worker(str(folder), "w", folder).run(call_of(phase, *items, **options))
    return list(expanded(answers))


def item(partition: int = 0, *, attempt: int = 1, quota: int = 1, takes_input: bool = True) -> WorkItem:
    inputs = (Element(0, partition),) if takes_input else ()
    return WorkItem(TaskKey(1, partition), attempt, quota, inputs)


@ez.phase(kind="map")
def nest(value: int) -> int:
    with ez.span("outer", value=value) as outer:
        with ez.span("inner"):
            pass
        outer.set(inner=1)
    with ez.span("after"):
        return value


def test_spans_stand_where_they_were_opened(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, nest, item(2, attempt=3))
    by_name = {span.name: span for span in report.spans}
    outer, inner, after = by_name["outer"], by_name["inner"], by_name["after"]
    assert (outer.parent, inner.parent, after.parent) == (0, outer.number, 0)
    assert outer.attributes == {"value": 2, "inner": 1}
    assert {span.attempt for span in report.spans} == {3}
    assert report.started_at <= outer.started_at + 0.1
    assert 0 <= inner.wall_s <= outer.wall_s <= report.wall_s


def test_nothing_is_kept_if_nobody_asks(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, nest, item(), is_traced=False)
    assert (report.outcome, report.spans) == (Outcome.SUCCEEDED, ())


def test_a_span_can_be_opened_outside_of_tasks() -> None:
    with ez.span("alone") as alone:
        alone.set(still="works")


@ez.phase(kind="map")
def fail(value: int) -> int:
    with ez.span("outer"), ez.span("inner"):
        raise LookupError(value)


def test_an_exception_ends_its_spans_and_goes_on(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, fail, item())
    assert report.outcome is Outcome.FAILED
    assert [(span.name, span.error_type) for span in report.spans] == [
        ("inner", "LookupError"), ("outer", "LookupError"),
    ]  # fmt: skip


@ez.phase
def count() -> Iterator[int]:
    with ez.span("all"):
        for number in range(3):
            with ez.span("one", number=number):
                value = number
            yield value


def test_a_span_that_outlives_a_partition_belongs_to_the_one_in_which_it_ends(tmp_path: Path) -> None:
    first, second, third, last = reports(tmp_path, count, item(quota=5, takes_input=False))
    assert [[span.name for span in report.spans] for report in (first, second, third)] == [["one"]] * 3
    assert [(span.name, span.parent) for span in last.spans] == [("all", 0)]
    assert second.spans[0].parent == 0, "what is around it began in another task"


def test_what_was_wound_forward_is_not_told_again(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, count, item(2, takes_input=False))
    assert [span.attributes for span in report.spans] == [{"number": 2}]


@ez.phase(kind="map")
def tidy(value: int) -> int:
    with ez.span("mine"):
        for each in gc.get_objects():
            if isinstance(each, GeneratorType) and each.__name__ == "count":
                each.close()
        with ez.span("later"):
            return value


def test_a_source_that_is_thrown_away_in_the_middle_of_another_task_leaves_nothing_there(tmp_path: Path) -> None:
    left = Worker(str(tmp_path), "left", tmp_path)
    left.run(call_of(count, item(takes_input=False)))
    (report,) = reports(tmp_path, tidy, item())
    assert [span.name for span in report.spans] == ["later", "mine"]
    assert report.spans[0].parent == report.spans[1].number


@ez.phase(kind="map", concurrency=3)
async def wait(value: int) -> int:
    with ez.span("outer", value=value):
        await asyncio.sleep(0.01)
        with ez.span("inner", value=value):
            await asyncio.sleep(0.01)
    return value


def test_tasks_that_run_together_keep_their_own(tmp_path: Path) -> None:
    for number, report in enumerate(reports(tmp_path, wait, *map(item, range(3)), together=3)):
        inner, outer = report.spans
        assert (inner.name, inner.parent, outer.name) == ("inner", outer.number, "outer")
        assert {span.attributes["value"] for span in report.spans} == {number}


@ez.phase(kind="map")
def flood(value: int) -> int:
    for _ in range(MOST_SPANS + 5):
        with ez.span("drop"):
            pass
    return value


def test_too_many_are_counted_in_the_log(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, flood, item())
    assert len(report.spans) == MOST_SPANS
    assert [line.message for line in report.logs] == ["5 more spans were dropped: a task has 1,000"]


class Hostile(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("no text")


class Silent:
    def __str__(self) -> str:
        raise ValueError("no text")


@ez.phase(kind="map")
def fill(value: int) -> int:
    facts: dict[str, Any] = {
        "huge": 10**30, "long": "x" * 5000, "silent": Silent(), "hostile": Hostile("kept"), "nan": float("nan"),
        "yes": True, "half": 0.5, "none": None, "surrogate": "\udcff\0",
    }  # fmt: skip
    with ez.span("n" * 5000, **facts, **{f"more {number}": number for number in range(100)}):
        return value


def test_facts_of_any_kind_are_bounded_and_plain(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, fill, item())
    (span,) = report.spans
    facts = span.attributes
    assert len(span.name) == 200
    assert len(facts) == MOST_ATTRIBUTES
    assert (facts["huge"], facts["yes"], facts["half"], facts["none"]) == (str(10**30), True, 0.5, "None")
    assert (len(str(facts["long"])), facts["hostile"], facts["surrogate"]) == (1000, "kept", "\udcff\0")
    assert "__str__ raises ValueError" in str(facts["silent"])
    assert {type(value) for value in facts.values()} <= {str, int, float, bool}


def test_what_nobody_takes_is_forgotten_from_the_oldest_on(tmp_path: Path) -> None:
    box, run = SpanBox(), cast("Run", SimpleNamespace(id=uuid4(), owner=Owner("default", "")))
    span = TaskSpan(1, 1, 0, "part", 0.0, 0.0, "", {})
    for partition in range(3 * MOST_WAITING // 1000):
        box.note(run, [Report(TaskKey(1, partition), Outcome.FAILED, spans=(span,) * 1000)])
    taken = box.take()
    assert [task.partition for task in taken] == [*range(2 * MOST_WAITING // 1000, 3 * MOST_WAITING // 1000)]
    assert box.take() == []
