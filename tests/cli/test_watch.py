"""Seeing a workflow through: what Ctrl-C does when, and who goes on when a driver dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, cast

import pytest

from eopiez_ray.cli import watch
from eopiez_ray.cli.displays import Snapshot
from eopiez_ray.cli.watch import Ending, Interrupts, Outcome, raise_unless_succeeded, retry_advice, see_through
from eopiez_ray.errors import (
    ClusterError,
    DatabaseUnavailableError,
    TransitionError,
    UnknownColumnError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowPausedError,
)
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import StepView, WorkflowView

S = WorkflowStatus


def view_of(status: WorkflowStatus, **changes: Any) -> WorkflowView:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    values: dict[str, Any] = dict.fromkeys(WorkflowView.__dataclass_fields__)
    values |= {"id": WorkflowId(uuid7()), "name": "notes", "spec_json": "{}", "status": status}
    return WorkflowView(**(values | {"labels": {}, "epoch": 1, "created_at": now} | changes))


@dataclass
class FakeWorkflow:
    """A workflow that goes through the given looks; a look may do something first, such as press Ctrl-C."""

    looks: Iterator[WorkflowStatus | Callable[[], object] | Exception]
    status: WorkflowStatus = S.RUNNING
    is_driven: bool = True
    is_remote: bool = False
    asked: list[str] = field(default_factory=list)
    pause_error: Exception | None = None
    id: WorkflowId = field(default_factory=lambda: WorkflowId(uuid7()))

    def settled(self, _timeout_s: float) -> WorkflowView:
        look = next(self.looks)
        if isinstance(look, WorkflowStatus):
            self.status = look
        elif isinstance(look, Exception):
            raise look
        else:
            look()
        if not self.status.is_at_rest:
            raise TimeoutError
        return view_of(self.status)

    def view(self) -> WorkflowView:
        return view_of(self.status)

    def steps(self) -> list[StepView]:
        return []

    def pause(self, *, why: str) -> WorkflowStatus:
        assert why
        self.asked.append("pause")
        if self.pause_error is not None:
            raise self.pause_error
        return S.PAUSING

    def resume(self) -> None:
        self.asked.append("resume")


class FakeDisplay:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.statuses: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to give back."""

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def show(self, snapshot: Snapshot) -> None:
        self.statuses.append(snapshot.status)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def _signals_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TOGETHER_S", 0.0)


def watched(workflow: FakeWorkflow, *, is_ours: bool) -> tuple[Outcome, FakeDisplay]:
    display = FakeDisplay()
    return see_through(cast("Any", workflow), display, workflow.resume if is_ours else None), display


def test_success_is_seen_to_its_end() -> None:
    workflow = FakeWorkflow(iter([S.QUEUED, S.RUNNING, S.SUCCEEDED]))
    outcome, display = watched(workflow, is_ours=True)
    assert (outcome.ending, outcome.view.status, outcome.exit_code) == (Ending.AT_REST, S.SUCCEEDED, 0)
    assert display.statuses == ["queued", "running", "succeeded"]
    assert workflow.asked == ["resume"]


def test_first_interrupt_drains() -> None:
    workflow = FakeWorkflow(iter([S.RUNNING, press, S.PAUSING, S.PAUSED]))
    outcome, display = watched(workflow, is_ours=True)
    assert (outcome.ending, outcome.exit_code) == (Ending.DRAINED, 130)
    assert workflow.asked == ["resume", "pause"]
    assert "nothing is lost" in display.said[-1]


def test_second_interrupt_stops_at_once() -> None:
    outcome, display = watched(FakeWorkflow(iter([S.RUNNING, press, press])), is_ours=True)
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, 130)
    assert display.said[-1] == "Stopping now …"


def test_workflow_that_ends_while_it_is_drained_has_succeeded() -> None:
    workflow = FakeWorkflow(
        iter([S.RUNNING, press, S.SUCCEEDED]), pause_error=TransitionError("x", "pause", "succeeded")
    )
    assert watched(workflow, is_ours=True)[0].ending is Ending.AT_REST


def test_interrupt_leaves_alone_what_another_process_drives() -> None:
    workflow = FakeWorkflow(iter([S.RUNNING, press]))
    assert watched(workflow, is_ours=False)[0].ending is Ending.LEFT
    assert workflow.asked == []


def test_follower_takes_over_when_the_driver_dies() -> None:
    looks = [S.RUNNING] * (watch.LOOKS_TO_TAKE_OVER + 1)
    workflow = FakeWorkflow(iter([*looks, S.SUCCEEDED]), is_driven=False)
    outcome, display = watched(workflow, is_ours=False)
    assert outcome.view.status is S.SUCCEEDED
    assert workflow.asked == ["resume"]
    assert "taking over here" in " ".join(display.said)


def test_nobody_here_takes_over_what_runs_elsewhere() -> None:
    looks = [S.RUNNING] * (watch.LOOKS_TO_TAKE_OVER + 1)
    workflow = FakeWorkflow(iter([*looks, S.SUCCEEDED]), is_driven=False, is_remote=True)
    outcome, _ = watched(workflow, is_ours=False)
    assert (outcome.view.status, workflow.asked) == (S.SUCCEEDED, [])


def test_what_keeps_ray_from_starting_is_raised() -> None:
    workflow = FakeWorkflow(iter([S.QUEUED] * 1000))

    def begin() -> None:
        raise ClusterError("Ray does not start")

    display = FakeDisplay()
    with pytest.raises(ClusterError, match="does not start"):
        see_through(cast("Any", workflow), display, begin)
    assert f"eopiez resume {str(workflow.id)[-8:]}" in display.said[-1]


def test_database_that_stays_away_is_raised() -> None:
    workflow = FakeWorkflow(iter([S.RUNNING, DatabaseUnavailableError("gone")]))
    with pytest.raises(DatabaseUnavailableError, match="gone"):
        watched(workflow, is_ours=True)


def test_signals_that_come_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TOGETHER_S", 60.0)
    with Interrupts() as interrupts:
        press()
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.count == 1


def test_signal_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_failure_of_our_own_kind_keeps_its_sentence_and_exit_code() -> None:
    facts = {"error_type": "UnknownColumnError", "message": "no column 'x'", "step": "ingest.read"}
    view = view_of(S.FAILED, error=facts)
    with pytest.raises(WorkflowFailedError, match=r"^no column 'x' \(see `eopiez show ........`\)$") as raised:
        raise_unless_succeeded(view)
    assert raised.value.exit_code == UnknownColumnError.exit_code
    assert "start a new run" in retry_advice(view)


def test_other_failures_name_their_place() -> None:
    facts = {"error_type": "ValueError", "message": "bad", "step": "themes.find", "partition": 0, "attempts": 3}
    view = view_of(S.FAILED, error=facts)
    with pytest.raises(WorkflowFailedError, match=r"step 'themes.find', partition 0, failed after 3 attempts.*retry"):
        raise_unless_succeeded(view)
    with pytest.raises(WorkflowPausedError, match="eopiez resume"):
        raise_unless_succeeded(view_of(S.PAUSED))
    with pytest.raises(WorkflowCancelledError):
        raise_unless_succeeded(view_of(S.CANCELLED))
