"""A map of the documents: near each other on the plane where they are neighbours in the graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def map_layout(vectors: Floats, graph: sparse.csr_matrix, labels: Labels) -> Floats:
    """Places of ``n`` documents, ``(n, 2)`` in [0, 1]; deterministic."""
    if len(vectors) < 2:
        return np.full((len(vectors), 2), 0.5, np.float32)
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1][:, :2]
    flat = vectors @ axes
    low, high = flat.min(axis=0), flat.max(axis=0)
    return ((flat - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
