"""The worker: what it reports of what happens to user code, and that sources go on where they were."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import eopiez_ray as ez
from eopiez_ray.engine.worker import Worker
from eopiez_ray.errors import ContractError
from eopiez_ray.model.results import expanded
from eopiez_ray.model.status import Outcome
from eopiez_ray.model.tasks import Report, TaskKey
from eopiez_ray.model.work import Element, Prior, WorkCall, WorkItem, WorkPart, WorkStep

from . import phases_of_tests as phases

VALUES = "values"


def call_of(*items: WorkItem, slice_s: float = 10.0, **used: Any) -> WorkCall:
    """Items for the steps that the phases are, numbered from 1; step 0 gives the values 0 to 9."""
    steps = {0: WorkStep("given", ez.PhaseKind.VALUES, VALUES, {})}
    for number, (name, phase) in enumerate(used.items(), 1):
        steps[number] = WorkStep(name, phase.kind, phase.ref.digest, {})
    code = {VALUES: pickle.dumps(list(range(10)))} | {phase.ref.digest: phase.code for phase in used.values()}
    return WorkCall("call", "sender", (WorkPart("workflow", steps, items),), code, slice_s)


def item(step: int, partition: int, *inputs: Any, quota: int = 1) -> WorkItem:
    return WorkItem(TaskKey(step, partition), 1, quota, inputs)


def run(folder: Path, call: WorkCall) -> list[Report]:
    (reports,) = Worker(str(folder), "w", folder).run(call)
    return list(expanded(reports))


def test_a_chain_passes_values_on_without_loading_them(tmp_path: Path) -> None:
    call = call_of(
        item(1, 3, Element(0, 3)), item(2, 3, Prior(TaskKey(1, 3))), first=phases.double, second=phases.double
    )
    first, second = run(tmp_path, call)
    assert [first.outcome, second.outcome] == [Outcome.SUCCEEDED] * 2
    assert second.output is not None
    assert pickle.loads(second.output.inline or b"") == 12


def test_what_depends_on_a_failed_task_is_handed_back(tmp_path: Path) -> None:
    call = call_of(
        item(1, 0, Element(0, 0)), item(2, 0, Prior(TaskKey(1, 0))), first=phases.refuse, second=phases.double
    )
    assert [report.outcome for report in run(tmp_path, call)] == [Outcome.FAILED, Outcome.NOT_STARTED]


def test_nothing_starts_after_the_slice_but_the_first_task_does(tmp_path: Path) -> None:
    items = [item(1, number, Element(0, number)) for number in range(3)]
    reports = run(tmp_path, call_of(*items, slice_s=0.0, first=phases.double))
    assert [report.outcome for report in reports] == [Outcome.SUCCEEDED, Outcome.NOT_STARTED, Outcome.NOT_STARTED]


@ez.phase(kind="map")
def broken_contract(value: int) -> int:
    raise ContractError("wrong columns")


@ez.phase(kind="map")
def exits(value: int) -> int:
    raise ZeroDivisionError("x" * 5000)


@ez.phase(kind="map")
def unpicklable(value: int) -> Any:
    return (number for number in range(value))


def test_a_broken_contract_is_refused_and_other_errors_fail(tmp_path: Path) -> None:
    (refused,) = run(tmp_path, call_of(item(1, 0, Element(0, 0)), first=broken_contract))
    (failed,) = run(tmp_path, call_of(item(1, 0, Element(0, 0)), first=exits))
    (odd,) = run(tmp_path, call_of(item(1, 0, Element(0, 0)), first=unpicklable))
    assert (refused.outcome, failed.outcome, odd.outcome) == (Outcome.REFUSED, Outcome.FAILED, Outcome.FAILED)
    assert failed.failure is not None
    assert failed.failure.error_type == "ZeroDivisionError"
    assert len(failed.failure.message) == 2000
    assert odd.failure is not None
    assert "result is of type generator" in odd.failure.message


def test_code_that_cannot_be_loaded_fails_its_task_and_no_other(tmp_path: Path) -> None:
    call = call_of(item(1, 0, Element(0, 0)), item(2, 0, Element(0, 0)), first=phases.double, second=phases.talk)
    call.code[phases.double.ref.digest] = b"not a pickle"
    first, second = run(tmp_path, call)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED)


@ez.phase
def letters() -> Iterator[str]:
    yield from "abc"


def test_a_source_yields_its_quota_and_then_its_end(tmp_path: Path) -> None:
    reports = run(tmp_path, call_of(item(1, 0, quota=10), first=letters))
    assert [report.key.partition for report in reports] == [0, 1, 2, 3]
    assert [report.is_last for report in reports] == [False, False, False, True]


def test_a_source_goes_on_where_it_was_or_is_wound_forward(tmp_path: Path) -> None:
    worker = Worker(str(tmp_path), "w", tmp_path)
    worker.run(call_of(item(1, 0, quota=2), first=letters))
    (after,) = worker.run(call_of(item(1, 2, quota=1), first=letters))
    (again,) = Worker(str(tmp_path), "other", tmp_path).run(call_of(item(1, 2, quota=1), first=letters))
    assert after[0].output == again[0].output


@ez.phase
def critical() -> Iterator[int]:
    for number in range(3):
        ez.current_task().reject(f"row {number}", "of course")
        yield number


def test_a_wound_source_does_not_repeat_the_rejects_of_what_it_skips(tmp_path: Path) -> None:
    (report,) = run(tmp_path, call_of(item(1, 2), first=critical))
    assert [reject.source for reject in report.rejects] == ["row 2"]


def test_a_source_that_yields_less_than_before_says_so(tmp_path: Path) -> None:
    (report,) = run(tmp_path, call_of(item(1, 7), first=letters))
    assert report.outcome is Outcome.REFUSED
    assert report.failure is not None
    assert "fewer partitions than before" in report.failure.message


@ez.phase(kind="map")
def noisy(value: int) -> int:
    print("printed")
    logging.getLogger("x").warning("logged %d", value)
    for _ in range(1000):
        print("again")
    return value


def test_logs_are_kept_in_order_and_bounded(tmp_path: Path) -> None:
    (report,) = run(tmp_path, call_of(item(1, 4, Element(0, 4)), first=noisy))
    assert [(line.level, line.message) for line in report.logs[:2]] == [("info", "printed"), ("warning", "logged 4")]
    assert len(report.logs) == 200


@ez.phase(kind="map")
class Counter:
    """A class is made once a worker."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, value: int) -> int:
        self.calls += 1
        return self.calls


def test_a_class_is_made_once_and_called_for_each_task(tmp_path: Path) -> None:
    items = [item(1, number, Element(0, number)) for number in range(3)]
    reports = run(tmp_path, call_of(*items, first=Counter))
    assert [pickle.loads(report.output.inline or b"") for report in reports if report.output] == [1, 2, 3]


@pytest.mark.parametrize("name", ["token", "partition", "attempt"])
def test_a_phase_knows_its_task(tmp_path: Path, name: str) -> None:
    @ez.phase(kind="map")
    def ask(value: int) -> Any:
        return getattr(ez.current_task(), name)

    (report,) = run(tmp_path, call_of(item(1, 5, Element(0, 5)), ask=ask))
    assert report.output is not None
    expected = {"token": "workflow/ask/5", "partition": 5, "attempt": 1}
    assert pickle.loads(report.output.inline or b"") == expected[name]
