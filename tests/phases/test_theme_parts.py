"""Themes found in parts, each part's result stored and loaded again: the same as found in one go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.copies import ALONE, Copies
from eopiez_ray.phases.copies.tables import copies_table
from eopiez_ray.phases.themes import FoundThemes, ThemeOptions, Themes, find_themes
from eopiez_ray.phases.themes.communities import SEEDS
from eopiez_ray.phases.themes.languages import separate
from eopiez_ray.phases.themes.once import find_themes_once
from eopiez_ray.phases.themes.steps import (
    themes_find,
    themes_gather,
    themes_graph,
    themes_near,
    themes_search,
    themes_settle,
)
from eopiez_ray.phases.vectors import neighbours
from eopiez_ray.phases.vectors.neighbours import PARTS, Comparison, nearest_neighbours
from eopiez_ray.phases.vectors.tables import vectors_table
from tests.planted import groups, unit

Floats = npt.NDArray[np.float32]


class Stored:
    """Keeps values as workers do: what is loaded is not what was made, and cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._artifacts = Artifacts(str(folder))

    def __call__(self, value: Any) -> Any:
        return self._artifacts.load(self._artifacts.store(value))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def in_parts(
    stored: Stored, vectors: Floats, languages: list[str], *copies: pa.Table, options: dict[str, Any] | None = None
) -> Themes:
    """The steps of the pipeline, one after the other, with two partitions of documents."""
    half = len(vectors) // 2
    ids = pa.array([f"d{row}" for row in range(len(vectors))])
    tables = [vectors_table(ids[part], vectors[part]) for part in (slice(0, half), slice(half, None))]
    traits = [pa.table({"language": languages[:half]}), pa.table({"language": languages[half:]})]
    subject = stored(themes_gather(tables, traits, *copies, options=options))
    near = [stored(themes_near(part, subject)) for part in range(PARTS)]
    graph = stored(themes_graph(near, subject))
    searches = [stored(themes_search(seed, subject, graph)) for seed in range(SEEDS)]
    found = themes_settle(searches, subject, graph, tables, traits, *copies)
    assert found.equals(themes_find(tables, traits, *copies, options=options), check_metadata=True)
    return Themes.from_table(found)


def cases() -> Iterator[Any]:
    """Vectors, languages and options."""
    planted = groups([80, 40, 30, 12])[0]
    holed = np.concatenate([planted, np.zeros((5, 32), np.float32)])
    yield pytest.param(planted, ["en"] * 162, {}, id="one language")
    yield pytest.param(holed, ["en", "de"] * 83 + ["und"], {}, id="two languages, and documents without words")
    yield pytest.param(planted, ["en"] * 162, {"themes": 3}, id="an exact number")
    yield pytest.param(planted[:3], ["en"] * 3, {}, id="too few to divide")
    yield pytest.param(planted[:1], ["en"], {}, id="one document")
    yield pytest.param(holed[-5:], ["und"] * 5, {}, id="no words at all")
    yield pytest.param(np.zeros((2, 0), np.float32), ["und"] * 2, {}, id="no dimensions")


@pytest.mark.parametrize(("vectors", "languages", "options"), [*cases()])
def test_parts_give_what_the_whole_gives(
    stored: Stored, vectors: Floats, languages: list[str], options: dict[str, Any]
) -> None:
    chosen = ThemeOptions(**options)
    apart = None if chosen.themes else separate(pa.array(languages))
    equal(in_parts(stored, vectors, languages, options=options), find_themes(vectors, chosen, apart))


def equal(themes: Themes, found: FoundThemes) -> None:
    table = themes.assignments
    np.testing.assert_array_equal(table.column("theme").to_numpy(), found.themes)
    np.testing.assert_array_equal(table.column("confidence").to_numpy(), found.confidence)
    np.testing.assert_array_equal(table.column("consistency").to_numpy(), found.consistency)
    np.testing.assert_array_equal(np.stack([table.column("x"), table.column("y")], axis=1), found.positions)
    assert themes.facts == found.facts
    assert themes.exemplars == tuple(tuple(f"d{row}" for row in rows) for rows in found.exemplars)


def test_parts_give_what_the_whole_gives_where_copies_count_once(stored: Stored) -> None:
    vectors = groups([60, 50, 40])[0][np.r_[0:150, 0:30]]
    firsts = np.r_[0:150, 0:30]
    numbers = np.where(np.arange(180) % 150 < 30, np.arange(180) % 150, ALONE)
    copies = Copies(numbers.astype(np.int32), firsts, np.ones(180, np.float32))
    table = copies_table(pa.chunked_array([[f"d{row}" for row in range(180)]]), copies)
    equal(in_parts(stored, vectors, ["en"] * 180, table), find_themes_once(vectors, copies))


def test_more_themes_than_documents_are_refused_before_the_search(stored: Stored) -> None:
    with pytest.raises(ParameterError, match="only 162 documents have words"):
        in_parts(stored, groups([80, 40, 30, 12])[0], ["en"] * 162, options={"themes": 500})


@pytest.mark.parametrize("limit", [0, 5_000], ids=["inverted file", "every pair"])
@pytest.mark.parametrize("n", [1, 2, 40, 3_000])
@pytest.mark.parametrize("parts", [1, 3, PARTS])
def test_each_row_is_in_one_part(limit: int, n: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 16)
    vectors = unit(n, 16)
    comparison = Comparison.of(vectors, 5, limit)
    found = [comparison.part(vectors, number, parts) for number in range(parts)]
    assert sorted(np.concatenate([part.rows for part in found]).tolist()) == list(range(n))
    whole = nearest_neighbours(vectors, 5, exact_limit=limit)
    np.testing.assert_array_equal(comparison.joined(reversed(found)).indices, whole.indices)
