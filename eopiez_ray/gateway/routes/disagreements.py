"""Where the documents of a run of the pipeline disagree with their neighbours."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import numpy as np
from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ...phases.themes.disagreement import Disagreement, disagreements
from ..representation import reply
from ..routing import Resource
from ..tables import Tables
from .pipeline import FILES, FolderDep, ThemesParameter

router = Resource(prefix="/pipeline", tags=["pipeline"])

LONGEST_TEXT = 4000
"""Characters of a text that are shown."""
MOST_MOTIFS = 20
_SHOWN = ["document_id", "title", "text"]


class DisagreeingBody(BaseModel):
    """One of two documents."""

    document_id: str
    title: str | None
    text: str = Field(description="Up to 4,000 characters.")
    theme: int
    motifs: list[str] = Field(description="Those that the other one does not have.")


class DisagreementBody(BaseModel):
    """Two neighbours that disagree."""

    first: DisagreeingBody = Field(description="The one whose neighbours agree least with it.")
    second: DisagreeingBody = Field(description="The neighbour with which it agrees least.")
    consistency: float = Field(
        description="How far both say the same in the terms that they share: 1 for the same, 1/2 for nothing in common."
    )
    similarity: float = Field(description="Cosine of their vectors.")
    overlap: float = Field(description="How far the neighbours of both are about the same, 0 to 1.")
    common: list[str] = Field(description="Motifs that both have.")


_FIRST: dict[str, JsonValue] = {
    "document_id": "news-1",
    "title": "Apple sues",
    "text": "Apple sues …",
    "theme": 2,
    "motifs": ["trade secrets"],
}
_SECOND: dict[str, JsonValue] = {
    "document_id": "news-9",
    "title": "Apple juice",
    "text": "Apple juice …",
    "theme": 4,
    "motifs": ["fruit juice"],
}


class DisagreementsBody(BaseModel):
    """Pairs, those that agree least first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{
        "first": _FIRST, "second": _SECOND, "consistency": 0.58, "similarity": 0.41, "overlap": 0.3,
        "common": ["apple"],
    }]}]})  # fmt: skip

    items: list[DisagreementBody]


@router.get(
    "/{workflow:uuid}/disagreements", operation_id="list_disagreements", response_model=DisagreementsBody,
    responses=FILES,
)  # fmt: skip
async def list_disagreements(
    folder: FolderDep, theme: ThemesParameter = None, limit: Annotated[int, Query(ge=1, le=30)] = 10
) -> Response:
    """Neighbouring documents that disagree most: close to each other, but what is around them points elsewhere."""
    return reply(await asyncio.to_thread(_found, Tables(folder), frozenset(theme or ()), limit))


def _found(tables: Tables, themes: frozenset[int], limit: int) -> DisagreementsBody:
    pairs = disagreements(tables.vectors, tables.least_consistent(limit, themes))
    rows = np.array(sorted({row for pair in pairs for row in (pair.first, pair.second)}), np.int64)
    known = dict(zip(rows.tolist(), tables.rows("documents", _SHOWN, rows), strict=True))
    motifs = tables.motifs_of([document["document_id"] for document in known.values()])
    labels = tables.themes()
    facts = {
        row: document | {"theme": int(labels[row]), "motifs": motifs[document["document_id"]]}
        for row, document in known.items()
    }
    return DisagreementsBody(items=[_body(pair, facts[pair.first], facts[pair.second]) for pair in pairs])


def _body(pair: Disagreement, first: dict[str, Any], second: dict[str, Any]) -> DisagreementBody:
    return DisagreementBody(
        first=_document(first, second),
        second=_document(second, first),
        consistency=pair.consistency,
        similarity=pair.similarity,
        overlap=pair.overlap,
        common=[motif for motif in first["motifs"] if motif in second["motifs"]][:MOST_MOTIFS],
    )


def _document(facts: dict[str, Any], other: dict[str, Any]) -> DisagreeingBody:
    return DisagreeingBody(
        document_id=facts["document_id"],
        title=facts["title"],
        text=facts["text"][:LONGEST_TEXT],
        theme=facts["theme"],
        motifs=[motif for motif in facts["motifs"] if motif not in other["motifs"]][:MOST_MOTIFS],
    )
