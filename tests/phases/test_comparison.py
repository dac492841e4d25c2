"""Two runs beside each other: which documents and themes are the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.phases.comparison import Change, Comparison, GroupKind, MatchedBy, Pairing, Side, compare
from eopiez_ray.phases.comparison.matching import similarities

TEXTS = st.lists(st.integers(0, 5), max_size=12)


def digests(texts: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """Digests of texts that are numbers; half of them share their first word."""
    return np.array([(number // 2, number) for number in texts], np.uint64).reshape(-1, 2)


def side(themes: list[int], *words: str) -> Side:
    """A run of documents with these themes, which have these words each."""
    labels = np.array(themes, np.int32)
    sizes = np.bincount(labels[labels >= 0], minlength=len(words)).tolist()
    return Side(labels, sizes, [dict.fromkeys(each.split(), 1.0) for each in words])


def compared(before: list[int], after: list[int], words: tuple[int, int] = (3, 3)) -> Comparison:
    """The same documents in two runs, with these themes."""
    same = digests(list(range(len(before))))
    one, other = side(before, *["word"] * words[0]), side(after, *["word"] * words[1])
    return compare(one, other, Pairing.of(same, same))


def kinds(found: Comparison) -> list[tuple[GroupKind, tuple[int, ...], tuple[int, ...]]]:
    return [(group.kind, group.before, group.after) for group in found.groups]


@given(TEXTS, TEXTS)
def test_each_text_is_paired_as_often_as_both_have_it(before: list[int], after: list[int]) -> None:
    found = Pairing.of(digests(before), digests(after))
    pairs = list(zip(found.before.tolist(), found.after.tolist(), strict=True))
    assert all(before[one] == after[other] for one, other in pairs)
    assert Counter(before[one] for one, _ in pairs) == Counter(before) & Counter(after)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    assert sorted([*found.before, *found.alone_before()]) == list(range(len(before)))
    assert sorted([*found.after, *found.alone_after()]) == list(range(len(after)))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 2), st.integers(-1, 2)), max_size=20), TEXTS)
def test_what_became_of_documents_adds_up(documents: list[tuple[int, int, int]], more: list[int]) -> None:
    before, after = [one for _, one, _ in documents], [other for _, _, other in documents] + [0] * len(more)
    sides = side(before, "a", "b", "c"), side(after, "a", "b", "c")
    texts = [text for text, _, _ in documents]
    found = compare(*sides, Pairing.of(digests(texts), digests(texts + more)))
    rows = {change: found.rows(change, sides[0].themes, sides[1].themes) for change in Change}
    assert len(rows[Change.STAYED]) + len(rows[Change.MOVED]) == found.common
    assert len(rows[Change.MOVED]) == found.moved == sum(move.documents for move in found.moves)
    assert len(rows[Change.GONE]) == found.documents_before - found.common
    assert len(rows[Change.NEW]) == found.documents_after - found.common
    for group in found.groups:
        assert group.stayed + group.left + group.gone == group.documents_before
        assert group.stayed + group.joined + group.new == group.documents_after
    assert sorted(each for group in found.groups for each in group.before) == [0, 1, 2]
    assert sorted(each for group in found.groups for each in group.after) == [0, 1, 2]


def test_themes_are_kept_whatever_their_numbers() -> None:
    found = compared([0] * 5 + [1] * 4 + [2] * 3, [2] * 5 + [0] * 4 + [1] * 3)
    assert kinds(found) == [(GroupKind.KEPT, (0,), (2,)), (GroupKind.KEPT, (1,), (0,)), (GroupKind.KEPT, (2,), (1,))]
    assert (found.matched_by, found.moved) == (MatchedBy.DOCUMENTS, 0)


def test_a_theme_is_split_although_no_part_has_most_of_it() -> None:
    found = compared([0] * 9, [0] * 3 + [1] * 3 + [2] * 3, (1, 3))
    assert kinds(found) == [(GroupKind.SPLIT, (0,), (0, 1, 2))]


def test_themes_are_merged_and_one_document_goes_elsewhere() -> None:
    found = compared([0] * 4 + [1] * 4 + [2] * 4, [0] * 8 + [1] * 3 + [0], (3, 2))
    assert kinds(found) == [(GroupKind.MERGED, (0, 1), (0,)), (GroupKind.KEPT, (2,), (1,))]
    assert [(move.before, move.after, move.documents) for move in found.moves] == [(2, 0, 1)]
    assert [(group.left, group.joined) for group in found.groups] == [(0, 1), (1, 0)]


def test_a_theme_without_a_successor_is_gone_and_one_without_a_predecessor_is_new() -> None:
    found = compared([0] * 4 + [-1] * 4, [-1] * 4 + [0] * 4, (1, 1))
    assert kinds(found) == [(GroupKind.NEW, (), (0,)), (GroupKind.GONE, (0,), ())]
    assert {(move.before, move.after, move.documents) for move in found.moves} == {(0, -1, 4), (-1, 0, 4)}


def test_runs_of_other_documents_are_matched_by_words() -> None:
    before, after = (
        side([0] * 3 + [1] * 3, "oil price market", "goal match"),
        side([0] * 2 + [1] * 2, "Match goal", "stars"),
    )
    found = compare(before, after, Pairing.of(digests([*range(6)]), digests([*range(5, 9)])))
    assert found.matched_by is MatchedBy.WORDS
    assert kinds(found) == [
        (GroupKind.KEPT, (1,), (0,)), (GroupKind.NEW, (), (1,)), (GroupKind.GONE, (0,), ()),
    ]  # fmt: skip
    assert found.groups[0].similarity == pytest.approx(1)


def test_what_to_match_by_can_be_chosen() -> None:
    one, other = side([0, 0], "oil"), side([0, 0], "music")
    same = Pairing.of(digests([1, 2]), digests([1, 2]))
    assert kinds(compare(one, other, same)) == [(GroupKind.KEPT, (0,), (0,))]
    assert [kind for kind, *_ in kinds(compare(one, other, same, MatchedBy.WORDS))] == [GroupKind.NEW, GroupKind.GONE]


def test_runs_without_documents_or_themes_are_compared() -> None:
    nothing = side([])
    assert kinds(compare(nothing, nothing, Pairing.of(digests([]), digests([])))) == []
    assert kinds(compare(nothing, side([0], "a"), Pairing.of(digests([]), digests([1])))) == [(GroupKind.NEW, (), (0,))]
    assert similarities([{}], [{"a": 1.0}]).tolist() == [[0.0]]
