"""Two runs of the pipeline beside each other."""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ...model.access import Role
from ...model.names import OUTPUT
from ...phases.comparison import Change, GroupKind, MatchedBy
from ..access import CallerDep, SystemDep
from ..problems import not_found
from ..representation import CursorParameter, Limit, number_at, reply
from ..representation import cursor as cursor_at
from ..routing import Resource
from ..tables import Tables
from .pipeline import FILES, RunParameter, ThemesParameter, run_of

router = Resource(prefix="/pipeline", tags=["pipeline"])

TERMS = 10
"""Words of a theme that are shown."""


class ComparedThemeBody(BaseModel):
    """A theme of one of the runs."""

    theme: int
    label: str
    terms: list[str] = Field(description="Its best words, the best first.")
    documents: int
    share: float = Field(description="Of all documents of its run.")


class ComparedRunBody(BaseModel):
    """One of the runs."""

    id: UUID
    documents: int
    themes: list[ComparedThemeBody] = Field(description="The largest first.")


class ThemeGroupBody(BaseModel):
    """Themes that belong together, and their documents."""

    model_config = ConfigDict(from_attributes=True)

    kind: GroupKind = Field(
        description="`kept`: one theme before and one after; `split`: one became several; `merged`: several became "
        "one; `mixed`: several became several; `gone` and `new`: nothing on the other side belongs to it."
    )
    before: list[int] = Field(description="Themes of the run before.")
    after: list[int]
    documents_before: int
    documents_after: int
    share_before: float = Field(description="Of all documents of the run before.")
    share_after: float
    stayed: int = Field(description="Documents that were in it and still are.")
    left: int = Field(description="Documents that were in it and are in other themes now, or in none.")
    joined: int = Field(description="Documents that were in other themes, or in none.")
    gone: int = Field(description="Documents of it that the run after does not have.")
    new: int = Field(description="Documents of it that the run before did not have.")
    similarity: float | None = Field(description="The best cosine of the words of its themes before and after.")


class ThemeMoveBody(BaseModel):
    """Documents that went from a theme into one that does not belong to it."""

    model_config = ConfigDict(from_attributes=True)

    before: int = Field(description="-1 for no theme.")
    after: int
    documents: int


_THEME: dict[str, JsonValue] = {
    "theme": 0,
    "label": "Premiership rugby",
    "terms": ["rugby", "england"],
    "documents": 210,
    "share": 0.21,
}


class RunComparisonBody(BaseModel):
    """Two runs beside each other."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "matched_by": "documents",
        "before": {"id": "0197b5a0-0000-7000-8000-000000000001", "documents": 1000, "themes": [_THEME]},
        "after": {
            "id": "0197b5a0-0000-7000-8000-000000000002", "documents": 1000,
            "themes": [_THEME | {"documents": 205, "share": 0.205}],
        },
        "common": 950, "moved": 3,
        "groups": [{
            "kind": "kept", "before": [0], "after": [0], "documents_before": 210, "documents_after": 205,
            "share_before": 0.21, "share_after": 0.205, "stayed": 195, "left": 3, "joined": 0, "gone": 12, "new": 10,
            "similarity": 0.93,
        }],
        "moves": [{"before": 0, "after": -1, "documents": 3}],
    }]})  # fmt: skip

    matched_by: MatchedBy = Field(
        description="What tells which themes belong together: the `documents` that both runs have, or the `words` of "
        "the themes."
    )
    before: ComparedRunBody
    after: ComparedRunBody
    common: int = Field(description="Documents with the same text in both runs.")
    moved: int = Field(description="Of these, those whose themes do not belong together.")
    groups: list[ThemeGroupBody] = Field(description="The largest after first, then what is gone.")
    moves: list[ThemeMoveBody] = Field(
        description="From where to where documents moved, the largest first, at most 500."
    )


class ChangedDocumentBody(BaseModel):
    """What became of a document."""

    document_id: str = Field(description="In the run after; in the run before if it is gone.")
    title: str | None
    snippet: str = Field(description="The beginning of its text.")
    theme_before: int | None = Field(description="-1 for no theme; null if the run before did not have it.")
    theme_after: int | None


class ChangedDocumentsBody(BaseModel):
    """A page of documents."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "items": [{
            "document_id": "news-17", "title": "Robinson out", "snippet": "England captain Jason Robinson …",
            "theme_before": 0, "theme_after": -1,
        }],
        "next": None,
    }]})  # fmt: skip

    items: list[ChangedDocumentBody]
    next: str | None = Field(default=None, description="The cursor of the next page; null on the last one.")


