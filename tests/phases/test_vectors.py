"""Vectors: as defined, as other libraries have them, and near what they mean."""

from __future__ import annotations

import pickle
import time

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.feature_extraction.text import TfidfVectorizer

from eopiez_ray.errors import ArtifactError, ContractError, ParameterError
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.vectors import (
    Provider,
    VectorIndex,
    VectorModel,
    build_index,
    fit,
    gather_vectors,
    nearest_neighbours,
    sketch,
    vectors_of,
    vectors_table,
)
from eopiez_ray.phases.vectors.lsa import term_directions
from eopiez_ray.phases.vectors.neighbours import top_k
from eopiez_ray.phases.vectors.terms import (
    count_matrix,
    count_terms,
    merge_counts,
    restrict,
    select_vocabulary,
    weigh,
)

Floats = npt.NDArray[np.float32]

TOPICS = {
    "space": "the rocket reached orbit and the astronauts saw the moon from their capsule",
    "music": "the orchestra played a symphony and the violin sang above the piano",
    "money": "the bank raised interest rates and shares on the market lost value",
}


def tokens(texts: list[str]) -> pa.Table:
    return tokenize(
        pa.table({"document_id": [f"d{i}" for i in range(len(texts))], "text": pa.array(texts, pa.string())})
    )


def model(texts: list[str], provider: Provider = "hybrid", parts: int = 1) -> VectorModel:
    size = max(1, -(-len(texts) // parts))
    return fit([sketch(tokens(texts[i : i + size])) for i in range(0, max(1, len(texts)), size)], provider=provider)


def topical(n: int) -> list[str]:
    return [f"{text} {i}" for i in range(n) for text in TOPICS.values()]


def unit(n: int, d: int, seed: int = 0) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def clustered(n: int, d: int, groups: int, seed: int = 0) -> Floats:
    random = np.random.default_rng(seed)
    rows = unit(groups, d, seed)[random.integers(0, groups, n)] + 0.5 * unit(n, d, seed + 1)
    scaled: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def ids(n: int) -> pa.StringArray:
    return pa.array([f"d{i}" for i in range(n)])


@pytest.mark.parametrize("provider", ["static", "lsa", "hybrid"])
def test_documents_of_one_topic_are_nearer_than_others(provider: Provider) -> None:
    texts = topical(20)
    vectors = model(texts, provider).embed(tokens(texts))
    cosines = vectors @ vectors.T
    assert cosines[0, 3] > max(cosines[0, 1], cosines[0, 2]) + 0.3


@pytest.mark.parametrize("provider", ["static", "lsa", "hybrid"])
@pytest.mark.parametrize("texts", [[], [""], ["one"], ["!!!", "..."], ["same words"] * 4, ["北京大学", "ไทย"]])
def test_odd_collections_have_vectors_of_length_one_or_zero(provider: Provider, texts: list[str]) -> None:
    vectors = model(texts, provider).embed(tokens(texts))
    lengths = np.linalg.norm(vectors, axis=1)
    assert len(vectors) == len(texts)
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))


@pytest.mark.parametrize("provider", ["static", "lsa", "hybrid"])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_copies_of_one_document_have_one_vector(provider: Provider, n: int) -> None:
    texts = [TOPICS["space"]] * n
    vectors = model(texts, provider).embed(tokens(texts))
    np.testing.assert_allclose(vectors @ vectors.T, 1, atol=1e-5)


def test_a_model_does_not_depend_on_the_partitions() -> None:
    texts = topical(30)
    one, many = (model(texts, parts=parts).embed(tokens(texts)) for parts in (1, 7))
    np.testing.assert_allclose(one @ one.T, many @ many.T, atol=1e-3)


def test_a_query_finds_its_topic() -> None:
    texts = topical(10)
    fitted = model(texts)
    query = fitted.embed_texts(["astronauts on the moon"])[0]
    assert int((fitted.embed(tokens(texts)) @ query).argmax()) % 3 == 0


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(ParameterError, match="static, lsa, hybrid"):
        fit([], provider="word2vec")  # type: ignore[arg-type]


def test_tf_idf_is_that_of_scikit_learn() -> None:
    texts = topical(4)
    counts, terms = count_matrix(tokens(texts))
    vocabulary = select_vocabulary(count_terms(counts, terms), min_df=1, max_df=1.0)
    ours = weigh(restrict(counts, terms, vocabulary), vocabulary).toarray()
    theirs = TfidfVectorizer(analyzer=str.split, sublinear_tf=True, vocabulary=vocabulary.terms.to_pylist())
    np.testing.assert_allclose(ours, theirs.fit_transform(texts).toarray(), atol=1e-6)


@given(st.integers(1, 6))
def test_counts_merge_to_those_of_the_whole(parts: int) -> None:
    texts = topical(6)
    size = -(-len(texts) // parts)
    merged = merge_counts(count_terms(*count_matrix(tokens(texts[i : i + size]))) for i in range(0, len(texts), size))
    whole = merge_counts([count_terms(*count_matrix(tokens(texts)))])
    assert merged.terms.equals(whole.terms)
    assert np.array_equal(merged.occurrences, whole.occurrences)
    assert np.array_equal(merged.documents, whole.documents)


def test_latent_directions_are_the_singular_vectors() -> None:
    random = np.random.default_rng(0)
    left, right = random.random((200, 10)) * 2.0 ** -np.arange(10), random.random((10, 120))
    matrix = sparse.csr_matrix((left @ right).astype(np.float32))
    directions, values = term_directions(matrix, 10)
    _, exact, directions_exact = svds(matrix.astype(np.float64), k=10)
    np.testing.assert_allclose(values[:6], np.sort(exact)[::-1][:6], rtol=1e-3)
    overlap = np.linalg.svd(directions[:, :3].T @ directions_exact[::-1][:3].T, compute_uv=False)
    assert overlap.min() > 0.98


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 3))
def test_exact_neighbours_are_those_of_brute_force(n: int, k: int, seed: int) -> None:
    vectors = unit(n, 8, seed)
    found = nearest_neighbours(vectors, k)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    best = np.sort(scores, axis=1)[:, ::-1][:, : min(k, n - 1)]
    np.testing.assert_allclose(found.similarities, best, atol=1e-5)
    assert (found.indices != np.arange(n)[:, None]).all()


