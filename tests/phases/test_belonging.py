"""Where documents belong, by the definitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from eopiez_ray.phases.themes import find_themes
from eopiez_ray.phases.themes.belonging import NOWHERE, are_outliers, belonging


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 999))
def test_shares_of_weight_are_those_of_the_definition(n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = np.triu(random.integers(0, 3, (n, n)), 1).astype(float)
    weights += weights.T
    labels = random.integers(0, k, n)
    found = belonging(sparse.csr_matrix(weights), labels)
    for row in range(n):
        shares = [weights[row, labels == theme].sum() for theme in range(k)]
        total, own = sum(shares), shares[labels[row]]
        others = [share for theme, share in enumerate(shares) if theme != labels[row]]
        assert np.isclose(found.confidence[row], own / total if total else 1)
        best = max(others, default=0) / total if total else 0
        assert np.isclose(found.second_confidence[row], best)
        if best:
            assert np.isclose(shares[found.seconds[row]] / total, best)
            assert found.seconds[row] != labels[row]
        else:
            assert found.seconds[row] == NOWHERE


def test_what_is_unlike_all_others_is_an_outlier() -> None:
    similar = np.random.default_rng(0).normal(0.7, 0.05, 1_000)
    assert are_outliers(np.append(similar, [0.1, 0.2]).astype(np.float32))[-2:].all()
    assert are_outliers(similar.astype(np.float32)).mean() < 0.01
    assert not are_outliers(np.ones(5, np.float32)).any()


def test_strays_among_clear_themes_are_found() -> None:
    random = np.random.default_rng(1)
    centres = np.linalg.qr(random.normal(size=(64, 64)))[0][:4]
    around = np.repeat(centres, 60, axis=0) + 0.07 * random.normal(size=(240, 64))
    strays = random.normal(size=(3, 64))
    rows = np.vstack([around, strays]).astype(np.float32)
    found = find_themes(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    assert found.outliers[-3:].all()
    assert found.outliers[:240].mean() < 0.05
    assert found.confidence[:240].mean() > 0.9
