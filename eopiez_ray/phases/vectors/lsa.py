"""Latent semantic analysis: the leading right singular vectors of a tf-idf matrix (Deerwester et al. 1990)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

Floats = npt.NDArray[np.float32]

OVERSAMPLING = 16
POWER_ITERATIONS = 3


def term_directions(tfidf: sparse.csr_matrix, dimensions: int, seed: int = 0) -> tuple[Floats, Floats]:
    """The leading ``dimensions`` right singular vectors ``(n_terms, d)`` and singular values ``(d,)``.

    Randomized subspace iteration (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1) with a fixed seed and
    fixed signs (the largest entry of each vector is positive). ``d`` is smaller than asked where the matrix is.
    """
    n, m = tfidf.shape
    width = min(dimensions + OVERSAMPLING, n, m)
    if width == 0:
        return np.zeros((m, 0), np.float32), np.zeros(0, np.float32)
    transposed = tfidf.T.tocsr()
    basis = np.random.default_rng(seed).standard_normal((m, width), dtype=np.float32)
    for _ in range(POWER_ITERATIONS):
        rows = _orthonormal(np.asarray(tfidf @ basis))
        basis = _orthonormal(np.asarray(transposed @ rows))
    small = np.asarray(tfidf @ basis)
    values, vectors = np.linalg.eigh(small.T.astype(np.float64) @ small)
    order = np.argsort(-values)[: min(dimensions, width)]
    singular = np.sqrt(np.maximum(values[order], 0))
    order, singular = order[singular > 1e-6], singular[singular > 1e-6]
    directions = basis @ vectors[:, order].astype(np.float32)
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    return (directions * signs).astype(np.float32), singular.astype(np.float32)


def _orthonormal(matrix: Floats) -> Floats:
    """An orthonormal basis of the columns' span."""
    q: Floats = linalg.qr(matrix, mode="economic", overwrite_a=True, check_finite=False)[0]
    return q
