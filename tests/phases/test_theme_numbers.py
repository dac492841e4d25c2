"""How many themes: hierarchies against other libraries and definitions, numbers against planted groups."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.themes import ThemeOptions, find_themes
from eopiez_ray.phases.themes.choosing import Choice, Granularity, choose_number, jump
from eopiez_ray.phases.themes.communities import Run, Wanted, mutual_information, refine, settle
from eopiez_ray.phases.themes.graph import weighted_graph
from eopiez_ray.phases.themes.hierarchy import FEWEST, Hierarchy, merge_pieces
from eopiez_ray.phases.themes.quality import Quality
from tests.planted import groups, unit

Labels = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
NOTHING = np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
NO_EDGES = weighted_graph(38, *NOTHING)


def test_mergers_by_cost_alone_are_those_of_ward() -> None:
    vectors, _ = groups([8, 9, 10, 11], spread=0.9)
    hierarchy = merge_pieces(NO_EDGES, vectors, np.arange(38), share=1.0)
    for k in (1, 2, 3, 4, 7, 38):
        theirs = AgglomerativeClustering(k, linkage="ward").fit_predict(vectors)
        assert adjusted_rand_score(theirs, hierarchy.division(k)) == 1
    assert (np.diff(hierarchy.costs) > -1e-9).all()


def test_costs_add_up_to_the_squared_distances_to_the_centre() -> None:
    vectors, _ = groups([8, 9, 10, 11])
    for share in (0.0, 0.5, 1.0):
        hierarchy = merge_pieces(NO_EDGES, vectors, np.arange(38), share)
        assert hierarchy.costs.sum() == pytest.approx(((vectors - vectors.mean(axis=0)) ** 2).sum(), rel=1e-5)


@given(st.integers(0, 50))
def test_by_density_alone_the_densest_pair_is_joined_each_time(seed: int) -> None:
    """Density is the weight between two groups over what it would be by chance."""
    random = np.random.default_rng(seed)
    edges = np.array([(i, j) for i in range(8) for j in range(i + 1, 8)], np.int32)
    graph = weighted_graph(8, edges, random.uniform(0.1, 1, len(edges)).astype(np.float32))
    dense, group = graph.toarray(), np.arange(8)
    for kept, gone in merge_pieces(graph, unit(8, 4, seed), group, share=0.0).pairs.tolist():
        densities = {}
        for one, other in combinations(np.unique(group).tolist(), 2):
            here, there = group == one, group == other
            densities[one, other] = dense[here][:, there].sum() / (dense[here].sum() * dense[there].sum())
        assert max(densities, key=densities.__getitem__) == (kept, gone)
        group[group == gone] = kept


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_mutual_information_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.unique(column, return_inverse=True)[1] for column in np.array(pairs).T)
    assert mutual_information(one, other) == pytest.approx(normalized_mutual_info_score(one, other), abs=1e-9)


def by_definition(vectors: npt.NDArray[np.float32], groups: Labels) -> float:
    """The mean margin, each centre made anew without the document itself."""
    margins = []
    for row, own in enumerate(groups.tolist()):
        cosines = []
        for group in range(int(groups.max()) + 1):
            members = np.flatnonzero((groups == group) & (np.arange(len(groups)) != row))
            centre = vectors[members].astype(np.float64).sum(axis=0)
            cosines.append(float(vectors[row] @ centre) / max(float(np.linalg.norm(centre)), 1e-9))
        margins.append(cosines[own] - max(cosines[:own] + cosines[own + 1 :]))
    return float(np.mean(margins))


@given(st.integers(0, 50), st.integers(3, 9))
def test_quality_is_that_of_the_definitions(seed: int, n_pieces: int) -> None:
    random = np.random.default_rng(seed)
    edges = np.array([(i, j) for i in range(30) for j in range(i + 1, 30) if random.random() < 0.3], np.int32)
    graph = weighted_graph(30, edges, random.uniform(0.1, 1, len(edges)).astype(np.float32))
    pieces = np.concatenate([np.arange(n_pieces), random.integers(0, n_pieces, 30 - n_pieces)])
    vectors = unit(30, 6, seed)
    hierarchy = merge_pieces(graph, vectors, pieces)
    quality = Quality.of(graph, vectors, pieces, hierarchy, n_pieces - 1)
    dense = graph.toarray()
    degrees, whole = dense.sum(axis=1), dense.sum()
    assert quality.most == n_pieces - 1
    for k in range(FEWEST, n_pieces):
        groups = hierarchy.division(k)[pieces]
        apart = groups[:, None] != groups
        assert quality.coverage[k - FEWEST] == pytest.approx(dense[~apart].sum() / whole)
        assert quality.diversity[k - FEWEST] == pytest.approx(np.outer(degrees, degrees)[apart].sum() / whole**2)
        assert quality.margins[k - FEWEST] == pytest.approx(by_definition(vectors, groups), abs=1e-4)


def mergers(costs: list[float]) -> Hierarchy:
    pairs = np.stack([np.zeros(len(costs), np.int64), np.arange(1, len(costs) + 1)], axis=1)
    return Hierarchy(pairs, np.array(costs))


def test_costs_without_structure_do_not_jump() -> None:
    costs = [1 / k for k in range(40, 1, -1)]
    assert all(jump(np.array(costs), i) == pytest.approx(1) for i in range(3, 39))


LIKE = np.full(38, 0.5)
"""Coverage, diversity or margins of divisions into 2 to 39 groups, none better than another."""


def chosen(hierarchy: Hierarchy, quality: Quality) -> Choice:
    choice = choose_number([hierarchy], [quality], 1792)
    assert choice is not None
    return choice


def test_of_like_divisions_the_one_is_taken_where_the_cost_jumps() -> None:
    costs = [1 / k for k in range(40, 7, -1)] + [5 / k for k in range(7, 1, -1)]
    choice = chosen(mergers(costs), Quality(LIKE, LIKE, LIKE))
    assert choice.number == 7
    assert all(0 < score < 1 for _, score in choice.alternatives)


def test_of_like_divisions_without_a_jump_the_expected_number_is_taken() -> None:
    assert chosen(FLAT, Quality(LIKE, LIKE, LIKE)).number == 8


@pytest.mark.parametrize("number", [3, 11, 30])
def test_where_coverage_diversity_or_margin_is_greater_the_number_is_taken(number: int) -> None:
    better = LIKE.copy()
    better[number - FEWEST] += 0.25
    assert chosen(FLAT, Quality(better, LIKE, LIKE)).number == number
    assert chosen(FLAT, Quality(LIKE, better, LIKE)).number == number
    assert chosen(FLAT, Quality(LIKE, LIKE, better)).number == number


def test_several_runs_are_weighed_together() -> None:
    one, other = LIKE.copy(), LIKE.copy()
    one[[11 - FEWEST, 20 - FEWEST]] += 0.15
    other[[11 - FEWEST, 5 - FEWEST]] += 0.15
    qualities = [Quality(each, LIKE, LIKE) for each in (one, other)]
    choice = choose_number([FLAT, FLAT], qualities, 1792)
    assert choice is not None
    assert choice.number == 11


FLAT = mergers([1 / k for k in range(60, 1, -1)])
"""Of 60 pieces, none of whose mergers says where to stop."""


@given(st.lists(st.floats(0.01, 10), min_size=12, max_size=40), st.integers(0, 100))
def test_a_coarser_choice_never_has_more_themes(costs: list[float], seed: int) -> None:
    """Diversity grows with every group that is cut in two."""
    random, most = np.random.default_rng(seed), len(costs)
    diversity = np.sort(random.uniform(0, 1, most))
    quality = Quality(random.uniform(0, 1, most), diversity, random.uniform(0.01, 0.5, most))
    hierarchy = mergers(costs)
    choices = [choose_number([hierarchy], [quality], 500, grain) for grain in GRAINS]
    numbers = [choice.number for choice in choices if choice is not None]
    assert numbers == sorted(numbers)


def test_copies_of_few_documents_leave_no_more_themes_than_documents() -> None:
    found = find_themes(np.repeat(unit(4, 16), 100, axis=0))
    assert len(found.theme_consistency) == 4


def found_number(sizes: list[int], spread: float = 0.6, seed: int = 0) -> tuple[int, float]:
    """Themes that are found in planted groups, and how well they agree."""
    vectors, labels = groups(sizes, spread=spread, seed=seed)
    themes = find_themes(vectors).themes
    return int(themes.max()) + 1, float(normalized_mutual_info_score(labels, themes))


@pytest.mark.parametrize("sizes", [[60, 60], [40, 50, 60], [200, 100, 50, 100, 30], [80] * 12, [150] * 20])
def test_as_many_themes_are_found_as_there_are(sizes: list[int]) -> None:
    number, agreement = found_number(sizes)
    assert number == len(sizes)
    assert agreement > 0.97


@pytest.mark.parametrize("seed", range(3))
def test_unequal_sizes_are_no_reason_to_merge(seed: int) -> None:
    """The largest has 70 times as many documents as the smallest."""
    sizes = [1400, 700, 300, 120, 80, 50, 30, 20]
    number, agreement = found_number(sizes, seed=seed)
    assert 7 <= number <= 9
    assert agreement > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_many_small_groups_stay_apart(seed: int) -> None:
    sizes = [24] * 40
    number, agreement = found_number(sizes, seed=seed)
    assert 20 <= number <= 60
    assert agreement > 0.9


def test_where_all_documents_speak_alike_no_theme_takes_in_the_others() -> None:
    vectors, _ = groups([400], spread=0.1)
    chain, across = (np.arange(339), np.arange(1, 340)), (np.arange(60), np.arange(340, 400))
    edges = np.concatenate([chain, across], axis=1).T.astype(np.int32)
    graph = weighted_graph(400, edges, np.ones(len(edges), np.float32))
    pieces = np.repeat(np.arange(4), [340, 20, 20, 20])
    assert refine(graph, vectors, pieces).max() == 0
    settled = settle(graph, vectors, Wanted(4, 3), [Run(pieces, merge_pieces(graph, vectors, pieces), 4)])
    assert len(np.unique(settled.labels)) == settled.choice.number > 1


def test_noise_around_the_groups_does_not_hide_them() -> None:
    vectors, labels = groups([150, 120, 100, 80, 60, 40])
    noise = unit(100, 32, seed=9)
    found = find_themes(np.vstack([vectors, noise]))
    assert 3 <= len(found.theme_consistency) <= 12
    assert normalized_mutual_info_score(labels, found.themes[:550]) > 0.85


def test_one_group_has_few_themes_whose_runs_disagree() -> None:
    one, _ = groups([600])
    several, _ = groups([150] * 4)
    assert len(find_themes(one).theme_consistency) <= 2 * math.sqrt(600 / 20)
    assert find_themes(one).facts.agreement < find_themes(several).facts.agreement - 0.1


@pytest.mark.parametrize("number", [1, 2, 3, 8, 25, 200])
def test_an_exact_number_is_kept(number: int) -> None:
    vectors, _ = groups([50, 60, 70, 80])
    found = find_themes(vectors, ThemeOptions(themes=number))
    assert len(found.theme_consistency) == number
    assert np.unique(found.themes).tolist() == list(range(number))


def test_an_exact_number_stops_at_different_documents() -> None:
    found = find_themes(np.repeat(unit(5, 16), 30, axis=0), ThemeOptions(themes=9))
    assert len(found.theme_consistency) == 5


def test_granularity_orders_the_numbers_of_themes() -> None:
    vectors = np.vstack(
        [groups([40] * 5, spread=0.5, seed=seed)[0] + groups([200], seed=50 + seed)[0] for seed in (1, 2, 3)]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = [len(find_themes(vectors, ThemeOptions(granularity=each)).theme_consistency) for each in GRAINS]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[2]


GRAINS: tuple[Granularity, ...] = ("coarse", "normal", "fine")


def test_no_theme_has_documents_of_two_groups() -> None:
    """The same subjects are treated in both languages."""
    vectors, _ = groups([120, 90, 70, 50], spread=0.4)
    languages = np.random.default_rng(0).integers(0, 2, len(vectors))
    found = find_themes(vectors, ThemeOptions(themes=4), languages)
    spoken = {(theme, language) for theme, language in zip(found.themes.tolist(), languages.tolist(), strict=True)}
    assert len(spoken) == 8
    assert sorted(theme for theme, _ in spoken) == list(range(8))
    sizes = np.bincount(found.themes)
    assert (np.diff(sizes) <= 0).all()


def test_groups_far_apart_have_the_themes_of_each_alone() -> None:
    near, far = groups([90, 70, 50], d=16, seed=1)[0], groups([60, 80], d=16, seed=2)[0]
    vectors = np.vstack([np.pad(near, ((0, 0), (0, 16))), np.pad(far, ((0, 0), (16, 0)))]).astype(np.float32)
    which = np.repeat([7, 3], [len(near), len(far)])
    found = find_themes(vectors, groups=which).themes
    assert adjusted_rand_score(found[which == 7], find_themes(near).themes) == 1
    assert adjusted_rand_score(found[which == 3], find_themes(far).themes) == 1


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ParameterError, match="from 1 to 1,000"):
        ThemeOptions(themes=0)
    with pytest.raises(ParameterError, match="choose coarse, normal, fine"):
        ThemeOptions(granularity="middling")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="only 12 documents have words"):
        find_themes(unit(12, 8), ThemeOptions(themes=13))


@pytest.mark.parametrize("seed", range(2))
def test_most_of_the_documents_give_the_same_themes(seed: int) -> None:
    vectors, _ = groups([300, 200, 150, 100, 80, 60, 40], spread=0.8)
    whole = find_themes(vectors).themes
    kept = np.random.default_rng(seed).permutation(len(vectors))[: round(0.9 * len(vectors))]
    assert normalized_mutual_info_score(whole[kept], find_themes(vectors[kept]).themes) > 0.85