async def compared_folders(
    workflow: RunParameter,
    before: Annotated[UUID, Query(description="The run to compare with, of the same project.")],
    system: SystemDep,
    caller: CallerDep,
) -> tuple[FilePath, FilePath]:
    """The folders of the run before and of the one after.

    Raises:
        Problem: one is no run of the pipeline that the caller can see, or they are of two projects.
    """
    after, earlier = [await run_of(system, caller, each, Role.VIEWER) for each in (workflow, before)]
    if after.project != earlier.project:
        raise not_found("run", f"{before} of project {after.project}", "compare with a run of the same project")
    old, new = [system.files.results_of(each.labels.get(OUTPUT, ""), each.project) for each in (earlier, after)]
    return old, new


FoldersDep = Annotated[tuple[FilePath, FilePath], Depends(compared_folders)]
By = Annotated[
    MatchedBy | None,
    Query(
        description="What themes are matched by; by default documents, if the runs have at least half of those of the "
        "smaller one in common."
    ),
]


@router.get(
    "/{workflow:uuid}/comparison", operation_id="compare_runs", response_model=RunComparisonBody, responses=FILES
)
async def compare_runs(
    workflow: RunParameter, before: UUID, folders: FoldersDep, system: SystemDep, by: By = None
) -> Response:
    """Themes of two runs side by side: what was kept, split, merged, is gone or new, and how many documents moved."""
    tables = Tables(folders[0]), Tables(folders[1])
    compared = await system.comparisons.of(*tables, by)
    names = [await asyncio.to_thread(each.page, "themes", 0, 10_000) for each in tables]
    result = compared.result
    sizes = result.documents_before, result.documents_after
    runs = [_run(*each) for each in zip((before, workflow), sizes, names, strict=True)]
    return reply(
        RunComparisonBody(
            matched_by=result.matched_by,
            before=runs[0],
            after=runs[1],
            common=result.common,
            moved=result.moved,
            groups=[ThemeGroupBody.model_validate(each) for each in result.groups],
            moves=[ThemeMoveBody.model_validate(each) for each in result.moves],
        )
    )


@router.get(
    "/{workflow:uuid}/comparison/documents",
    operation_id="list_changed_documents",
    response_model=ChangedDocumentsBody,
    responses=FILES,
)
async def list_changed_documents(
    folders: FoldersDep,
    system: SystemDep,
    change: Annotated[Change, Query(description="What became of them.")] = Change.MOVED,
    theme_before: ThemesParameter = None,
    theme_after: ThemesParameter = None,
    by: By = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Documents that stayed, moved, are gone or new, in the order of the run that has them; -1 is of no theme."""
    start = number_at(cursor)
    compared = await system.comparisons.of(Tables(folders[0]), Tables(folders[1]), by)
    themes = theme_before or [], theme_after or []
    found = await asyncio.to_thread(compared.documents, change, themes, start, limit)
    following = cursor_at(start + len(found)) if len(found) == limit else None
    return reply(ChangedDocumentsBody(items=[ChangedDocumentBody(**each) for each in found], next=following))


def _run(run: UUID, documents: int, themes: list[dict[str, Any]]) -> ComparedRunBody:
    bodies = [
        ComparedThemeBody(
            theme=row["theme"],
            label=row["label"],
            terms=row["terms"][:TERMS],
            documents=row["documents"],
            share=row["documents"] / max(1, documents),
        )
        for row in themes
    ]
    return ComparedRunBody(id=run, documents=documents, themes=bodies)