def test_approximate_neighbours_are_nearly_those_of_brute_force() -> None:
    vectors = clustered(6_000, 32, 40)
    exact, near = nearest_neighbours(vectors, 10), nearest_neighbours(vectors, 10, exact_limit=1_000)
    shared = [len(set(a) & set(b)) for a, b in zip(exact.indices.tolist(), near.indices.tolist(), strict=True)]
    assert np.mean(shared) > 9.5


@pytest.mark.parametrize("copies", [True, False])
def test_the_largest_entries_are_found_among_ties(copies: bool) -> None:
    random = np.random.default_rng(0)
    scores = np.ones((20, 4_000), np.float32) if copies else random.integers(0, 9, (20, 4_000)).astype(np.float32)
    columns, values = top_k(scores, 7)
    assert np.array_equal(values, np.sort(scores, axis=1)[:, ::-1][:, :7])
    assert all(len(set(row)) == 7 for row in columns.tolist())


def test_neighbours_of_copies_are_found_in_bounded_time() -> None:
    started = time.process_time()
    found = nearest_neighbours(np.tile(unit(1, 16), (6_000, 1)), 10, exact_limit=1_000)
    np.testing.assert_allclose(found.similarities, 1, atol=1e-5)
    assert time.process_time() - started < 20


def test_vectors_survive_their_table() -> None:
    vectors = unit(50, 12)
    table = pa.concat_tables([vectors_table(ids(50).slice(i, 10), vectors[i : i + 10]) for i in range(0, 50, 10)])
    assert np.array_equal(vectors_of(table), vectors)
    assert vectors_of(vectors_table(ids(3), np.zeros((3, 0), np.float32))).shape == (3, 0)


def test_gathered_vectors_keep_their_order_and_dimensions() -> None:
    vectors = unit(30, 4)
    parts = [vectors_table(ids(30).slice(i, 7), vectors[i : i + 7]) for i in range(0, 30, 7)]
    names, gathered = gather_vectors(parts)
    assert np.array_equal(gathered, vectors)
    assert names.equals(ids(30))
    with pytest.raises(ContractError, match="dimensions"):
        gather_vectors([*parts, vectors_table(ids(1), unit(1, 5))])


def test_the_index_finds_what_exact_search_finds() -> None:
    vectors = clustered(3_000, 48, 30)
    index = build_index([(ids(3_000), vectors)])
    queries = unit(50, 48, 9)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = [{hit.id for hit in hits} for hits in index.search(queries, 10)]
    recall = np.mean([len({f"d{i}" for i in row} & hits) / 10 for row, hits in zip(exact.tolist(), found, strict=True)])
    assert recall > 0.98


def test_the_index_is_the_same_for_any_partitions_and_after_storage() -> None:
    vectors = unit(400, 16)
    parts = [(ids(400).slice(i, 60), vectors[i : i + 60]) for i in range(0, 400, 60)]
    index, again = build_index([(ids(400), vectors)]), build_index(parts)
    assert index.to_bytes() == again.to_bytes()
    expected = index.search(vectors[:5], 3)
    assert [hits[0].id for hits in expected] == [f"d{i}" for i in range(5)]
    assert VectorIndex.from_bytes(index.to_bytes()).search(vectors[:5], 3) == expected
    assert pickle.loads(pickle.dumps(index, 5)).search(vectors[:5], 3) == expected


def test_documents_without_words_are_not_in_the_index() -> None:
    vectors = unit(10, 8)
    vectors[3] = 0
    index = build_index([(ids(10), vectors)])
    assert len(index) == 9
    assert "d3" not in {hit.id for hit in index.search(vectors[4], 20)[0]}
    assert index.search(np.zeros(8, np.float32)) == [[]]


@pytest.mark.parametrize("vectors", [np.zeros((0, 0)), np.zeros((4, 0)), np.zeros((4, 8))])
def test_an_index_of_nothing_finds_nothing(vectors: Floats) -> None:
    index = build_index([(ids(len(vectors)), vectors.astype(np.float32))])
    assert VectorIndex.from_bytes(index.to_bytes()).search(np.ones(vectors.shape[1], np.float32)) == [[]]


def test_an_index_refuses_what_does_not_fit() -> None:
    index = build_index([(ids(5), unit(5, 8))])
    with pytest.raises(ParameterError, match="8 dimensions"):
        index.search(np.ones(7, np.float32))
    with pytest.raises(ParameterError, match="at least 1"):
        index.search(np.ones(8, np.float32), 0)
    with pytest.raises(ContractError, match="ids"):
        build_index([(ids(4), unit(5, 8))])


@pytest.mark.parametrize("damage", ["cut", "flip", "other"])
def test_a_damaged_index_is_refused(damage: str) -> None:
    data = bytearray(build_index([(ids(20), unit(20, 8))]).to_bytes())
    data[-9] ^= 1 if damage == "flip" else 0
    given = bytes(data[:-5] if damage == "cut" else data)
    with pytest.raises(ArtifactError, match="build it again"):
        VectorIndex.from_bytes(b"not an index" if damage == "other" else given)
