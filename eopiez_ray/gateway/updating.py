"""Updates to workflows under way: checked here as far as the phase is known, decided by whoever drives it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..model.changes import Change, StepChange
from ..model.names import check_free_labels
from .plans import check_environments
from .problems import unavailable
from .registered import check_known

if TYPE_CHECKING:
    from ..model.access import Caller
    from ..store import WorkflowView
    from .bodies import ChangeBody, StepChangeBody
    from .system import System

PATIENCE_S = 15.0
"""Seconds that the workflow's driver gets to answer."""


async def update(system: System, view: WorkflowView, body: ChangeBody, caller: Caller) -> None:
    """Change the workflow, and wait until its driver has accepted that.

    Raises:
        PlanError, ParameterError: there is no such step, or a phase rejects a parameter.
        UpdateRefusedError, TransitionError: what should change has started, or the workflow has ended.
        Problem: its driver did not answer in time.
    """
    check_free_labels(body.labels or {})
    change = Change(tuple(map(_step_change, body.steps)), body.priority, body.labels, caller.name, body.why)
    check_known(change.applied(view.plan), [each.step for each in change.steps if each.parameters])
    if any(each.resources is not None for each in change.steps):
        check_environments(change.applied(view.plan), caller, view.project)
    asked = await system.updates.ask(view.id, change)
    try:
        async with asyncio.timeout(PATIENCE_S), system.watcher.follow(view.id) as topic:
            while not await system.updates.answer(view.id, asked):
                await topic.events_after(asked.event)
                await topic.changed()
    except TimeoutError as error:
        raise unavailable("the workflow's driver has not answered; its events will show what became of it") from error


def _step_change(body: StepChangeBody) -> StepChange:
    fields = {name: getattr(body, name) for name in StepChange.__dataclass_fields__ if name != "parameters"}
    return StepChange(parameters=body.parameters or None, **fields)
