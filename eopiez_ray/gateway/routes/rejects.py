"""Rows that steps could not use: why, and how they begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from ...store.rejects import REASON_CHARACTERS, Place, Rejects, name_of
from ..access import SystemDep, ViewedDep
from ..bodies import ReasonBody, ReasonsBody, RejectBody
from ..documented import READS
from ..problems import not_found
from ..representation import CursorParameter, Limit, Page, bad_cursor, place, reply
from ..representation import cursor as cursor_at
from ..routing import Resource
from ..spreadsheets import Sheets, as_csv

if TYPE_CHECKING:
    from ...store import WorkflowView

router = Resource(prefix="/workflows/{workflow:uuid}/rejects", tags=["results"])

StepParameter = Annotated[str | None, Query(max_length=255, description="Only of this step.")]
ReasonParameter = Annotated[
    str | None,
    Query(max_length=REASON_CHARACTERS, description="Only for this reason, of which the first 1,000 characters count."),
]
_EXPORTED: dict[int | str, dict[str, Any]] = {200: {"content": {Sheets.CSV.value: {"schema": {"type": "string"}}}}}
_MOST = Place(2**15 - 1, 2**31 - 1, 2**31 - 1)


@router.get("", operation_id="list_rejects", response_model=Page[RejectBody], responses=READS)
async def list_rejects(
    view: ViewedDep,
    system: SystemDep,
    step: StepParameter = None,
    reason: ReasonParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Rejected rows, in order of step and partition. With a reason, a page may be short and yet have a next one."""
    found = await Rejects(system.database).page(
        view.id, view.step_names, _position(view, step), reason, _place(cursor), limit
    )
    following = None if found.following is None else cursor_at(list(found.following))
    return reply(Page[RejectBody](items=[RejectBody.model_validate(row) for row in found.rows], next=following))


@router.get("/reasons", operation_id="list_reject_reasons", response_model=ReasonsBody, responses=READS)
async def list_reject_reasons(view: ViewedDep, system: SystemDep) -> Response:
    """Why rows were rejected, and how many, by step; most frequent first."""
    counts = await Rejects(system.database).reasons(view.id)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return reply(
        ReasonsBody(
            items=[
                ReasonBody(step=name_of(view.step_names, step), reason=reason, rows=rows)
                for (step, reason), rows in ordered
            ]
        )
    )


@router.get("/export", operation_id="export_rejects", response_class=StreamingResponse, responses=READS | _EXPORTED)
async def export_rejects(
    view: ViewedDep, system: SystemDep, step: StepParameter = None, reason: ReasonParameter = None
) -> Response:
    """The same rows, all of them, as CSV. Texts that a spreadsheet would run as formulas begin with a quote."""
    pieces = _exported(Rejects(system.database), view, _position(view, step), reason)
    headers = {"Content-Disposition": 'attachment; filename="rejects.csv"'}
    return StreamingResponse(pieces, media_type=Sheets.CSV.value, headers=headers)


async def _exported(rejects: Rejects, view: WorkflowView, step: int | None, reason: str | None) -> AsyncIterator[bytes]:
    is_first, following = True, None
    while is_first or following is not None:
        found = await rejects.page(view.id, view.step_names, step, reason, following)
        sheet = as_csv([RejectBody.model_validate(row).model_dump() for row in found.rows] or [_NOTHING])
        heading, _, lines = sheet.partition(b"\r\n")
        yield (heading + b"\r\n" if is_first else b"") + (lines if found.rows else b"")
        is_first, following = False, found.following


_NOTHING = dict.fromkeys(RejectBody.model_fields, "")


def _position(view: WorkflowView, step: str | None) -> int | None:
    """The position of the step that is named.

    Raises:
        Problem: there is none.
    """
    if step is None:
        return None
    if step not in view.step_names:
        raise not_found("step", repr(step), f"the workflow has {', '.join(view.step_names[:20])}")
    return view.step_names.index(step)


def _place(cursor: str | None) -> Place | None:
    """Where the list goes on.

    Raises:
        Problem: the cursor is none of this list.
    """
    held = place(cursor)
    if held is None:
        return None
    is_place = isinstance(held, list) and len(held) == len(_MOST) and all(type(each) is int for each in held)
    if not is_place or not all(-1 <= each <= most for each, most in zip(held, _MOST, strict=True)):
        raise bad_cursor()
    return Place(*held)
