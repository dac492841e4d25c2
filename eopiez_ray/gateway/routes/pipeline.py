"""The pipeline: analyse a collection, and look at what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal
from uuid import UUID

from blake3 import blake3
from fastapi import Depends, Header, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from ...errors import ArtifactMissingError, WorkflowNotFinishedError
from ...model.access import Role
from ...model.filters import Order, WorkflowFilter
from ...model.ids import WorkflowId, uuid7
from ...model.names import CONTENT, KIND, OUTPUT, TITLE, check_free_labels, check_labels
from ...model.requests import Request, Selection
from ...model.status import StepStatus
from ...store import NewWorkflow, WorkflowView
from ..access import CallerDep, ProjectParameter, SystemDep, project_for, projects_for, view_of
from ..bodies import AnswersBody, RequestBody, WorkflowBody, WorkflowDetailBody
from ..collections import ExecuteBody, planned
from ..documented import READS, WRITES, Documented, answers
from ..problems import not_found
from ..representation import CursorParameter, Limit, Moment, Page, id_at, number_at, page_of, reply
from ..representation import cursor as cursor_at
from ..routing import Resource
from ..searching import Near, Stored
from ..tables import Tables, Wanted
from ..traceparent import TracedDep
from ..values import Shown
from .workflows import IdempotencyKey

router = Resource(prefix="/pipeline", tags=["pipeline"])

"""The label of a workflow that this resource has made."""
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
"""What a report may do in a browser: show itself, apart from everything else on this site."""
MODEL, INDEX = "vectors.fit", "vectors.index"
"""The steps whose results are searched."""
SNIPPET = 200
"""Characters of a document that a hit shows."""
FILES = READS | answers(410)
_MAP: Documented = {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
TableName = Literal["documents", "copies", "facets", "motifs", "occurrences", "vectors", "assignments", "themes"]


class RunsBody(RequestBody):
    """Which runs: one, or all that the caller may pause or resume."""

    workflow: UUID | None = Field(default=None, description="One run; null means all of them.")


class RowsBody(BaseModel):
    """A page of rows."""

    items: list[dict[str, Any]]
    next: str | None = Field(default=None, description="The cursor of the next page; null on the last one.")


class RowBody(BaseModel):
    """One row."""

    item: dict[str, Any]


class HitBody(BaseModel):
    """A document, and how close it is."""

    document_id: str
    similarity: float = Field(description="Cosine similarity.")
    title: str | None
    snippet: str = Field(description="The beginning of its text.")


class HitsBody(BaseModel):
    """Documents, the closest first."""

    items: list[HitBody]


@router.post(
    "/execute", operation_id="execute_pipeline", status_code=202, response_model=WorkflowBody,
    responses=WRITES | answers(502, 504),
)  # fmt: skip
async def execute_pipeline(
    body: ExecuteBody,
    system: SystemDep,
    caller: CallerDep,
    traced: TracedDep,
    project: ProjectParameter = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Find motifs and themes in a collection, and pack it: ingest, motifs, vectors, themes, compress, report."""
    chosen = project_for(caller, project, Role.OPERATOR)
    check_labels(body.labels)
    check_free_labels(body.labels)
    plan, folder = await planned(system, chosen, _key(chosen, caller, idempotency_key), body)
    new = NewWorkflow(
        plan.spec(), plan.code(), project=chosen, owner=caller.name, priority=body.priority,
        labels=body.labels | {KIND: CONTENT, OUTPUT: str(folder), TITLE: body.options.title},
        idempotency_key=idempotency_key,
    )  # fmt: skip
    (created,) = await system.intake.create(traced.placed(new))
    traced.note(created, chosen)
    view = await system.workflows.get(created.id)
    return reply(WorkflowBody.of(view), HTTPStatus.ACCEPTED, {"Location": f"/v1/workflows/{created.id}"})


def _key(project: str, caller: CallerDep, idempotency_key: str | None) -> UUID:
    """What the folder of a run is called: the same request under the same key means the same folder."""
    if idempotency_key is None:
        return uuid7()
    return UUID(bytes=blake3(repr((project, caller.name, idempotency_key)).encode()).digest(16))


