"""Waiting for several workflows at once, printing a line as each comes to rest."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.requests import Answer, Selection
from ..model.status import WorkflowStatus
from .conclusion import leave_in_order
from .displays import JsonDisplay, LineDisplay
from .terminal import err
from .watch import INTERRUPTED, LOOK_S, WHY_INTERRUPTED, Interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..engine.local import Local
    from ..model.ids import WorkflowId
    from .displays import Display
    from .system import System

LOOKS_TO_ASK_AGAIN = 12
"""Looks after which the request is repeated for those not yet at rest: their driver may have died."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How several workflows ended."""

    answers: list[Answer]
    is_interrupted: bool

    @property
    def exit_code(self) -> int:
        if self.is_interrupted:
            return INTERRUPTED
        return int(any(answer.status is not WorkflowStatus.SUCCEEDED for answer in self.answers))


def until_rest(local: System, answers: Sequence[Answer], ask: Callable[[Selection], list[Answer]]) -> list[Answer]:
    """Wait until the workflows are at rest, and give the answers with their final statuses.

    Args:
        local: where they are.
        answers: the first answers to the request.
        ask: repeats the request; this does nothing where the driver is alive, and settles the others.
    """
    waiting = _on_their_way(answers)
    looks = 0
    while waiting:
        time.sleep(LOOK_S)
        looks += 1
        if looks % LOOKS_TO_ASK_AGAIN == 0:
            ask(Selection(ids=tuple(waiting)))
        found = local.statuses(waiting)
        answers = _updated(answers, found)
        waiting = _on_their_way(answers)
    return [*answers]


def _on_their_way(answers: Sequence[Answer]) -> list[WorkflowId]:
    return [
        answer.id
        for answer in answers
        if answer.status is not None and not answer.refusal and not answer.status.is_at_rest
    ]


def _updated(answers: Sequence[Answer], found: dict[WorkflowId, WorkflowStatus]) -> list[Answer]:
    """The answers with newer statuses."""
    return [replace(answer, status=found.get(answer.id, answer.status)) for answer in answers]


def see_all_through(local: Local, begin: Callable[[], list[Answer]], *, starts_ray: bool, as_json: bool) -> Seen:
    """Start driving workflows and wait until all are at rest. The first Ctrl-C pauses those driven here.

    Raises:
        EopiezError: Ray does not start, or the database stays away.
    """
    display: Display = JsonDisplay() if as_json else LineDisplay(err())
    with Interrupts() as interrupts:
        if starts_ray:
            display.say("Starting Ray; this takes 5 to 15 seconds …")
        crowd = _Crowd(local, display, interrupts, begin())
        crowd.until_rest()
        return Seen(crowd.answers, interrupts.count > 0)


class _Crowd:
    def __init__(self, local: Local, display: Display, interrupts: Interrupts, answers: list[Answer]) -> None:
        self._local, self._display, self._interrupts, self.answers = local, display, interrupts, answers
        self._total = len(_on_their_way(answers))
        self._is_draining = False

    def until_rest(self) -> None:
        """Look until all are at rest, or until the user interrupts again."""
        while waiting := _on_their_way(self.answers):
            time.sleep(LOOK_S)
            if self._interrupts.count > 1:
                self._display.say("Stopping now …")
                return
            if self._interrupts.count and not self._is_draining:
                self._drain(waiting)
            mine = self._mine(waiting)  # Before the look, so that the look sees those that have just ended.
            self._look(waiting)
            if self._is_draining and not mine:
                return

    def _look(self, waiting: Sequence[WorkflowId]) -> None:
        found = self._local.statuses(waiting)
        self.answers = _updated(self.answers, found)
        at_rest = self._total - len(_on_their_way(self.answers))
        for answer in self.answers:
            if answer.id in found and found[answer.id].is_at_rest:
                handle = self._local.workflow(str(answer.id))
                leave_in_order(handle, handle.view())
                self._display.say(
                    f"{str(answer.id)[-8:]} {answer.name}: {answer.status} ({at_rest:,} of {self._total:,} at rest)"
                )

    def _drain(self, waiting: Sequence[WorkflowId]) -> None:
        self._is_draining = True
        self._display.say(
            "Finishing tasks in flight, then pausing; nothing is lost. Press Ctrl-C again to stop at once."
        )
        mine = self._mine(waiting)
        if mine:
            self._local.pause(Selection(ids=tuple(mine)), why=WHY_INTERRUPTED)

    def _mine(self, waiting: Sequence[WorkflowId]) -> list[WorkflowId]:
        """The workflows that no other process drives."""
        queued = {answer.id for answer in self.answers if answer.status is WorkflowStatus.QUEUED}
        return [workflow for workflow in waiting if workflow in self._local.driven or workflow in queued]
