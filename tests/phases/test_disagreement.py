"""Where neighbouring documents disagree: the same numbers as when all edges are measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from eopiez_ray.phases.themes.disagreement import disagreements
from eopiez_ray.phases.themes.documents import NEIGHBOURHOOD, document_sheaf
from eopiez_ray.phases.vectors.neighbours import nearest_neighbours

Floats = npt.NDArray[np.float32]


def documents(n: int, seed: int = 3) -> Floats:
    """Vectors around four directions."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(4, 20))[random.integers(0, 4, n)] + 0.6 * random.normal(size=(n, 20))
    unit: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_edges_are_measured_as_all_of_them_were(size: int) -> None:
    vectors = documents(200)

    def batches() -> Iterator[Floats]:
        return (vectors[start : start + size] for start in range(0, len(vectors), size))

    near = nearest_neighbours(vectors, NEIGHBOURHOOD)
    sheaf, cochain = document_sheaf(vectors, near)
    edges = dict(zip(map(tuple, sheaf.edges.tolist()), sheaf.consistency(cochain).tolist(), strict=True))
    suspects = np.array([5, 17, 80, 199])
    found = disagreements(batches, suspects)
    for each in found:
        assert each.consistency == pytest.approx(
            edges[min(each.first, each.second), max(each.first, each.second)], abs=1e-4
        )
        assert each.similarity == pytest.approx(float(vectors[each.first] @ vectors[each.second]), abs=1e-5)
        assert 0 <= each.overlap <= 1.0001
    for suspect in suspects.tolist():
        least = min(edges[min(suspect, other), max(suspect, other)] for other in near.indices[suspect].tolist())
        assert min(each.consistency for each in found if suspect in (each.first, each.second)) <= least + 1e-4
    assert [each.consistency for each in found] == sorted(each.consistency for each in found)


def test_documents_without_words_are_nobodys_neighbours() -> None:
    vectors = documents(12)
    vectors[[1, 4]] = 0
    found = disagreements(lambda: [vectors], np.array([0, 2]))
    assert not {1, 4} & {row for each in found for row in (each.first, each.second)}


def test_few_documents_have_few_neighbours() -> None:
    pair = documents(2)
    assert len(disagreements(lambda: [pair], np.array([0, 1]))) == 1
    assert disagreements(lambda: [pair[:1]], np.array([0])) == []
    assert disagreements(lambda: [pair], np.array([], np.int64)) == []
