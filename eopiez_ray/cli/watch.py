"""Seeing a workflow through: progress, interruptions, and how it ended."""

from __future__ import annotations

import math
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Self

from .. import errors
from ..errors import (
    EopiezError,
    InputError,
    ParameterError,
    PlanError,
    StoreError,
    TransitionError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowPausedError,
    WorkflowQuarantinedError,
)
from ..model.status import WorkflowStatus
from .displays import Snapshot
from .progress import Mark, mark, phases_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ..engine.handle import Workflow
    from ..store import WorkflowView
    from .displays import Display
    from .system import Handle

LOOK_S = 0.25
"""Seconds between looks at the workflow."""
FAR_LOOK_S = 1.0
"""The same, at a workflow of a system elsewhere."""
LOOKS_TO_TAKE_OVER = 12
"""How many looks must find a running workflow without a driver before this process drives it."""
TOGETHER_S = 0.3
"""Seconds within which signals count as one."""
INTERRUPTED = 130
"""Exit code after Ctrl-C."""
WHY_INTERRUPTED = "interrupted at the terminal that drives it"


class Ending(Enum):
    """Why a workflow is no longer watched."""

    AT_REST = auto()
    DRAINED = auto()
    """Paused by the first Ctrl-C."""
    STOPPED = auto()
    """Left at once by the second."""
    LEFT = auto()
    """Another process keeps driving it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    view: WorkflowView
    ending: Ending

    @property
    def exit_code(self) -> int:
        return 0 if self.ending is Ending.AT_REST else INTERRUPTED


class Interrupts:
    """Counts Ctrl-C and SIGTERM inside a ``with`` block; the third ends the process.

    Signals that arrive together count as one: some shells and supervisors signal both the process and its group.
    """

    def __init__(self) -> None:
        self.count = 0
        self._heard_at = -math.inf
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._earlier[number] = signal.signal(number, self._heard)
        return self

    def listen_again(self) -> None:
        """Reinstall our handlers over those of a library, such as Ray's when it starts."""
        for number in self._earlier:
            signal.signal(number, self._heard)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        earlier, self._heard_at = self._heard_at, time.monotonic()
        if self._heard_at - earlier < TOGETHER_S:
            return
        self.count += 1
        if self.count > 2:
            os._exit(INTERRUPTED)


def see_through(workflow: Handle, display: Display, begin: Callable[[], object] | None) -> Outcome:
    """Show the workflow's progress until it is at rest or the user interrupts.

    Args:
        begin: makes this process drive it (its ``resume`` or ``retry``); with None, the process that already drives
            it is followed, and if that dies, this one takes over.

    Raises:
        EopiezError: Ray does not start, or the database stays unavailable.
    """
    with Interrupts() as interrupts, ThreadPoolExecutor(1, "eopiez-start") as starter:
        watch = _Watch(workflow, display, interrupts, starter)
        if begin is not None:
            watch.drive(begin)
        try:
            return watch.until_rest()
        except EopiezError:
            display.say(f"Finished work is kept; `eopiez resume {str(workflow.id)[-8:]}` continues it.")
            raise


def needs_driver(workflow: Workflow) -> bool:
    """Whether this process should drive a workflow that was just asked for, perhaps again: nobody does, and it has not
    ended."""
    status = workflow.status
    return (status is WorkflowStatus.PAUSED or not status.is_at_rest) and not workflow.is_driven


