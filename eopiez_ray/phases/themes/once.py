"""Themes in which each group of near-copies counts as one document."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eopiez_ray.phases.copies import Copies
from eopiez_ray.phases.themes.finding import Floats, FoundThemes, Groups, ThemeOptions, find_themes


def find_themes_once(
    vectors: Floats, copies: Copies, options: ThemeOptions | None = None, groups: Groups | None = None
) -> FoundThemes:
    """As ``find_themes``, but only the first document of each group is looked at; the others go where it goes."""
    kept = np.flatnonzero(copies.firsts == np.arange(len(vectors)))
    found = find_themes(vectors[kept], options, None if groups is None else groups[kept])
    place = np.searchsorted(kept, copies.firsts)
    return replace(
        found,
        themes=found.themes[place],
        confidence=found.confidence[place],
        seconds=found.seconds[place],
        second_confidence=found.second_confidence[place],
        outliers=found.outliers[place],
        consistency=found.consistency[place],
        positions=found.positions[place],
        exemplars=tuple(tuple(kept[list(rows)].tolist()) for rows in found.exemplars),
    )
