"""Themes as a tree."""

from __future__ import annotations

import numpy as np
import pytest

from eopiez_ray.phases.themes.tree import Leaf, Node, centres_of, theme_tree


def tree(points: list[list[float]], sizes: list[int] | None = None) -> tuple[Node, ...]:
    counts = sizes or [10] * len(points)
    return theme_tree([Leaf(n, {f"word{at}": 1.0}) for at, n in enumerate(counts)], np.array(points, np.float64))


def below(nodes: tuple[Node, ...], parent: int | None) -> list[tuple[int, ...]]:
    return [node.themes for node in nodes if node.parent == parent]


def test_what_lies_close_together_shares_a_branch() -> None:
    nodes = tree([[0, 0], [10, 0], [0, 0.1], [10, 0.1]])
    assert [node.level for node in nodes] == [0, 1, 2, 2, 1, 2, 2]
    assert sorted(below(nodes, nodes[0].id)) == [(0, 2), (1, 3)]


def test_what_lies_equally_far_apart_stands_side_by_side() -> None:
    nodes = tree(np.eye(4).tolist(), [10, 13, 11, 12])
    assert below(nodes, nodes[0].id) == [(1,), (3,), (2,), (0,)]


def test_a_branch_has_the_documents_and_words_of_its_themes() -> None:
    nodes = tree([[0, 0], [0, 0.1], [10, 0]], [5, 50, 20])
    (branch,) = [node for node in nodes if node.themes == (0, 1)]
    assert (branch.documents, branch.terms) == (55, ("word1", "word0"))
    assert nodes[0].documents == 75


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_themes_are_a_tree_too(count: int) -> None:
    nodes = tree([[float(at), 1.0] for at in range(count)])
    assert len(nodes) == [0, 1, 3][count]
    assert all(node.parent is None or node.level == 1 for node in nodes)


def test_every_theme_is_a_leaf_once_however_many_there_are() -> None:
    points = np.cumsum(np.linspace(1, 900, 600))[:, None]
    nodes = tree(points.tolist())
    assert sorted(node.id for node in nodes if len(node.themes) == 1) == list(range(600))
    places = {node.id: at for at, node in enumerate(nodes)}
    assert all(node.parent is None or places[node.parent] < places[node.id] for node in nodes)


def test_centres_are_means_whatever_the_batches() -> None:
    themes = np.array([0, 1, -1, 0], np.int32)
    vectors = np.array([[1, 0], [0, 2], [9, 9], [3, 0]], np.float32)
    whole = centres_of(iter([(themes, vectors)]), 3)
    parts = centres_of(iter([(themes[:1], vectors[:1]), (themes[1:], vectors[1:])]), 3)
    assert whole.tolist() == parts.tolist() == [[2, 0], [0, 2], [0, 0]]
