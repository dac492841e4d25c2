"""Languages of themes: who is looked at together, and what a theme is written in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from eopiez_ray.phases.themes import Themes, find_themes
from eopiez_ray.phases.themes.languages import languages_of_themes, separate


def codes(**documents: int) -> pa.StringArray:
    return pa.array([code for code, times in documents.items() for _ in range(times)], pa.string())


def test_frequent_languages_are_apart_and_all_others_go_with_the_most_frequent() -> None:
    groups = separate(codes(de=300, en=500, fi=49, und=100, fr=60))
    assert np.bincount(groups).tolist() == [500 + 49 + 100, 300, 60]
    assert groups[0] == 1
    assert np.bincount(separate(codes(en=2_000, fr=60))).tolist() == [2_060]
    assert separate(codes(und=5)).tolist() == [0] * 5


def test_a_theme_has_the_language_of_most_of_its_documents() -> None:
    languages = codes(en=8, de=2, es=3, und=7)
    themes = np.array([0] * 10 + [1, 1, 1, 1, 1] + [2] * 4 + [-1])
    assert languages_of_themes(languages, themes, 3) == ("en", "es", "und")
    mixed = np.array([0] * 8 + [0] * 2 + [0] + [1] * 8 + [-1])
    assert languages_of_themes(languages, mixed, 2) == ("mul", "es")


def test_the_languages_of_themes_survive_their_table() -> None:
    vectors = np.eye(8, dtype=np.float32)[np.repeat([0, 1], 40)]
    ids = pa.array([f"d{i}" for i in range(80)])
    themes = Themes.of(ids, find_themes(vectors), codes(en=40, nl=40))
    assert sorted(themes.languages) == ["en", "nl"]
    assert Themes.from_table(themes.to_table()).languages == themes.languages
