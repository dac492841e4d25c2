"""The languages of themes: which documents are looked at together, and in which language each theme is written."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.languages.identification import UNDETERMINED

APART = 0.05
"""Share of all documents from which those in a language have themes of their own."""
LEAST = 50
"""Documents in a language that has."""
MOSTLY = 0.8
"""Share of a theme's documents, of those whose language is known, from which it is the theme's language."""
MULTIPLE = "mul"
"""BCP 47's code of several languages."""


def separate(languages: pa.StringArray) -> npt.NDArray[np.int64]:
    """A group for each document ``(n,)``, by its language; 0 is the most frequent one.

    Rare languages and documents whose language cannot be told go with the most frequent one.
    """
    sizes = Counter(languages.to_pylist())
    del sizes[UNDETERMINED]
    ranked = sorted(sizes, key=lambda code: (-sizes[code], code))
    apart = [code for code in ranked if sizes[code] >= max(LEAST, APART * len(languages))]
    found = pc.fill_null(pc.index_in(languages, pa.array(apart, pa.string())), 0)
    groups: npt.NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return groups


def languages_of_themes(languages: pa.StringArray, themes: npt.NDArray[np.integer], n_themes: int) -> tuple[str, ...]:
    """The language of each theme, ``mul`` where there are several, ``und`` where none can be told.

    Args:
        languages: of the documents, ``(n,)``.
        themes: of the documents, ``(n,)``.
        n_themes: how many themes there are.
    """
    by_theme: list[Counter[str]] = [Counter() for _ in range(n_themes)]
    for theme, code in zip(themes.tolist(), languages.to_pylist(), strict=True):
        if theme >= 0 and code != UNDETERMINED:
            by_theme[theme][code] += 1
    return tuple(map(_language, by_theme))


def _language(sizes: Counter[str]) -> str:
    if not sizes:
        return UNDETERMINED
    code, documents = min(sizes.items(), key=lambda item: (-item[1], item[0]))
    return code if documents >= MOSTLY * sizes.total() else MULTIPLE
