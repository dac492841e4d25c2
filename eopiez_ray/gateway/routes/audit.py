"""The audit log, for system administrators."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from ...model.audit import Outcome
from ...store.audit import LAST, AuditFilter, AuditLog
from ..acting import AdministratorDep
from ..documented import READS
from ..people import AuditRowBody
from ..representation import CursorParameter, Limit, Moment, Page, number_at, page_of, reply
from ..routing import Resource

router = Resource(prefix="/audit", tags=["audit"])

Text = Annotated[str | None, Query(max_length=300)]


@router.get("", operation_id="list_audit", response_model=Page[AuditRowBody], responses=READS)
async def list_audit(
    acting: AdministratorDep,
    actor: Text = None,
    action: Text = None,
    object: Text = None,
    project: Text = None,
    result: Annotated[Outcome | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Who did what, on what, from where, and what became of it; the newest first."""
    wanted = AuditFilter(actor, action, object, project, result, since, until)
    rows = await acting.services.audit.page(wanted, number_at(cursor, LAST), limit)
    return reply(page_of([AuditRowBody.of(row) for row in rows], limit, rows[-1].seq if rows else None))


@router.get(
    "/export", operation_id="export_audit", response_class=StreamingResponse,
    responses=READS | {200: {"description": "A row a line.", "content": {"application/x-ndjson": {}}}},
)  # fmt: skip
async def export_audit(acting: AdministratorDep) -> Response:
    """The whole log, oldest first, one JSON object a line, with the hashes by which anybody can verify it."""
    await acting.record("audit.export")
    return StreamingResponse(_lines(acting.services.audit), media_type="application/x-ndjson")


async def _lines(audit: AuditLog) -> AsyncIterator[str]:
    async for page in audit.pages():
        yield "".join(f"{json.dumps(row.to_value())}\n" for row in page)
