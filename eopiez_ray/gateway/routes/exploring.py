"""What a run of the pipeline has found, as it is explored: its themes as a tree, and over time."""

from __future__ import annotations

import asyncio
from datetime import datetime

import numpy as np
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from ...phases.report.timeline import end_of, make_timeline
from ...phases.themes.tree import Leaf, centres_of, theme_tree
from ..representation import reply
from ..routing import Resource
from ..tables import Tables, Wanted
from .pipeline import FILES, FolderDep, Since, Until

router = Resource(prefix="/pipeline", tags=["pipeline"])

MOST_THEMES = 10_000


class ThemeNodeBody(BaseModel):
    """A theme, or a branch that holds several."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="The theme; those of branches are larger than any theme's.")
    parent: int | None = Field(description="The branch that holds it; null for the root.")
    level: int = Field(description="0 for the root.")
    themes: list[int] = Field(description="All themes of the branch.")
    label: str = Field(description="What the theme is called; the best words of a branch.")
    terms: list[str] = Field(description="Its best words, the best first.")
    documents: int


class ThemeTreeBody(BaseModel):
    """Themes as a tree."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [
        {"id": 2, "parent": None, "level": 0, "themes": [0, 1], "label": "film, oil", "terms": ["film", "oil"],
         "documents": 50},
        {"id": 0, "parent": 2, "level": 1, "themes": [0], "label": "Film", "terms": ["film"], "documents": 30},
        {"id": 1, "parent": 2, "level": 1, "themes": [1], "label": "Oil", "terms": ["oil"], "documents": 20},
    ]}]})  # fmt: skip

    items: list[ThemeNodeBody] = Field(
        description="Each before those below it, larger ones first; the root is the first."
    )


class ThemeBurstBody(BaseModel):
    """When a theme was spoken of much more than usual."""

    model_config = ConfigDict(from_attributes=True)

    theme: int
    first: int = Field(description="Its first interval, counted from 0.")
    last: int
    documents: int
    expected: float = Field(description="Documents that would have been usual.")
    weight: float = Field(description="How much better a burst explains them, as a logarithm of likelihoods.")


class ThemeSeriesBody(BaseModel):
    """Documents of a theme."""

    theme: int = Field(description="-1 for none.")
    documents: list[int] = Field(description="In each interval.")


class DocumentTimelineBody(BaseModel):
    """Documents over time."""

    unit: str = Field(description="`hour`, `day`, `week`, `month`, `quarter`, `year` or `decade`.")
    starts: list[datetime] = Field(description="Of the intervals.")
    end: datetime = Field(description="Of the last one.")
    total: list[int] = Field(description="Documents in each interval.")
    themes: list[ThemeSeriesBody]
    bursts: list[ThemeBurstBody] = Field(description="The weightiest first.")
    outside: int = Field(description="Documents whose time is far from all others', which are in no interval.")


class DocumentTimesBody(BaseModel):
    """What is known of the documents' times."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "documents": 12, "undated": 1,
        "timeline": {
            "unit": "day", "starts": ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"], "end": "2026-03-03T00:00:00Z",
            "total": [4, 7], "themes": [{"theme": 0, "documents": [4, 7]}], "outside": 0,
            "bursts": [],
        },
    }]})  # fmt: skip

    documents: int = Field(description="Documents that are asked for.")
    undated: int = Field(description="Those of them without a time.")
    timeline: DocumentTimelineBody | None = Field(description="null if fewer than 10 have a time, or all the same one.")


@router.get("/{workflow:uuid}/tree", operation_id="get_theme_tree", response_model=ThemeTreeBody, responses=FILES)
async def get_theme_tree(folder: FolderDep) -> Response:
    """Themes as a tree: the more two have in common, the lower the branch that holds both."""
    return reply(await asyncio.to_thread(_tree, Tables(folder)))


@router.get("/{workflow:uuid}/timeline", operation_id="get_times", response_model=DocumentTimesBody, responses=FILES)
async def get_times(folder: FolderDep, since: Since = None, until: Until = None) -> Response:
    """Documents over time by theme, and when a theme was spoken of much more than usual in that time.

    The shorter the time asked for, the finer the intervals.
    """
    return reply(await asyncio.to_thread(_times, Tables(folder), Wanted(since=since, until=until)))


def _tree(tables: Tables) -> ThemeTreeBody:
    themes = tables.page("themes", 0, MOST_THEMES)
    leaves = [Leaf(row["documents"], dict(zip(row["terms"], row["weights"], strict=True))) for row in themes]
    nodes = theme_tree(leaves, centres_of(tables.theme_vectors(), len(leaves)))
    return ThemeTreeBody(
        items=[
            ThemeNodeBody(
                id=node.id,
                parent=node.parent,
                level=node.level,
                themes=list(node.themes),
                label=themes[node.id]["label"] if node.id < len(themes) else ", ".join(node.terms[:3]),
                terms=list(node.terms),
                documents=node.documents,
            )
            for node in nodes
        ]
    )


def _times(tables: Tables, wanted: Wanted) -> DocumentTimesBody:
    times, themes = tables.times(), tables.themes()
    chosen = wanted.fits(times, themes)
    found = make_timeline(times[chosen], themes[chosen])
    timeline = None
    if found is not None:
        timeline = DocumentTimelineBody(
            unit=found.unit,
            starts=list(found.starts),
            end=end_of(found),
            total=list(found.total),
            themes=[ThemeSeriesBody(theme=each, documents=list(series)) for each, series in found.themes.items()],
            bursts=[ThemeBurstBody.model_validate(each) for each in found.bursts],
            outside=found.outside,
        )
    undated = int(np.isnat(times[chosen]).sum())
    return DocumentTimesBody(documents=int(chosen.sum()), undated=undated, timeline=timeline)
