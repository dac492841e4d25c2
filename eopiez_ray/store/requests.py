"""How requests to workflows are decided and written: a page of workflows is one transaction of two or three statements.

A refusal is an answer, not an error, so it undoes nothing for the others on its page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import TransitionError, WorkflowNotFoundError
from ..model.ids import WorkflowId
from ..model.requests import Answer, Asked, Request, Selection, Verb
from ..model.status import WorkflowStatus
from .ledger import notices
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .database import Connection, Database

PAGE = 1000
"""Workflows in one transaction."""
_GOALS = {
    Verb.PAUSE: (WorkflowStatus.PAUSING, WorkflowStatus.PAUSED),
    Verb.CANCEL: (WorkflowStatus.CANCELLING, WorkflowStatus.CANCELLED),
}
"""The status of a workflow while tasks are in flight, and after that."""
_ABANDONED = {Verb.RESUME: WorkflowStatus.PAUSING, Verb.RETRY: WorkflowStatus.CANCELLING}
"""Further statuses allowed if nobody drives the workflow any more: on its way to one that is allowed."""
_ALLOWED = {
    Verb.PAUSE: {WorkflowStatus.QUEUED, WorkflowStatus.RUNNING, WorkflowStatus.PAUSING, WorkflowStatus.PAUSED},
    Verb.CANCEL: set(WorkflowStatus) - {WorkflowStatus.SUCCEEDED, WorkflowStatus.FAILED, WorkflowStatus.QUARANTINED},
    Verb.RESUME: {WorkflowStatus.PAUSED, WorkflowStatus.QUEUED, WorkflowStatus.RUNNING},
    Verb.RETRY: {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED, WorkflowStatus.QUARANTINED},
}


class _Locked(NamedTuple):
    """A workflow locked against changes by others."""

    id: WorkflowId
    name: str
    status: WorkflowStatus
    asked: Asked | None
    is_held: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> _Locked:
        asked = Asked.from_value(row["request"]) if row["request"] else None
        return cls(WorkflowId(row["id"]), row["name"], WorkflowStatus(row["status"]), asked, row["is_held"])


class _Decision(NamedTuple):
    """The decision about a workflow."""

    workflow: _Locked
    status: WorkflowStatus
    request: Request | None = None
    """What to write; None if nothing."""
    refusal: str = ""

    @property
    def answer(self) -> Answer:
        return Answer(self.workflow.id, self.workflow.name, self.status, self.refusal)


async def ask(database: Database, verb: Verb, selection: Selection, request: Request) -> list[Answer]:
    """Make the request to all selected workflows, and give the outcome for each, in order of their ids.

    If the process or the database dies here, each page of workflows has been asked as a whole or not at all.
    """
    answers: list[Answer] = []
    after: WorkflowId | None = None
    while True:
        async with database.transaction() as connection:
            rows = await connection.fetch(
                sql("lock_selected"), *conditions(selection, selection.statuses_for(verb)), after, PAGE
            )
            decisions = [_decide(verb, _Locked.from_row(dict(row)), request) for row in rows]
            await _write(connection, verb, request, [decision for decision in decisions if decision.request])
        answers += [decision.answer for decision in decisions]
        if len(rows) < PAGE:
            return answers + _unknown(selection, answers)
        after = answers[-1].id


def conditions(selection: Selection, statuses: Sequence[WorkflowStatus] | None) -> tuple[Any, ...]:
    """A selection as arguments of a statement, among these statuses."""
    ids = None if selection.ids is None else list(selection.ids)
    labels = dict(selection.labels)
    projects = project_names(selection.projects)
    return ids, labels, selection.owner, selection.name, statuses, selection.error_type, projects


def _unknown(selection: Selection, answers: Sequence[Answer]) -> list[Answer]:
    """Answers for ids that match no workflow, or none that meets the other conditions."""
    if selection.ids is None or selection != Selection(
        ids=selection.ids, everything=selection.everything, projects=selection.projects
    ):
        return []
    missing = set(selection.ids) - {answer.id for answer in answers}
    return [Answer(workflow, "", None, str(WorkflowNotFoundError(str(workflow)))) for workflow in sorted(missing)]


def _decide(verb: Verb, workflow: _Locked, request: Request) -> _Decision:
    is_abandoned = not workflow.is_held and workflow.status is _ABANDONED.get(verb)
    if workflow.status not in _ALLOWED[verb] and not is_abandoned:
        refusal = str(TransitionError(str(workflow.id), verb, workflow.status))
        return _Decision(workflow, workflow.status, refusal=refusal)
    if verb in _GOALS:
        return _towards_rest(workflow, *_GOALS[verb], request)
    if workflow.status in {WorkflowStatus.QUEUED, WorkflowStatus.RUNNING}:
        return _Decision(workflow, workflow.status)
    return _Decision(workflow, WorkflowStatus.QUEUED, request)


def _towards_rest(workflow: _Locked, meanwhile: WorkflowStatus, ending: WorkflowStatus, request: Request) -> _Decision:
    if workflow.status is ending:
        return _Decision(workflow, ending)
    if workflow.status is meanwhile and workflow.asked is not None:
        earlier = workflow.asked.request
        request = request.after(earlier)
        is_sharper = (request.mode, request.timers) != (earlier.mode, earlier.timers)
        if workflow.is_held and not is_sharper:
            return _Decision(workflow, meanwhile)
    return _Decision(workflow, meanwhile if workflow.is_held else ending, request)


async def _write(connection: Connection, verb: Verb, request: Request, decisions: Sequence[_Decision]) -> None:
    if not decisions:
        return
    ids = [decision.workflow.id for decision in decisions]
    if verb in _GOALS:
        statuses = [decision.status for decision in decisions]
        are_held = [decision.workflow.is_held for decision in decisions]
        values = [_value(verb, decision) for decision in decisions]
        await connection.execute(sql("ask"), ids, statuses, are_held, values, verb, notices(ids))
        return
    await connection.execute(sql("requeue"), ids, verb, request.to_value(verb), notices(ids))
    if verb is Verb.RETRY:
        await connection.execute(sql("forgive"), ids)


def _value(verb: Verb, decision: _Decision) -> dict[str, str]:
    """A request as stored; a stricter one keeps the time of the first."""
    asked = decision.workflow.asked
    value = (decision.request or Request()).to_value(verb)
    if asked is not None and asked.verb is verb and decision.workflow.status is _GOALS[verb][0]:
        value["at"] = asked.at.isoformat()
    return value