class _Watch:
    def __init__(self, workflow: Handle, display: Display, interrupts: Interrupts, starter: ThreadPoolExecutor) -> None:
        self._workflow, self._display, self._interrupts, self._starter = workflow, display, interrupts, starter
        self._starting: Future[Any] | None = None
        self._is_draining = False
        self._orphaned = 0
        self._since: Mark | None = None

    def drive(self, begin: Callable[[], object]) -> None:
        """Start driving it, in the background while Ray starts."""
        self._display.say("Starting Ray; this takes 5 to 15 seconds …")
        self._starting = self._starter.submit(begin)

    def until_rest(self) -> Outcome:
        while True:
            view = self._look()
            if view is not None and self._has_begun():
                ending = Ending.DRAINED if self._is_draining else Ending.AT_REST
                return Outcome(view, ending)
            if self._starting is not None and self._starting.done():
                self._starting.result()  # Raises what kept it from starting.
            if self._interrupts.count and self._starting is None:
                return Outcome(self._workflow.view(), Ending.LEFT)
            if self._interrupts.count > 1:
                self._display.say("Stopping now …")
                return Outcome(self._workflow.view(), Ending.STOPPED)
            if self._interrupts.count and not self._is_draining:
                self._drain()

    def _has_begun(self) -> bool:
        """Whether being at rest means that it ended, not that it has yet to be woken."""
        if self._starting is None or self._is_draining or self._starting.done():
            return True
        wait([self._starting], LOOK_S)
        return False

    def _look(self) -> WorkflowView | None:
        """Show the workflow; give its state once it is at rest, None while it is at work."""
        try:
            view = self._workflow.settled(FAR_LOOK_S if self._workflow.is_remote else LOOK_S)
        except TimeoutError:
            view = None
        try:
            self._show(view)
        except StoreError:  # The database is being restarted; ``settled`` raises if it stays unavailable.
            return None
        except PlanError:  # A plan that cannot be read has no steps to show.
            return view
        return view

    def _show(self, view: WorkflowView | None) -> None:
        if self._starting is not None and not self._starting.done():
            return  # The steps still show the state from before.
        steps = self._workflow.steps()
        status = view.status if view is not None else self._workflow.status
        rejects = sum(step.rejects for step in steps)
        now = datetime.now(UTC)
        if self._since is None or status is WorkflowStatus.QUEUED:
            self._since = mark(steps, now)
        phases = [] if status is WorkflowStatus.QUEUED else phases_of(steps, now, self._since)
        self._display.show(Snapshot(str(self._workflow.id), status.value, phases, rejects))
        if self._starting is None and status is not WorkflowStatus.QUEUED and not status.is_at_rest:
            self._mind_the_driver()

    def _mind_the_driver(self) -> None:
        if self._workflow.is_remote:  # Orchestrators there take over from each other.
            return
        self._orphaned = 0 if self._workflow.is_driven else self._orphaned + 1
        if self._orphaned >= LOOKS_TO_TAKE_OVER:
            self._display.say("The process that drove it is gone; taking over here.")
            self.drive(self._workflow.resume)

    def _drain(self) -> None:
        self._is_draining = True
        self._display.say(
            "Finishing tasks in flight, then pausing; nothing is lost. Press Ctrl-C again to stop at once."
        )
        try:
            self._workflow.pause(why=WHY_INTERRUPTED)
        except TransitionError:  # It came to rest by itself just now; the next look shows how.
            self._is_draining = False


def raise_unless_succeeded(view: WorkflowView) -> None:
    """Raise unless the workflow succeeded, saying why it did not and what to do about it.

    Raises:
        WorkflowCancelledError, WorkflowPausedError: someone cancelled or paused it.
        WorkflowQuarantinedError: it could not be driven any further.
        EopiezError: it failed; the exit code is that of the failed step's error if that is one of ours.
    """
    name = short(view)
    if view.status is WorkflowStatus.CANCELLED:
        raise WorkflowCancelledError(f"it was cancelled; `eopiez retry {name}` would continue where it stopped")
    if view.status is WorkflowStatus.PAUSED:
        raise WorkflowPausedError(f"it was paused; `eopiez resume {name}` continues it")
    if view.status is WorkflowStatus.QUARANTINED:
        raise WorkflowQuarantinedError(f"{quarantine_of(view)} (see `eopiez show {name}`; {retry_advice(view)})")
    if view.status is WorkflowStatus.FAILED:
        failure = failure_of(view)
        sentence = f"{failure} (see `eopiez show {name}`" + ("" if _is_final(view) else f"; {retry_advice(view)}") + ")"
        error = WorkflowFailedError(sentence)
        error.exit_code = failure.exit_code
        raise error


def failure_of(view: WorkflowView) -> EopiezError:
    """Why a workflow failed, as an error with a sentence and the right exit code."""
    facts, kind = view.error or {}, _kind_of_failure(view)
    if kind is not None:
        error = EopiezError(str(facts.get("message")))
        error.exit_code = kind.exit_code
        return error
    place = f"step {facts.get('step')!r}, partition {facts.get('partition')}"
    what = f"{facts.get('error_type')}: {facts.get('message')}".strip()
    return WorkflowFailedError(f"{place}, failed after {facts.get('attempts')} attempts: {what}")


def quarantine_of(view: WorkflowView) -> str:
    """Why a workflow was set aside, as a sentence."""
    return str((view.error or {}).get("message"))


def retry_advice(view: WorkflowView) -> str:
    """How to continue a failed or quarantined workflow, if that is possible."""
    if view.status is WorkflowStatus.QUARANTINED:
        return f"finished work is kept; once the cause is fixed, `eopiez retry {short(view)}` continues it"
    if _is_final(view):
        return "a retry would fail the same way: change what the message names, and start a new run"
    return f"once the cause is fixed, `eopiez retry {short(view)}` continues where it stopped"


def _is_final(view: WorkflowView) -> bool:
    """Whether its input or parameters are wrong, which a retry cannot change."""
    kind = _kind_of_failure(view)
    return kind is not None and issubclass(kind, (InputError, ParameterError, PlanError))


def _kind_of_failure(view: WorkflowView) -> type[EopiezError] | None:
    """The class of the failed step's error, if it is one of ours."""
    kind = getattr(errors, str((view.error or {}).get("error_type")), None)
    return kind if isinstance(kind, type) and issubclass(kind, EopiezError) else None


def short(view: WorkflowView) -> str:
    """The last characters of its id, which are enough to name it."""
    return str(view.id)[-8:]
