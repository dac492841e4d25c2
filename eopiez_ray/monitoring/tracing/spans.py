"""From finished work to spans, without I/O: a workflow is a trace; its steps are spans of it, and tasks spans of steps.

Ids are derived from what they name, so that a span that is exported twice is the same span, whoever exports it, and so
that whoever knows a workflow's id knows its trace's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ...model.spans import attributes_of, moment_of
from ...model.tasks import Attribute

if TYPE_CHECKING:
    from ...engine.spans import TracedTask
    from ...model.tasks import TaskSpan
    from ...store.traces import Finished

LONGEST_NAME = 256
"""Characters of a name that are exported."""
LONGEST_S = 1e9
"""Seconds that a part of a task can take."""
HOLD = -1
"""Where a step's position would be, in the place of a hold."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time."""

    trace_id: bytes
    """16 bytes: the caller's, or else the workflow's UUID."""
    span_id: bytes
    """8 bytes."""
    parent_id: bytes
    """Empty for a workflow, unless its caller's span is known."""
    name: str
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    """What went wrong, in a word; None if nothing did."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    is_request: bool = False
    """Whether it is a request that was answered."""
    links: Sequence[bytes] = ()
    """Ids of spans of the same trace that it goes on from."""


def inner_spans(task: TracedTask, caller: str | None) -> Iterator[Span]:
    """Parts of a task, as its phase has measured them.

    Args:
        task: as its worker has reported it, and so anybody's word.
        caller: the ``traceparent`` that the workflow was created with.
    """
    trace_id, _ = _place_of(task.workflow, caller)
    for part in task.spans:
        yield _inner(task, part, trace_id)


def _inner(task: TracedTask, part: TaskSpan, trace_id: bytes) -> Span:
    attempt = task.step, task.partition, part.attempt
    outer = attempt[:2] if task.has_result else attempt
    above = (*attempt, part.parent) if part.parent else outer
    started_at = datetime.fromtimestamp(moment_of(part.started_at), UTC)
    facts = {"eopiez.project": task.project, "eopiez.workflow.id": str(task.workflow)}
    return Span(
        trace_id=trace_id,
        span_id=span_id(task.workflow, *attempt, part.number),
        parent_id=span_id(task.workflow, *above),
        name=str(part.name)[:LONGEST_NAME],
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=min(moment_of(part.wall_s), LONGEST_S)),
        error=str(part.error_type)[:LONGEST_NAME] or None,
        attributes={**attributes_of(part.attributes), **facts},
    )


def span_id(workflow: UUID, *place: int) -> bytes:
    """The id of a workflow's span, or, by its place, of a step's ``(step,)``, a task's ``(step, partition)``, that of
    an attempt without a result ``(step, partition, attempt)``, of a part of an attempt
    ``(step, partition, attempt, number)``, or of a hold ``(HOLD, epoch)``."""
    return blake2b(workflow.bytes + repr(place).encode(), digest_size=8).digest()


def spans_of(finished: Finished) -> Iterator[Span]:
    """The spans of what has finished."""
    for row in finished.workflows:
        yield _span(row, (), row["name"], _failure(row["status"]), {"eopiez.status": row["status"]})
    for row in finished.steps:
        yield _span(row, (row["step"],), _step_name(finished, row), _failure(row["status"]), _of_step(row))
    for row in finished.holds:
        yield _hold(row)
    for row in finished.tasks:
        yield _span(row, (row["step"], row["partition"]), _step_name(finished, row), None, _of_task(row))
    for row in finished.attempts:
        place = (row["step"], row["partition"], row["attempt"])
        yield _span(row, place, _step_name(finished, row), row["error_type"] or row["outcome"], _of_attempt(row))


def _span(
    row: Mapping[str, Any], place: tuple[int, ...], name: str, error: str | None, more: Mapping[str, Attribute]
) -> Span:
    """The span at a place; parents are the workflow of a step or a hold, and the step of a task or an attempt."""
    workflow: UUID = row["workflow_id"]
    above = place[:1] if len(place) > 1 and place[0] != HOLD else ()
    trace_id, caller_id = _place_of(workflow, row["traceparent"])
    return Span(
        trace_id=trace_id,
        span_id=span_id(workflow, *place),
        parent_id=span_id(workflow, *above) if place else caller_id,
        name=name[:LONGEST_NAME],
        started_at=row["started_at"],
        ended_at=max(row["started_at"], row["ended_at"]),
        error=error and error[:LONGEST_NAME],
        attributes={"eopiez.project": row["project"], "eopiez.workflow.id": str(workflow), **more},
    )


def _hold(row: Mapping[str, Any]) -> Span:
    """The time for which one orchestrator drove a workflow; later ones link to the first, whose work they continue."""
    more: dict[str, Attribute] = {"eopiez.epoch": row["epoch"], "eopiez.ended_by": row["ended_by"]}
    if row["orchestrator"]:
        more["eopiez.orchestrator"] = row["orchestrator"]
    span = _span(row, (HOLD, row["epoch"]), "drive", _failure(row["ended_by"]), more)
    return span if row["epoch"] == 1 else replace(span, links=[span_id(row["workflow_id"], HOLD, 1)])


def _place_of(workflow: UUID, traceparent: str | None) -> tuple[bytes, bytes]:
    """The trace that a workflow belongs to, and the span that it is a child of."""
    if traceparent is None:
        return workflow.bytes, b""
    _, trace_id, caller_id, _ = traceparent.split("-")
    return bytes.fromhex(trace_id), bytes.fromhex(caller_id)


def _failure(status: str) -> str | None:
    return status if status in {"failed", "quarantined"} else None


def _step_name(finished: Finished, row: Mapping[str, Any]) -> str:
    """The step's name in today's plan, which may have fewer steps after an update."""
    steps = finished.plans[row["plan"]].steps
    return steps[row["step"]].name if row["step"] < len(steps) else f"step {row['step']}"


def _of_step(row: Mapping[str, Any]) -> dict[str, Attribute]:
    return {"eopiez.status": row["status"], "eopiez.step.tasks": row["done"]}


def _of_task(row: Mapping[str, Any]) -> dict[str, Attribute]:
    return {
        "eopiez.partition": row["partition"],
        "eopiez.worker": row["worker"],
        "eopiez.is_cached": row["is_cached"],
        "eopiez.rows": row["rows"],
        "eopiez.rejects": row["rejects"],
    }


def _of_attempt(row: Mapping[str, Any]) -> dict[str, Attribute]:
    return {
        "eopiez.partition": row["partition"],
        "eopiez.attempt": row["attempt"],
        "eopiez.worker": row["worker"],
        "eopiez.outcome": row["outcome"],
        "error.type": (row["error_type"] or row["outcome"])[:LONGEST_NAME],
    }
