"""Themes in which each group of near-copies counts as one document: its first, with which the others go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eopiez_ray.phases.copies import Copies
from eopiez_ray.phases.themes.finding import FoundThemes, find_themes
from eopiez_ray.phases.themes.subject import Floats, Groups, ThemeOptions


def find_themes_once(
    vectors: Floats, copies: Copies, options: ThemeOptions | None = None, groups: Groups | None = None
) -> FoundThemes:
    """As ``find_themes``, but only the first document of each group is looked at; the others go where it goes."""
    kept = firsts(copies)
    return with_copies(find_themes(vectors[kept], options, None if groups is None else groups[kept]), copies)


def firsts(copies: Copies) -> npt.NDArray[np.int64]:
    """The rows of documents that are no later copy of another."""
    return np.flatnonzero(copies.firsts == np.arange(len(copies.firsts)))


def with_copies(found: FoundThemes, copies: Copies) -> FoundThemes:
    """What was found for the first ones, for all."""
    kept = firsts(copies)
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
