"""How surely a document belongs to its theme, where else it could belong, and whether it belongs anywhere.

A document belongs to each theme by the share of its weight in the graph that goes there. Its own theme is where both
its neighbours and its vector point (``communities``), which is nearly always the one with the greatest share.

An outlier is a document that is much less similar to its nearest neighbours than others are to theirs: the modified
z-score of that similarity, 0.6745 (x - median) / MAD, is below -3.5 (Iglewicz and Hoaglin 1993, section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.themes.communities import Labels
from eopiez_ray.phases.themes.hierarchy import membership

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

NOWHERE = -1
"""The second theme of a document all of whose weight goes to its own."""
LOWEST = -3.5
"""Modified z-score of a document that is no outlier, at least."""
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where ``n`` documents belong."""

    confidence: Floats
    """``(n,)`` in [0, 1]: the share of the weight that goes to the document's own theme; 1 without edges."""
    seconds: npt.NDArray[np.int32]
    """``(n,)``: the theme with the greatest share of all others, or ``NOWHERE``."""
    second_confidence: Floats
    """``(n,)`` in [0, 1]: that share."""


def belonging(graph: sparse.csr_matrix, labels: Labels) -> Belonging:
    """Where documents belong, by a symmetric graph of non-negative weights ``(n, n)`` and their themes ``(n,)``."""
    weight = np.asarray(graph.sum(axis=1)).ravel()
    scale = sparse.diags(np.divide(1, weight, out=np.zeros(len(labels)), where=weight > 0))
    own = membership(labels).astype(np.float64)
    shares = sparse.csr_matrix(scale @ graph @ own)
    inside = np.asarray(shares.multiply(own).sum(axis=1)).ravel()
    others = sparse.csr_matrix(shares - shares.multiply(own))
    second = others.max(axis=1).toarray().ravel() if others.shape[1] else np.zeros(len(labels))
    places = np.asarray(others.argmax(axis=1)).ravel() if others.shape[1] else np.zeros(len(labels), np.int64)
    return Belonging(
        np.where(weight > 0, inside, 1).astype(np.float32),
        np.where(second > 0, places, NOWHERE).astype(np.int32),
        second.astype(np.float32),
    )


def are_outliers(similarities: Floats) -> Mask:
    """Which documents are outliers, by their mean similarity to their neighbours, ``(n,)``."""
    if not len(similarities):
        return np.zeros(0, np.bool_)
    apart = similarities - np.median(similarities)
    deviation = max(float(np.median(np.abs(apart))), LEAST_DEVIATION)
    found: Mask = 0.6745 * apart / deviation < LOWEST
    return found
