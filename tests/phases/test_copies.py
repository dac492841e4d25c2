"""Near-copies: signatures against Jaccard's index by its definition, and groups against the components of its graph."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.copies import ALONE, group, join, sign
from eopiez_ray.phases.copies.signatures import HASHES
from eopiez_ray.phases.text import tokenize

WORDS = [f"word{number}" for number in range(3000)]


def tokens_of(texts: Sequence[str]) -> pa.Table:
    ids = [str(number) for number in range(len(texts))]
    return tokenize(pa.table({"document_id": ids, "text": pa.array(texts, pa.string())}))


def shingles(text: str) -> set[tuple[str, ...]]:
    """By the definition."""
    words = text.split()
    return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}


def jaccard(first: str, second: str) -> float:
    one, other = shingles(first), shingles(second)
    return len(one & other) / len(one | other)


def changed(text: str, share: float, rng: random.Random) -> str:
    """The text with a share of its words replaced."""
    return " ".join(rng.choice(WORDS) if rng.random() < share else word for word in text.split())


def written(rng: random.Random, words: int = 120) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def test_the_estimate_is_jaccards_index_within_its_standard_error() -> None:
    rng = random.Random(1)
    originals = [written(rng) for _ in range(200)]
    copies = [changed(text, rng.choice([0, 0.01, 0.03, 0.1, 0.3]), rng) for text in originals]
    signatures = sign(tokens_of(originals + copies))
    estimated = signatures.resemblance(np.arange(200), np.arange(200, 400))
    true = np.array([jaccard(*pair) for pair in zip(originals, copies, strict=True)])
    deviation = np.sqrt(true * (1 - true) / HASHES)
    assert np.abs(estimated - true).max() <= 4.5 * deviation.max()
    assert abs((estimated - true).mean()) < 3 * deviation.mean() / np.sqrt(200)
    assert (estimated[true == 1] == 1).all()


def test_texts_with_nothing_in_common_do_not_resemble() -> None:
    rng = random.Random(2)
    signatures = sign(tokens_of([written(rng) for _ in range(60)]))
    pairs = np.array([*combinations(range(60), 2)])
    assert signatures.resemblance(*pairs.T).max() < 0.15


def test_groups_are_the_components_of_the_graph_of_resemblance() -> None:
    rng = random.Random(3)
    texts: list[str] = []
    for size in (1, 1, 2, 3, 5, 8):
        original = written(rng)
        texts += [original, *(changed(original, 0.01, rng) for _ in range(size - 1))]
    order = rng.sample(range(len(texts)), len(texts))
    found = group(sign(tokens_of([texts[at] for at in order])), 0.6)
    family = np.repeat(np.arange(6), (1, 1, 2, 3, 5, 8))[order]
    assert found.n_groups == 4
    assert [int((found.groups == number).sum()) for number in range(4)] == [8, 5, 3, 2]
    assert found.repeated == 7 + 4 + 2 + 1
    for member in range(len(texts)):
        same = np.flatnonzero(family == family[member])
        assert (found.groups[same] == found.groups[member]).all()
        assert found.firsts[member] == same[0]
        assert found.resemblance[member] >= (1 if member == same[0] else 0.6)


def test_a_chain_of_small_changes_is_one_group() -> None:
    rng = random.Random(4)
    texts = [written(rng)]
    for _ in range(12):
        texts.append(changed(texts[-1], 0.02, rng))
    assert jaccard(texts[0], texts[-1]) < 0.6
    assert group(sign(tokens_of(texts)), 0.7).n_groups == 1


@pytest.mark.parametrize("text", ["", " \n", "…", "don't", "no comment", "do not know", "four words and more"])
def test_short_texts_are_copies_of_equal_ones_only(text: str) -> None:
    others = ["yes", "yes it is", "something else entirely"]
    found = group(sign(tokens_of([*others, text, text])), 0.8)
    expected = ALONE if not any(map(str.isalnum, text)) else 0
    assert found.groups.tolist() == [ALONE] * 3 + [expected] * 2


def test_the_order_of_words_counts() -> None:
    found = group(sign(tokens_of(["the dog bites the man today", "today the man bites the dog"])), 0.5)
    assert found.n_groups == 0


def test_partitions_make_no_difference() -> None:
    rng = random.Random(5)
    texts = [written(rng, rng.randrange(0, 20)) for _ in range(50)] + ["", "again and again"]
    whole = sign(tokens_of(texts))
    parts = join(sign(tokens_of(texts[start : start + 7])) for start in range(0, len(texts), 7))
    assert np.array_equal(whole.minima, parts.minima)
    assert np.array_equal(whole.bands, parts.bands)
    assert np.array_equal(whole.has_words, parts.has_words)


def test_a_slice_of_a_table_is_signed_like_the_table() -> None:
    table = tokens_of(["one two three four", "five six seven eight nine", "ten"])
    assert np.array_equal(sign(table.slice(1)).minima, sign(table).minima[1:])


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_nothing_is_in_no_group(texts: list[str]) -> None:
    found = group(join([sign(tokens_of(texts))]), 0.8)
    assert (found.n_groups, found.repeated, len(found.groups)) == (0, 0, len(texts))


@pytest.mark.parametrize("least", [0, -1, 1.01, float("nan")])
def test_a_share_out_of_range_is_refused(least: float) -> None:
    with pytest.raises(ParameterError, match="near_copies is"):
        group(sign(tokens_of(["a"])), least)
