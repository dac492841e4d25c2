"""Groups of near-copies: documents that resemble each other, directly or over others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.copies.signatures import Positions, Signatures

ALONE = -1
"""The group of a document that resembles no other."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Which of ``n`` documents are near-copies of one another."""

    groups: npt.NDArray[np.int32]
    """``(n,)``: groups numbered from the largest; ``ALONE`` for a document that is in none."""
    firsts: Positions
    """``(n,)``: the first document of its group; a document in no group is its own."""
    resemblance: npt.NDArray[np.float32]
    """``(n,)`` in [0, 1]: to the first document of the group, estimated; 1 for itself."""

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return int(self.groups.max(initial=ALONE)) + 1

    @property
    def repeated(self) -> int:
        """Documents that are near-copies of an earlier one."""
        return int((self.groups != ALONE).sum()) - self.n_groups


def group(signatures: Signatures, least: float) -> Copies:
    """The groups of documents that are linked by an estimated Jaccard index of at least ``least``.

    Of all documents that share a band, each is compared with the first and with the one before it.

    Raises:
        ParameterError: ``least`` is not in (0, 1].
    """
    if not 0 < least <= 1:
        raise ParameterError(f"near_copies is {least}; it must be above 0 and at most 1")
    n = len(signatures)
    links = [pairs[signatures.resemblance(*pairs.T) >= least] for pairs in _candidates(signatures)]
    first, second = np.concatenate([np.zeros((0, 2), np.int64), *links]).T
    graph = sparse.coo_matrix((np.ones(len(first), np.bool_), (first, second)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, firsts, inverse, sizes = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((firsts, -sizes))
    numbers = np.full(len(sizes), ALONE, np.int32)
    several = order[sizes[order] > 1]
    numbers[several] = np.arange(len(several))
    origin = firsts[inverse]
    resemblance = signatures.resemblance(np.arange(n), origin)
    return Copies(numbers[inverse], origin, np.where(origin == np.arange(n), 1, resemblance).astype(np.float32))


def _candidates(signatures: Signatures) -> Iterator[npt.NDArray[np.int64]]:
    """Distinct pairs of documents that share a band, ``(m, 2)``, band by band."""
    worded = np.flatnonzero(signatures.has_words)
    for band in signatures.bands[worded].T:
        order = np.argsort(band, kind="stable")
        is_same = np.append(False, band[order[1:]] == band[order[:-1]])[: len(order)]
        begins = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(order))))
        later = np.flatnonzero(is_same)
        pairs = np.concatenate([
            np.column_stack([order[begins[later]], order[later]]),
            np.column_stack([order[later - 1], order[later]]),
        ])  # fmt: skip
        yield worded[np.unique(pairs, axis=0)]