@router.get("/status", operation_id="get_pipeline_status", response_model=Page[WorkflowDetailBody], responses=READS)
async def get_pipeline_status(
    system: SystemDep,
    caller: CallerDep,
    workflow: Annotated[UUID | None, Query(description="One run; by default all that the caller can see.")] = None,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """How far runs of the pipeline are, the newest first."""
    if workflow is not None:
        views = [await run_of(system, caller, workflow, Role.VIEWER)]
    else:
        where = WorkflowFilter(projects=projects_for(caller, project, Role.VIEWER), labels={KIND: CONTENT})
        after = id_at(cursor)
        views = await system.workflows.page(where, Order.NEWEST, None if after is None else WorkflowId(after), limit)
    bodies = [WorkflowDetailBody.of_steps(view, await system.workflows.steps(view.id)) for view in views]
    is_list = workflow is None and bool(views)
    return reply(page_of(bodies, limit if is_list else len(bodies) + 1, str(views[-1].id) if is_list else None))


@router.post("/pause", operation_id="pause_pipeline", response_model=AnswersBody, responses=WRITES)
async def pause_pipeline(
    body: RunsBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Pause runs of the pipeline: tasks in flight finish, no new ones start."""
    chosen = await _selection(system, caller, body, project)
    return reply(AnswersBody.of(await system.workflows.pause_all(chosen, _request(body, caller))))


@router.post("/resume", operation_id="resume_pipeline", response_model=AnswersBody, responses=WRITES)
async def resume_pipeline(
    body: RunsBody, system: SystemDep, caller: CallerDep, project: ProjectParameter = None
) -> Response:
    """Resume runs of the pipeline; nothing that is finished runs twice."""
    chosen = await _selection(system, caller, body, project)
    return reply(AnswersBody.of(await system.workflows.resume_all(chosen, _request(body, caller))))


RunParameter = Annotated[UUID, Path(description="The run's id.")]


async def found_folder(workflow: RunParameter, system: SystemDep, caller: CallerDep) -> FilePath:
    """The folder of a run's results.

    Raises:
        Problem: the workflow is no run of the pipeline.
    """
    view = await run_of(system, caller, workflow, Role.VIEWER)
    return system.files.results_of(view.labels.get(OUTPUT, ""), view.project)


FolderDep = Annotated[FilePath, Depends(found_folder)]
Accept = Annotated[str, Header(alias="Accept", include_in_schema=False)]
ThemesParameter = Annotated[
    list[Annotated[int, Field(ge=-1, le=10_000)]] | None,
    Query(max_length=1000, description="Only of this theme, or of one of these; -1 is none. Repeat it for several."),
]
Since = Annotated[Moment | None, Query(description="Only of then or later.")]
Until = Annotated[Moment | None, Query(description="Only of before then.")]


@router.get("/{workflow:uuid}/report", operation_id="get_report", responses=FILES, response_class=Response)
async def get_report(
    folder: FolderDep, accept: Annotated[str, Header(alias="Accept", include_in_schema=False)] = ""
) -> Response:
    """The report as a page, or its facts with `Accept: application/json`."""
    if "application/json" in accept:
        return _file(folder / "report.json", "application/json")
    return _file(folder / "report.html", "text/html; charset=utf-8", {"Content-Security-Policy": REPORT_POLICY})


@router.get("/{workflow:uuid}/archive", operation_id="get_archive", responses=FILES, response_class=Response)
async def get_archive(folder: FolderDep) -> Response:
    """All documents, compressed and checked, as one `.eopz` archive; ranges are served."""
    return _file(folder / "collection.eopz", "application/octet-stream")


@router.get("/{workflow:uuid}/tables/{name}", operation_id="get_table", responses=FILES, response_class=Response)
async def get_table(folder: FolderDep, name: TableName) -> Response:
    """A whole table as Parquet; ranges are served."""
    return _file(Tables(folder).path(name), "application/vnd.apache.parquet")


@router.get("/{workflow:uuid}/themes", operation_id="list_themes", response_model=RowsBody, responses=FILES)
async def list_themes(folder: FolderDep, cursor: CursorParameter = None, limit: Limit = 100) -> Response:
    """Themes, the largest first."""
    return await _page(lambda start: Tables(folder).page("themes", start, limit), cursor, limit)


@router.get("/{workflow:uuid}/motifs", operation_id="list_motifs", response_model=RowsBody, responses=FILES)
async def list_motifs(folder: FolderDep, cursor: CursorParameter = None, limit: Limit = 100) -> Response:
    """Motifs, the best first."""
    return await _page(lambda start: Tables(folder).page("motifs", start, limit), cursor, limit)


@router.get("/{workflow:uuid}/documents", operation_id="list_documents", response_model=RowsBody, responses=FILES)
async def list_documents(
    folder: FolderDep,
    theme: ThemesParameter = None,
    since: Since = None,
    until: Until = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Documents with their themes, in the order of the collection."""
    wanted = Wanted(frozenset(theme or ()), since, until)
    return await _page(lambda start: Tables(folder).documents(start, limit, wanted), cursor, limit)


@router.get("/{workflow:uuid}/document", operation_id="get_document", response_model=RowBody, responses=FILES)
async def get_document(
    folder: FolderDep,
    document: Annotated[str | None, Query(max_length=2000, description="A document's id.")] = None,
    row: Annotated[int, Query(ge=0, le=2**40, description="Without an id, its row in the collection.")] = 0,
) -> Response:
    """One document: its text, its theme, and its motifs by where they stand, in characters from the beginning."""
    tables = Tables(folder)
    found = await asyncio.to_thread(lambda: tables.document(tables.id_of(row) if document is None else document))
    (shown,) = Shown().of([found])
    return reply(RowBody(item=shown))


@router.get("/{workflow:uuid}/map", operation_id="get_map", responses=FILES | _MAP, response_class=Response)
async def get_map(folder: FolderDep) -> Response:
    """Where each document is on the map, in the order of the collection, as numbers in columns.

    Little-endian: the count as `uint32`; then, for all documents, x and y as `uint16` from 0 to 65535 along the longer
    side of the map, and the theme as `int16`, -1 for none.
    """
    return Response(await asyncio.to_thread(Tables(folder).places), media_type="application/octet-stream")


@router.get("/{workflow:uuid}/similar", operation_id="list_similar", response_model=HitsBody, responses=FILES)
async def list_similar(
    folder: FolderDep,
    document: Annotated[str, Query(max_length=2000, description="A document's id.")],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    """The documents closest in meaning to one of them."""
    return reply(await asyncio.to_thread(_similar, Tables(folder), document, limit))


@router.get(
    "/{workflow:uuid}/search", operation_id="search_run", response_model=HitsBody, responses=FILES | answers(409)
)
async def search_run(
    workflow: RunParameter,
    system: SystemDep,
    caller: CallerDep,
    query: Annotated[str, Query(min_length=1, max_length=10_000, description="What to find, in your own words.")],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    """The documents closest in meaning to a query. There are none if none of its words occurs in the collection."""
    view = await run_of(system, caller, workflow, Role.VIEWER)
    tables = Tables(system.files.results_of(view.labels.get(OUTPUT, ""), view.project))
    model, index = [await _stored(system, view, name) for name in (MODEL, INDEX)]
    near = await system.searchers.search(view.project, model, index, query, limit)
    return reply(await asyncio.to_thread(_shown, tables, near))


async def _stored(system: SystemDep, view: WorkflowView, name: str) -> Stored:
    """What a step of a run has stored.

    Raises:
        WorkflowNotFinishedError: it has not, yet.
    """
    steps = {step.name: step for step in await system.workflows.steps(view.id)}
    if name not in steps or steps[name].status is not StepStatus.SUCCEEDED:
        raise WorkflowNotFinishedError(f"step {name!r} of run {view.id} has not succeeded; wait for it first")
    (output,) = await system.workflows.outputs(view.id, steps[name].position)
    return Stored(output, await asyncio.to_thread(system.artifacts.stored, output))


def _similar(tables: Tables, document: str, limit: int) -> HitsBody:
    return _shown(tables, [Near(*each) for each in tables.similar(document, limit)])


def _shown(tables: Tables, near: Sequence[Near]) -> HitsBody:
    """Documents with their titles and the beginning of their texts."""
    known = tables.named([each.document_id for each in near])
    hits = [
        HitBody(
            document_id=each.document_id,
            similarity=round(each.similarity, 4),
            title=facts["title"],
            snippet=facts["text"][:SNIPPET],
        )
        for each in near
        for facts in [known.get(each.document_id)]
        if facts is not None
    ]
    return HitsBody(items=hits)


async def _page(rows: Callable[[int], list[dict[str, Any]]], cursor: str | None, limit: int) -> Response:
    start = number_at(cursor)
    found = await asyncio.to_thread(rows, start)
    following = cursor_at(start + len(found)) if len(found) == limit else None
    return reply(RowsBody(items=Shown().of(found), next=following))


async def run_of(system: SystemDep, caller: CallerDep, workflow: UUID, role: Role) -> WorkflowView:
    view = await view_of(system, caller, workflow, role)
    if view.labels.get(KIND) != CONTENT:
        raise not_found("run", f"of the pipeline with id {workflow}", "GET /v1/pipeline/status lists the runs")
    return view


async def _selection(system: SystemDep, caller: CallerDep, body: RunsBody, project: str | None) -> Selection:
    projects = projects_for(caller, project, Role.OPERATOR)
    if body.workflow is not None:
        await run_of(system, caller, body.workflow, Role.OPERATOR)
        return Selection(ids=(WorkflowId(body.workflow),), projects=projects)
    return Selection(labels={KIND: CONTENT}, projects=projects)


def _request(body: RequestBody, caller: CallerDep) -> Request:
    return Request(caller.name, body.why, body.mode, body.timers)


def _file(path: FilePath, media_type: str, headers: dict[str, str] | None = None) -> Response:
    if not path.is_file():
        raise ArtifactMissingError(f"{path.name} is not there; has the run ended, and are its files kept?")
    return FileResponse(path, media_type=media_type, headers=headers)
