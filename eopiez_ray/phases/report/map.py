"""The map of documents as the page carries it: a sample of points, packed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

MOST_POINTS = 20_000
"""Points that the page holds at most: about 2 MB with their titles."""
_GRID = 65_535


@dataclass(frozen=True, slots=True)
class Map:
    """Points of documents."""

    documents: int
    """In the collection; more than points if they are a sample."""
    x: Floats
    y: Floats
    """Places in [0, 1], ``(n,)`` each."""
    themes: npt.NDArray[np.int32]
    titles: tuple[str, ...]

    @property
    def is_sample(self) -> bool:
        return len(self.themes) < self.documents

    def to_value(self) -> dict[str, Any]:
        """As JSON values: little-endian 16-bit numbers in base64; the theme -1 is 65,535."""
        return {
            "x": _packed(np.clip(np.nan_to_num(self.x), 0, 1) * _GRID),
            "y": _packed(np.clip(np.nan_to_num(self.y), 0, 1) * _GRID),
            "themes": _packed(np.where(self.themes < 0, _GRID, self.themes)),
            "titles": "\n".join(self.titles),
        }


def sample_positions(documents: int) -> Positions:
    """Sorted positions of the documents on the map: all of them, or the same random ones every time."""
    if documents <= MOST_POINTS:
        return np.arange(documents, dtype=np.int64)
    return np.sort(np.random.default_rng(0).choice(documents, MOST_POINTS, replace=False))


def _packed(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.round(values).astype("<u2").tobytes()).decode()
