"""Vectors in planted groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def unit(n: int, d: int, seed: int = 0) -> Floats:
    """Random vectors of length 1, ``(n, d)``."""
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled


def groups(sizes: list[int], d: int = 32, spread: float = 0.6, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Vectors around as many centres, and which centre each is around."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rows = unit(len(sizes), d, seed)[labels] + spread * unit(len(labels), d, seed + 1)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels
