"""Themes: sheaves as the theorems have them, communities as in other libraries, and themes that people would find."""

from __future__ import annotations

import math
import time
from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import csgraph
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from eopiez_ray.errors import ContractError, ParameterError
from eopiez_ray.phases.copies import ALONE, Copies
from eopiez_ray.phases.motifs.locating import locate_motifs
from eopiez_ray.phases.schemas import ASSIGNMENTS, THEMES
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes import (
    CellularSheaf,
    FoundThemes,
    NamedTheme,
    Spellings,
    ThemeOptions,
    Themes,
    count_by_theme,
    find_themes,
    label_themes,
    merge_theme_counts,
    name_themes,
    spell,
    themes_table,
)
from eopiez_ray.phases.themes.communities import bisect, leiden, merge_fragments
from eopiez_ray.phases.themes.documents import document_sheaf
from eopiez_ray.phases.themes.graph import weighted_graph
from eopiez_ray.phases.themes.labels import class_tf_idf
from eopiez_ray.phases.themes.once import find_themes_once
from eopiez_ray.phases.themes.transport import bundle_sections_dimension
from eopiez_ray.phases.vectors import nearest_neighbours
from tests.planted import groups, unit

Floats = npt.NDArray[np.float32]
WORDS = pa.list_(pa.string())
NO_MOTIFS = pa.table({"motif": pa.array([], pa.string()), "words": pa.array([], WORDS)})


def graphs() -> st.SearchStrategy[tuple[int, npt.NDArray[np.int32]]]:
    """Simple graphs of up to 8 vertices."""

    def edges(n: int) -> st.SearchStrategy[tuple[int, npt.NDArray[np.int32]]]:
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        chosen = st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([])
        return chosen.map(lambda found: (n, np.array(sorted(found), np.int32).reshape(-1, 2)))

    return st.integers(1, 8).flatmap(edges)


def constant_sheaf(n: int, edges: npt.NDArray[np.int32], dimension: int) -> CellularSheaf:
    maps = np.tile(np.eye(dimension), (len(edges), 1, 1))
    stalks = np.full(n, dimension, np.int32)
    return CellularSheaf(stalks, edges, np.full(len(edges), dimension, np.int32), maps, maps)


def bundle(n: int, edges: npt.NDArray[np.int32], dimension: int, seed: int, *, flat: bool) -> CellularSheaf:
    """Invertible maps; if it is flat, those that come from one frame a vertex, so that all edges can agree."""
    random = np.random.default_rng(seed)
    if flat:
        frames = random.normal(size=(n, dimension, dimension)) + 3 * np.eye(dimension)
        edge_frames = random.normal(size=(len(edges), dimension, dimension)) + 3 * np.eye(dimension)
        tails, heads = (edge_frames @ frames[edges[:, end]] for end in (0, 1))
    else:
        tails, heads = random.normal(size=(2, len(edges), dimension, dimension)) + 3 * np.eye(dimension)
    stalks = np.full(n, dimension, np.int32)
    return CellularSheaf(stalks, edges, np.full(len(edges), dimension, np.int32), tails, heads)


def n_components(n: int, edges: npt.NDArray[np.int32]) -> int:
    graph = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    return int(csgraph.connected_components(graph, directed=False)[0])


def rank(delta: sparse.csr_matrix) -> int:
    """That of a coboundary; where it cannot be told for rounding, the example is given up."""
    values = np.linalg.svd(delta.toarray(), compute_uv=False) if delta.shape[0] else np.zeros(0)
    shares = values / max(values.max(initial=0), 1e-12)
    assume(not ((shares > 1e-6) & (shares < 1e-2)).any())
    return int((shares > 1e-3).sum())


@given(graphs(), st.integers(1, 3))
def test_global_sections_of_a_constant_sheaf_count_components(
    graph: tuple[int, npt.NDArray[np.int32]], dimension: int
) -> None:
    sheaf = constant_sheaf(*graph, dimension)
    assert sheaf.global_sections_dimension() == dimension * n_components(*graph)
    assert bundle_sections_dimension(sheaf) == dimension * n_components(*graph)


@given(graphs(), st.integers(1, 3), st.integers(0, 5), st.booleans())
def test_transport_finds_as_many_sections_as_the_laplacian(
    graph: tuple[int, npt.NDArray[np.int32]], dimension: int, seed: int, flat: bool
) -> None:
    sheaf = bundle(*graph, dimension, seed, flat=flat)
    assert bundle_sections_dimension(sheaf) == dimension * graph[0] - rank(sheaf.coboundary())
    if flat:
        assert bundle_sections_dimension(sheaf) == dimension * n_components(*graph)


@given(graphs(), st.integers(0, 5))
def test_cohomology_adds_up_to_the_euler_characteristic(graph: tuple[int, npt.NDArray[np.int32]], seed: int) -> None:
    sheaf = bundle(*graph, 2, seed, flat=False)
    delta = sheaf.coboundary()
    first = delta.shape[0] - rank(delta)
    assert sheaf.global_sections_dimension() - first == sheaf.euler_characteristic
    assert sheaf.first_cohomology_dimension() == first


@given(graphs(), st.integers(0, 5))
def test_the_laplacian_measures_disagreement_and_is_positive(
    graph: tuple[int, npt.NDArray[np.int32]], seed: int
) -> None:
    sheaf = bundle(*graph, 2, seed, flat=False)
    laplacian = sheaf.laplacian().toarray()
    x = np.random.default_rng(seed).normal(size=2 * graph[0])
    energy = sum(
        np.linalg.norm(head @ x[2 * v : 2 * v + 2] - tail @ x[2 * u : 2 * u + 2]) ** 2
        for (u, v), tail, head in zip(graph[1].tolist(), sheaf.tail_maps, sheaf.head_maps, strict=True)
    )
    assert np.linalg.eigvalsh(laplacian).min() > -1e-9
    assert x @ laplacian @ x == pytest.approx(energy)


@given(graphs(), st.integers(0, 5))
def test_consistency_is_one_on_global_sections(graph: tuple[int, npt.NDArray[np.int32]], seed: int) -> None:
    sheaf = bundle(*graph, 2, seed, flat=True)
    section = sheaf.global_sections() @ np.random.default_rng(seed).normal(size=sheaf.global_sections_dimension())
    np.testing.assert_allclose(sheaf.consistency(section.reshape(-1, 2)), 1, atol=1e-6)


def test_consistency_tells_equal_orthogonal_and_opposite() -> None:
    sheaf = constant_sheaf(4, np.array([[0, 1], [0, 2], [0, 3]], np.int32), 2)
    cochain = np.array([[1.0, 0], [1, 0], [0, 1], [-1, 0]])
    assert sheaf.consistency(cochain).tolist() == [1.0, 0.5, 0.0]


def test_transport_refuses_maps_that_are_singular() -> None:
    sheaf = bundle(2, np.array([[0, 1]], np.int32), 2, 0, flat=False)
    sheaf.tail_maps[0] = 0
    with pytest.raises(ParameterError, match="invertible"):
        bundle_sections_dimension(sheaf)


@pytest.mark.parametrize("vectors", [unit(60, 12), np.repeat(unit(6, 12), 10, axis=0), unit(40, 2), unit(2, 5)])
def test_the_document_sheaf_has_stalks_of_full_rank(vectors: Floats) -> None:
    sheaf, cochain = document_sheaf(vectors, nearest_neighbours(vectors, 8))
    kernel = sheaf.global_sections_dimension(1e-7)
    assert bundle_sections_dimension(sheaf) == kernel
    assert np.linalg.norm(cochain, axis=1).max() <= 1 + 1e-4
    assert np.linalg.svd(sheaf.tail_maps, compute_uv=False).min() > 0.7


def test_copies_agree_perfectly() -> None:
    vectors = np.repeat(unit(1, 16), 30, axis=0)
    sheaf, cochain = document_sheaf(vectors, nearest_neighbours(vectors, 8))
    np.testing.assert_allclose(sheaf.consistency(cochain), 1, atol=1e-4)


def test_a_community_is_cut_across_its_principal_direction() -> None:
    vectors, labels = groups([30, 30], spread=0.3)
    assert adjusted_rand_score(labels, bisect(vectors, np.zeros(60, np.int64))) == 1
    assert bisect(np.tile(unit(1, 8), (20, 1)), np.zeros(20, np.int64)).max() == 0


def test_fragments_join_what_they_are_linked_to() -> None:
    edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5], [2, 6]], np.int32)
    graph = weighted_graph(7, edges, np.ones(5, np.float32))
    merged = merge_fragments(graph, np.array([0, 0, 0, 1, 1, 1, 2]), unit(7, 4), 2)
    assert merged[6] == merged[0] != merged[3]


def test_isolated_vertices_are_communities_of_their_own() -> None:
    graph = weighted_graph(4, np.array([[0, 1]], np.int32), np.ones(1, np.float32))
    labels = leiden(graph, 1.0, seed=0)
    assert labels[0] == labels[1]
    assert len(set(labels.tolist())) == 3


def test_themes_are_numbered_by_size_and_named_by_typical_documents() -> None:
    vectors, labels = groups([30, 90, 60])
    found = find_themes(vectors)
    assert np.bincount(found.themes).tolist() == sorted(np.bincount(found.themes).tolist(), reverse=True)
    assert [labels[list(rows)].tolist() for rows in found.exemplars] == [[1] * 5, [2] * 5, [0] * 5]


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((0, 8)),
        np.zeros((5, 0)),
        np.zeros((20, 8)),
        unit(1, 8),
        unit(2, 8),
        unit(3, 8),
        unit(30, 1),
        np.repeat(unit(1, 8), 400, axis=0),
        np.repeat(unit(3, 8), 300, axis=0),
        np.vstack([unit(20, 8), np.zeros((20, 8))]),
        unit(400, 64),
    ],
)
def test_odd_collections_have_themes_too(vectors: npt.NDArray[np.float64]) -> None:
    found = find_themes(vectors.astype(np.float32))
    assert np.array_equal(found.themes < 0, ~vectors.any(axis=1))
    for values in (found.confidence, found.consistency, found.positions):
        assert np.isfinite(values).all()
        assert ((values >= 0) & (values <= 1)).all()
    assert found.facts.vertices == int(vectors.any(axis=1).sum())


def test_the_same_vectors_give_the_same_themes() -> None:
    vectors, _ = groups([50, 60, 70])
    first, second = find_themes(vectors), find_themes(vectors)
    assert np.array_equal(first.themes, second.themes)
    assert np.array_equal(first.positions, second.positions)
    assert first.facts == second.facts


def test_options_bound_the_themes() -> None:
    vectors, _ = groups([60] * 8)
    assert len(find_themes(vectors, ThemeOptions(max_themes=4)).theme_consistency) <= 4
    found = find_themes(vectors, ThemeOptions(min_documents=100))
    assert np.bincount(found.themes).min() >= 100
    with pytest.raises(ParameterError, match="max_themes"):
        ThemeOptions(max_themes=1)


def test_documents_of_a_theme_are_together_on_the_map() -> None:
    vectors, labels = groups([400, 300, 200, 100])
    places = find_themes(vectors).positions
    centres = np.stack([places[labels == theme].mean(axis=0) for theme in range(4)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == labels).mean() > 0.97


def test_thousands_of_documents_take_seconds() -> None:
    vectors, labels = groups([500] * 12, d=64)
    started = time.process_time()
    assert normalized_mutual_info_score(labels, find_themes(vectors).themes) > 0.95
    assert time.process_time() - started < 20


TEXTS = ["the goal and the match", "the match was won", "the bank and the loan", "the loan of the bank", "the"]
MEMBERS = np.array([0, 0, 1, 1, -1])


def tokens(texts: list[str]) -> pa.Table:
    names = [f"d{i}" for i in range(len(texts))]
    return tokenize(pa.table({"document_id": names, "text": pa.array(texts, pa.string())}))


def test_weights_of_terms_are_those_of_the_definition() -> None:
    counts = count_by_theme(tokens(TEXTS), MEMBERS, 2)
    weights = class_tf_idf(counts.counts, counts.words).toarray()
    own = [Counter(" ".join(TEXTS[:2]).split()), Counter(" ".join(TEXTS[2:4]).split())]
    mean_words = sum(sum(theme.values()) for theme in own) / 2
    for column, term in enumerate(counts.terms.to_pylist()):
        for theme in (0, 1):
            share = own[theme][term] / sum(own[theme].values())
            expected = share * math.log(1 + mean_words / max(1, own[0][term] + own[1][term]))
            assert weights[theme, column] == pytest.approx(expected)


def test_counts_by_theme_merge_to_those_of_the_whole() -> None:
    parts = [count_by_theme(tokens(TEXTS[i : i + 1]), MEMBERS[i : i + 1], 2) for i in range(5)]
    merged, whole = merge_theme_counts(parts, 2), count_by_theme(tokens(TEXTS), MEMBERS, 2)
    assert label_themes(merged) == label_themes(whole)
    assert merged.n_documents == whole.n_documents == 4


def test_labels_leave_out_function_words() -> None:
    labels = label_themes(count_by_theme(tokens(TEXTS), MEMBERS, 2))
    assert labels[0][0][0] == "match"
    assert set(labels[1][0]) >= {"bank", "loan"}
    assert all("the" not in terms for terms, _ in labels)


def test_a_word_of_this_theme_alone_goes_before_a_more_frequent_one_of_all() -> None:
    """``autumn`` is 1.6 times as frequent here as in the whole; ``harbour`` is nowhere else."""
    here = ["autumn autumn autumn autumn harbour harbour harbour tide tide tide"] * 10 + ["tide"] * 10
    elsewhere = ["autumn autumn orchard orchard orchard orchard orchard orchard orchard cider"] * 5 + ["cider"] * 60
    themes = np.repeat(np.arange(2), (len(here), len(elsewhere)))
    (terms, weights), _ = label_themes(count_by_theme(tokens(here + elsewhere), themes, 2))
    assert terms == ["tide", "harbour", "autumn"]
    n, n_here = 110 + 110, 110
    occurrences, everywhere = np.array([40, 30, 40]), np.array([40, 30, 50])
    excess = (occurrences / n_here) / (everywhere / n)
    assert excess[2] == pytest.approx(1.6)
    assert weights == pytest.approx(occurrences / n_here * np.log1p(n / 2 / everywhere) * np.log(excess))


def test_rare_terms_go_first_when_there_are_too_many() -> None:
    merged = merge_theme_counts([count_by_theme(tokens(TEXTS), MEMBERS, 2)], 2, most=3)
    assert len(merged.terms) == 3
    assert "the" in merged.terms.to_pylist()


def found_themes() -> tuple[Themes, FoundThemes]:
    vectors, _ = groups([30, 20])
    found = find_themes(np.vstack([vectors, np.zeros((1, 32), np.float32)]))
    return Themes.of(pa.array([f"d{i}" for i in range(51)]), found), found


def test_themes_survive_their_table() -> None:
    themes, found = found_themes()
    table = themes.to_table()
    again = Themes.from_table(table)
    assert table.schema.equals(ASSIGNMENTS)
    assert (again.exemplars, again.consistency, again.facts) == (themes.exemplars, themes.consistency, found.facts)
    assert again.of_documents(pa.array(["d50", "d0"])).tolist() == [-1, 0]
    with pytest.raises(ContractError, match="other documents"):
        again.of_documents(pa.array(["stranger"]))
    with pytest.raises(ContractError, match="without the facts"):
        Themes.from_table(themes.assignments)


def test_a_theme_without_words_is_called_by_its_number() -> None:
    themes, _ = found_themes()
    table = themes_table(themes, name_themes(merge_theme_counts([], 2), NO_MOTIFS), Spellings({}, {}))
    assert table.schema.equals(THEMES)
    assert table.column("label").to_pylist() == ["theme 0", "theme 1"]
    assert table.column("documents").to_pylist() == [30, 20]


def test_equal_labels_are_told_apart_by_a_number() -> None:
    themes, _ = found_themes()
    same = NamedTheme((("tea",),), ("tea",), (1.0,))
    table = themes_table(themes, [same, same], Spellings({}, {}))
    assert table.column("label").to_pylist() == ["Tea", "Tea (2)"]


def named(
    texts: list[str], members: npt.NDArray[np.int32], motifs: list[list[str]]
) -> list[tuple[str, tuple[str, ...]]]:
    """The label and the terms of each theme, with each text as a partition of its own."""
    motif_table = pa.table({"motif": [" ".join(words) for words in motifs], "words": pa.array(motifs, WORDS)})
    documents = [
        pa.table({"document_id": [f"d{i}"], "text": pa.array([text], pa.string())}) for i, text in enumerate(texts)
    ]
    parts = [(each, tokenize(each), locate_motifs(tokenize(each), motif_table)) for each in documents]
    n_themes = int(members.max()) + 1
    counts = [count_by_theme(words, members[i : i + 1], n_themes, found) for i, (_, words, found) in enumerate(parts)]
    themes = name_themes(merge_theme_counts(counts, n_themes), motif_table)
    exemplars = [[f"d{i}" for i in np.flatnonzero(members == theme)] for theme in range(n_themes)]
    nameless = [ids[0] for theme, ids in zip(themes, exemplars, strict=True) if not theme.names]
    spellings = Spellings.merged(spell(*part, themes, nameless) for part in parts)
    return [
        (spellings.label(theme, ids), tuple(spellings.of((term,)) for term in theme.terms))
        for theme, ids in zip(themes, exemplars, strict=True)
    ]


def test_names_are_written_as_in_the_documents_and_phrases_take_the_place_of_their_words() -> None:
    texts = [
        "England won the Six Nations, and the crowd in Cardiff sang.",
        "The Six Nations begin in Cardiff; England are ready.",
        "No Six Nations without England, says Cardiff.",
        "The NASA probe sent pictures of Titan.",
        "Pictures of Titan amaze NASA.",
        "On Titan, the NASA probe found methane; pictures follow.",
    ]
    (sport, terms), (space, _) = named(texts, np.array([0, 0, 0, 1, 1, 1], np.int32), [["six", "nations"]])
    assert sport == "Cardiff, England, Six Nations"
    assert {"Six", "Nations", "England"} <= set(terms)
    assert space == "NASA, pictures, Titan"


def test_a_motif_that_is_half_a_sentence_is_no_name() -> None:
    texts = ["The staff were friendly and helped me quickly, with all that they had."] * 9 + ["Bees make honey."] * 9
    motifs = [["friendly", "and", "helped", "me"], ["friendly", "and", "helped", "me", "quickly"]]
    (label, _), _ = named(texts, np.repeat(np.arange(2, dtype=np.int32), 9), motifs)
    assert label == "Friendly, helped, quickly"


def test_a_theme_is_told_from_the_others_of_its_language() -> None:
    """``ganz`` is in every text of one language and in none of the other."""
    texts = ["ganz hafen lotse"] * 20 + ["ganz apfel most"] * 20 + ["honey bees"] * 20 + ["nickel mine"] * 20
    counts = count_by_theme(tokens(texts), np.repeat(np.arange(4), 20), 4)
    without = label_themes(counts)
    among = label_themes(counts, groups=["x", "x", "y", "y"])
    assert "ganz" in without[0][0]
    assert set(among[0][0]) == {"hafen", "lotse"}
    assert among[2][0] == without[2][0]
    alone = label_themes(counts, groups=["x", "x", "y", "z"])
    assert alone[3] == without[3]


def test_a_capital_at_the_beginning_of_a_sentence_is_no_spelling() -> None:
    texts = ["Pictures amaze. Pictures amuse! “Pictures astound.” He took pictures."] * 3 + ["Bees make honey."] * 3
    (shown, _), _ = named(texts, np.repeat(np.arange(2, dtype=np.int32), 3), [])
    assert "pictures" in shown.split(", ") or shown.startswith("Pictures,")
    assert "Pictures" not in shown.split(", ")[1:]


def test_a_motif_that_a_word_is_seldom_in_does_not_take_its_place() -> None:
    texts = ["green tea"] + ["tea kettle", "kettle of tea", "tea for a kettle"] * 3 + ["red car", "fast car"] * 5
    members = np.repeat(np.arange(2, dtype=np.int32), (10, 10))
    (tea, _), _ = named(texts, members, [["green", "tea"]])
    assert tea == "Tea, kettle"


def test_no_label_has_two_forms_of_one_word_and_no_two_are_equal() -> None:
    texts = ["elections election elected voters senate governor"] * 4 + ["sea harbour pilot anchor"] * 4
    members = np.array([0, 0, 0, 0, 1, 1, 2, 2], np.int32)
    labels = [label for label, _ in named(texts, members, [])]
    assert labels[0].lower().count("elect") == 1
    assert len(set(labels)) == 3


def test_a_theme_without_readable_words_is_called_as_a_document_begins() -> None:
    texts = [
        "12 15 99 3 7 12 15 99 3 7 12 15 99 3 7 12 15 99 3 7",
        "12 15",
        "bread and butter",
        "some butter on the bread",
    ]
    (numbers, terms), (bread, _) = named(texts, np.array([0, 0, 1, 1], np.int32), [])
    assert numbers == "“12 15 99 3 7 12 15 99 3 7 12 15 99 3 7 …”"
    assert terms == ()
    assert bread == "Bread, butter"


def test_function_words_of_every_language_are_no_labels() -> None:
    texts = {
        "de": "Der Minister hat gesagt, dass die Steuer nicht für alle gilt, aber die Steuer und der Haushalt sind da.",
        "es": "El ministro dice que la ley no es para todos, pero el gobierno y la ley son lo que hay en el congreso.",
        "nl": "De minister zegt dat het akkoord er is, maar het kabinet en de kamer zijn niet van die mening.",
    }
    members = np.repeat(np.arange(3, dtype=np.int32), 4)
    found = named([text for text in texts.values() for _ in range(4)], members, [])
    words = {term.lower() for _, terms in found for term in terms}
    assert {"steuer", "gobierno", "kabinet"} <= words
    assert not {"dass", "aber", "pero", "para", "het", "van", "niet"} & words


def test_copies_of_one_document_are_one_theme() -> None:
    vector = np.random.default_rng(0).standard_normal(16).astype(np.float32)
    copies = np.tile(vector / np.linalg.norm(vector), (300, 1))
    assert set(find_themes(copies).themes.tolist()) == {0}


def test_function_words_are_no_label_even_where_every_word_is_widespread() -> None:
    table = tokens(["The pilot was on the ship before the dawn and the tide."] * 30)
    ((terms, _),) = label_themes(count_by_theme(table, np.zeros(30, np.int32), 1))
    assert {"pilot", "ship", "dawn", "tide"} <= set(terms)
    assert not {"the", "and", "on", "was"} & set(terms)


def test_what_one_document_repeats_is_no_label() -> None:
    texts = ["The pilot brought the ship into the harbour."] * 30 + ["Bees make honey."] * 30 + ["br " * 400]
    table = tokens(texts)
    ((terms, _),) = label_themes(count_by_theme(table, np.zeros(61, np.int32), 1))
    assert "br" not in terms


def test_copies_that_count_once_are_where_the_first_one_is() -> None:
    vectors, _ = groups([40, 30, 20], seed=3)
    alone = find_themes(vectors)
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(90), np.r_[np.ones(80, int), np.full(10, 30)]))
    _, earliest, number = np.unique(order, return_index=True, return_inverse=True)
    firsts = earliest[number]
    rows = order[np.sort(earliest)]
    copied = find_themes_once(
        vectors[order], Copies(np.full(len(order), ALONE), firsts, np.ones(len(order), np.float32))
    )
    expected = find_themes(vectors[rows])
    place = {row: at for at, row in enumerate(rows.tolist())}
    assert copied.themes.tolist() == [int(expected.themes[place[row]]) for row in order.tolist()]
    assert [order[row] for row in copied.exemplars[0]] == [rows[row] for row in expected.exemplars[0]]
    assert copied.facts.vertices == alone.facts.vertices == 90
    assert adjusted_rand_score(copied.themes[np.sort(earliest)], alone.themes[rows]) > 0.9
