"""Results of finished steps: as JSON, as Arrow, or as they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from fastapi import Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from ...errors import PlanError, WorkflowNotFinishedError
from ...model.status import PhaseKind, StepStatus
from ..access import SystemDep, ViewedDep
from ..bodies import ArtifactsBody, PartitionBody, ResultBody
from ..documented import READS, answers
from ..problems import Problem, not_found
from ..ranges import partial
from ..representation import CursorParameter, number_at, reply
from ..representation import cursor as cursor_at
from ..routing import Resource
from ..values import MOST_BYTES, Shown, value_of

if TYPE_CHECKING:
    from ...model.tasks import Output
    from ...store import StepView, WorkflowView
    from ..system import System

router = Resource(prefix="/workflows/{workflow:uuid}", tags=["results"])

ARROW = "application/vnd.apache.arrow.stream"
RAW = "application/octet-stream"
PAGE = 100
"""Partitions in one JSON answer, unless fewer are wanted."""

StepName = Annotated[str, Path(max_length=255, description="The step's name in the plan.")]
Partition = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="Only this partition.")]
Accept = Annotated[str, Header(alias="Accept", include_in_schema=False)]
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {form: {"schema": {"type": "string", "format": "binary"}} for form in (ARROW, RAW)}},
    206: {"description": "A range of a partition as it is stored."},
    416: {"description": "The range lies beyond its end."},
}


@router.get(
    "/results/{step:path}",
    operation_id="get_result",
    response_model=ResultBody,
    responses=READS | answers(406, 409, 410) | _FORMS,
)
async def get_result(
    view: ViewedDep,
    system: SystemDep,
    step: StepName,
    partition: Partition = None,
    accept: Accept = "",
    byte_range: Annotated[str | None, Header(alias="Range", max_length=100)] = None,
    cursor: CursorParameter = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Partitions at most, for JSON.")] = PAGE,
) -> Response:
    """The output of a finished step.

    As JSON if it is plain data; with `Accept: application/vnd.apache.arrow.stream`, tables as one Arrow IPC stream;
    with `Accept: application/octet-stream` and a `partition`, its bytes as they are stored, whole or by `Range`.
    """
    seen = await _finished(system, view, step)
    outputs = await system.workflows.outputs(view.id, seen.position)
    if partition is not None:
        outputs = [_only(outputs, partition)]
    if ARROW in accept:
        return await _as_arrow(system, outputs)
    if RAW in accept:
        return await _as_stored(system, outputs, byte_range)
    return await _as_json(system, seen, outputs, number_at(cursor), limit)


@router.get("/artifacts", operation_id="list_artifacts", response_model=ArtifactsBody, responses=READS)
async def list_artifacts(view: ViewedDep, system: SystemDep) -> Response:
    """The outputs of finished steps: how they are stored, and how large they are."""
    found: dict[str, list[PartitionBody]] = {}
    for step in await system.workflows.steps(view.id):
        if step.status is StepStatus.SUCCEEDED and step.kind is not PhaseKind.VALUES:
            found[step.name] = [
                PartitionBody(partition=number, form=each.content_form, size=each.size, digest=each.digest.hex())
                for number, each in enumerate(await system.workflows.outputs(view.id, step.position))
            ]
    return reply(ArtifactsBody(steps=found))


async def _finished(system: System, view: WorkflowView, name: str) -> StepView:
    step = next((step for step in await system.workflows.steps(view.id) if step.name == name), None)
    if step is None:
        names = ", ".join(view.step_names[:20])
        raise not_found("step", repr(name), f"the workflow has {names}")
    if step.kind is PhaseKind.VALUES:
        raise PlanError(f"step {name!r} only holds values that came with the plan")
    if step.status is not StepStatus.SUCCEEDED:
        raise WorkflowNotFinishedError(f"step {name!r} of workflow {view.id} is {step.status}")
    return step


def _only(outputs: Sequence[Output], partition: int) -> Output:
    if partition >= len(outputs):
        raise not_found("partition", partition, f"the step has {len(outputs):,}, counted from 0")
    return outputs[partition]


async def _as_json(system: System, step: StepView, outputs: Sequence[Output], start: int, limit: int) -> Response:
    shown, chosen = Shown(), outputs[start : start + limit]
    if len(chosen) > 1 and sum(each.size for each in chosen) > MOST_BYTES:
        hint = "ask for fewer partitions: ?limit=N"
        detail = f"these {len(chosen)} partitions have more than {MOST_BYTES:,} bytes together"
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "too-much-to-show", detail, hint)

    def decoded() -> list[Any]:
        return [shown.of(value_of(each, memoryview(system.artifacts.stored(each)))) for each in chosen]

    following = start + len(chosen)
    body = ResultBody(
        step=step.name,
        is_partitioned=not step.kind.gives_one,
        partitions=len(outputs),
        values=await asyncio.to_thread(decoded),
        next=cursor_at(following) if following < len(outputs) else None,
    )
    return reply(body)


async def _as_stored(system: System, outputs: Sequence[Output], byte_range: str | None) -> Response:
    if len(outputs) != 1:
        hint = "add ?partition=N"
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "partition-missing", "the step has several partitions", hint)
    (output,) = outputs

    def read(start: int, end: int) -> memoryview:
        return memoryview(system.artifacts.stored(output, start, end))

    headers = {"Eopiez-Form": output.content_form, "ETag": f'"{output.digest.hex()}"'}
    return await asyncio.to_thread(partial, output.size, read, byte_range, RAW, headers)


async def _as_arrow(system: System, outputs: Sequence[Output]) -> Response:
    if not outputs or any(output.content_form != "arrow" for output in outputs):
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "no-table", "the step's results are no tables", "ask for JSON")
    first = await asyncio.to_thread(system.artifacts.stored, outputs[0])
    return StreamingResponse(_arrow_pieces(system, first, outputs), media_type=ARROW)


def _arrow_pieces(system: System, first: pa.Buffer, outputs: Sequence[Output]) -> Iterator[bytes]:
    """One IPC stream of all partitions' batches; one partition is in memory at a time."""
    sink = _Sink()
    with pa.ipc.open_stream(first) as reader, pa.ipc.new_stream(sink, reader.schema) as writer:
        for output in outputs:
            with pa.ipc.open_stream(system.artifacts.stored(output)) as part:
                for batch in part:
                    writer.write_batch(batch)
                    yield sink.taken()
    yield sink.taken()


class _Sink:
    """Where an Arrow stream is written, to be taken piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to close."""

    def writable(self) -> bool:
        """Always."""
        return True

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
