"""Motifs: what is found, what is not, and where."""

from __future__ import annotations

import math
import pickle
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.motifs import (
    MOTIFS,
    OCCURRENCES,
    Lexicon,
    NgramCounts,
    Selection,
    count_ngrams,
    locate_motifs,
    merge_ngrams,
    select_motifs,
)
from eopiez_ray.phases.motifs.function_words import listed_words, residual_idf
from eopiez_ray.phases.motifs.nesting import c_values
from eopiez_ray.phases.motifs.significance import chance, false_discovery_rates, log_likelihood_ratio
from eopiez_ray.phases.text import tokenize


def tokens_of(texts: list[str]) -> pa.Table:
    return tokenize(
        pa.table({"document_id": [f"d{i}" for i in range(len(texts))], "text": pa.array(texts, pa.string())})
    )


def counts_of(texts: list[str], partitions: int = 1) -> NgramCounts:
    size = max(1, math.ceil(len(texts) / partitions))
    return merge_ngrams([count_ngrams(tokens_of(texts[i : i + size])) for i in range(0, max(1, len(texts)), size)])


def as_dict(counts: NgramCounts, length: int) -> dict[str, tuple[int, int]]:
    words, sequences = counts.words.to_pylist(), counts.sequences[length - 2]
    rows = zip(sequences.words.tolist(), sequences.counts.tolist(), sequences.documents.tolist(), strict=True)
    return {" ".join(words[i] for i in row): (count, documents) for row, count, documents in rows}


def noise(n_documents: int, seed: int = 0, vocabulary: int = 3_000, words: int = 120) -> list[list[str]]:
    """Documents of independent words with Zipf frequencies."""
    rng = np.random.default_rng(seed)
    p = 1 / np.arange(1, vocabulary + 1)
    drawn = rng.choice(vocabulary, (n_documents, words), p=p / p.sum())
    return [[f"w{word}" for word in row] for row in drawn]


def test_g2_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        table = rng.integers(1, 300, (2, 2))
        ours = log_likelihood_ratio(table[:1, 0], table[:1].sum(1), table[:, :1].sum(0), int(table.sum()))[0]
        if table[0, 0] * table.sum() <= table[0].sum() * table[:, 0].sum():
            assert ours == 0
            continue
        expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert ours == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
        assert chance(np.array([ours]))[0] == pytest.approx(expected.pvalue, rel=1e-6)


def test_false_discovery_rates_are_those_of_scipy() -> None:
    p = np.random.default_rng(2).uniform(size=300) ** 3
    np.testing.assert_allclose(false_discovery_rates(p), stats.false_discovery_control(p))
    padded = stats.false_discovery_control(np.append(p, np.ones(700)))[:300]
    np.testing.assert_allclose(false_discovery_rates(p, 1_000), padded)
    assert false_discovery_rates(np.zeros(0), 5).size == 0


def test_c_values_are_those_of_the_paper() -> None:
    """Frantzi, Ananiadou and Mima 2000, section 2.3: the example of eye pathology."""
    given_counts = {
        "adenoid cystic basal cell carcinoma": 5,
        "cystic basal cell carcinoma": 11,
        "ulcerated basal cell carcinoma": 7,
        "recurrent basal cell carcinoma": 5,
        "circumscribed basal cell carcinoma": 3,
        "basal cell carcinoma": 984,
    }
    ids: dict[str, int] = {}
    keys = {name: tuple(ids.setdefault(word, len(ids)) for word in name.split()) for name in given_counts}
    found = c_values({keys[name]: count for name, count in given_counts.items()})
    values = [round(found[keys[name]].c_value, 2) for name in given_counts]
    assert values == [11.61, 12.0, 14.0, 10.0, 6.0, 1551.36]
    assert found[keys["cystic basal cell carcinoma"]].parent == keys["adenoid cystic basal cell carcinoma"]
    assert found[keys["basal cell carcinoma"]].own == 984 - 26


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=25), min_size=1, max_size=6))
def test_counts_are_exact_for_what_repeats(documents: list[list[str]]) -> None:
    counts = counts_of([" ".join(words) for words in documents])
    for length in range(2, 6):
        grams = [[tuple(d[i : i + length]) for i in range(len(d) - length + 1)] for d in documents]
        seen = Counter(gram for document in grams for gram in document)
        spread = Counter(gram for document in grams for gram in set(document))
        expected = {" ".join(gram): (n, spread[gram]) for gram, n in seen.items() if n > 1}
        assert as_dict(counts, length) == expected
        assert counts.sequences[length - 2].distinct == len(seen)


def test_merged_counts_are_never_too_large_and_within_their_bound() -> None:
    texts = [" ".join(words) for words in noise(300, vocabulary=200)]
    whole, parts = counts_of(texts), counts_of(texts, partitions=20)
    assert parts.n_units == whole.n_units
    assert dict(zip(parts.words.to_pylist(), parts.counts.tolist(), strict=True)) == dict(
        zip(whole.words.to_pylist(), whole.counts.tolist(), strict=True)
    )
    for length in range(2, 6):
        exact, merged = as_dict(whole, length), as_dict(parts, length)
        bound = parts.sequences[length - 2].undercount
        assert bound == 20
        for gram, (count, _) in exact.items():
            assert count - bound <= merged.get(gram, (0, 0))[0] <= count


def test_merge_is_associative_and_bounded() -> None:
    texts = [" ".join(words) for words in noise(200, vocabulary=300)]
    tables = [count_ngrams(tokens_of(texts[i : i + 20])) for i in range(0, 200, 20)]
    flat = merge_ngrams(tables)
    tree = merge_ngrams([merge_ngrams(tables[:3]), merge_ngrams(tables[3:])])
    for length in range(2, 6):
        assert as_dict(flat, length) == as_dict(tree, length)
    small = merge_ngrams(tables, most=100)
    assert all(len(sequences.counts) <= 100 for sequences in small.sequences)
    exact = as_dict(flat, 2)
    assert all(count <= exact[gram][0] for gram, (count, _) in as_dict(small, 2).items())
    assert small.sequences[0].undercount > flat.sequences[0].undercount


def test_independent_words_give_hardly_any_motif() -> None:
    found = sum(select_motifs(counts_of([" ".join(words) for words in noise(400, seed)])).num_rows for seed in range(4))
    assert found <= 1


def test_planted_collocations_are_found_and_nothing_else() -> None:
    documents = noise(400, seed=3)
    rng = np.random.default_rng(3)
    planted = ["quantum flux capacitor", "green tea", "bank of england"]
    for phrase in planted:
        for i in rng.choice(400, 40, replace=False):
            documents[i].insert(int(rng.integers(len(documents[i]))), phrase)
    motifs = select_motifs(counts_of([" ".join(words) for words in documents], partitions=4))
    found = motifs.column("motif").to_pylist()
    assert set(planted) <= set(found[:4])
    assert len(found) <= 6
    assert "flux capacitor" not in found
    best = motifs.slice(0, 1).to_pylist()[0]
    assert best["count"] >= 35
    assert best["documents"] >= 35
    assert best["q_value"] < 1e-6


def test_part_that_stands_alone_keeps_its_parent() -> None:
    texts = [f"a{i} prime minister tony blair b{i}" for i in range(20)] + [
        f"c{i} prime minister d{i}" for i in range(60)
    ]
    rows = {row["motif"]: row for row in select_motifs(counts_of(texts)).to_pylist()}
    assert rows["prime minister"]["parent"] == "prime minister tony blair"
    assert rows["prime minister tony blair"]["parent"] is None
    assert "minister tony" not in rows


def test_long_boilerplate_gives_no_shifted_copies() -> None:
    boilerplate = "click here to unsubscribe from newsletter mailings sent daily by example media group worldwide"
    texts = [f"x{i} y{i} {boilerplate} z{i}" for i in range(50)]
    motifs = select_motifs(counts_of(texts), Selection()).column("words").to_pylist()
    assert 1 <= len(motifs) <= 5


def test_sentences_and_documents_end_a_motif() -> None:
    texts = [f"p{i} alpha. Beta q{i}" for i in range(30)] + ["gamma", "delta"] * 30
    assert select_motifs(counts_of(texts)).num_rows == 0
    joined = [f"p{i} alpha-beta q{i}" for i in range(30)]
    assert select_motifs(counts_of(joined)).column("motif").to_pylist() == ["alpha beta"]


def test_edges_of_function_words_are_not_motifs() -> None:
    rng = np.random.default_rng(4)
    fillers = [word for words in noise(300, seed=5) for word in words]
    texts = []
    for i in range(300):
        picked = iter(rng.choice(fillers, 40))
        texts.append(" ".join(f"the {next(picked)} of the {next(picked)} was in a {next(picked)}" for _ in range(12)))
        texts[-1] += " head of state" if i % 3 == 0 else ""
    found = select_motifs(counts_of(texts)).column("motif").to_pylist()
    assert "head of state" in found
    assert not [motif for motif in found if motif.split()[0] in {"of", "the", "was", "in", "a"}]
    counts = counts_of(texts)
    listed = {counts.words[int(i)].as_py() for i in np.flatnonzero(listed_words(counts))}
    assert {"the", "of", "in"} <= listed


SENTENCES = {
    "en": "The minister said that the house would not vote before the war was over, and they left with their friends.",
    "de": "Der Minister sagte, dass wir nicht wissen, was noch kommt, und die Abgeordneten haben sich dann gefreut.",
    "nl": "De minister zei dat het kabinet niet weet wat er nog komt, en dat zij zich daar geen zorgen over maken.",
}


def listed_in(*languages: tuple[str, int]) -> set[str]:
    """What is listed where each language has so many texts."""
    counts = counts_of([SENTENCES[language] for language, times in languages for _ in range(times)])
    return {counts.words[int(i)].as_py() for i in np.flatnonzero(listed_words(counts))}


def test_function_words_of_every_language_of_a_mixture_are_listed() -> None:
    listed = listed_in(("en", 30), ("de", 30), ("nl", 30))
    assert {"the", "with", "dass", "noch", "het", "geen"} <= listed
    assert not {"minister", "kabinet", "house"} & listed


def test_words_of_one_language_stay_content_beside_a_few_texts_of_another() -> None:
    assert {"dass", "war"} <= listed_in(("en", 5), ("de", 50))
    listed = listed_in(("en", 60), ("de", 2))
    assert {"the", "with"} <= listed
    assert not {"war", "dass"} & listed


def test_even_words_are_suppressed_in_any_language() -> None:
    """Invented function words, in no list: the Zipf head that is spread evenly."""
    rng = np.random.default_rng(6)
    content = noise(300, seed=7)
    texts = []
    for words in content:
        out = []
        for word in words:
            out += [["zu1", "zu2", "zu3"][int(rng.integers(3))], word] if rng.random() < 0.5 else [word]
        at = int(rng.integers(len(out)))
        texts.append(" ".join([*out[:at], "zu1 zu2" if rng.random() < 0.9 else "", *out[at:]]))
    found = select_motifs(counts_of(texts)).column("words").to_pylist()
    assert not [words for words in found if words[0].startswith("zu") or words[-1].startswith("zu")]


def test_residual_idf_is_zero_for_evenly_spread_words_and_large_for_bursts() -> None:
    even, burst = residual_idf(np.array([1000, 1000]), np.array([632, 20]), 1000)
    assert abs(even) < 0.01
    assert burst > 4


def test_motifs_of_a_language_without_spaces_are_of_whole_words() -> None:
    texts = [
        "我们都知道这个问题的标准答案。",
        "这个问题很难回答，但是标准答案很简单。",
        "他们的问题是什么？",
        "没有人知道标准答案，问题很大。",
    ] * 4
    tokens = tokens_of(texts)
    motifs = select_motifs(count_ngrams(tokens))
    found = dict(zip(motifs.column("motif").to_pylist(), motifs.column("words").to_pylist(), strict=True))
    assert found["标准答案"] == ["标准", "答案"]
    assert all("".join(words) == motif for motif, words in found.items())
    for row in locate_motifs(tokens, motifs).to_pylist():
        assert texts[int(row["document_id"][1:])][row["start"] : row["end"]] == row["motif"]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["red", "Blue", "green", "café", "don't", "日本大学", "x."]), max_size=12), max_size=5
    )
)
def test_offsets_cut_out_the_motif(documents: list[list[str]]) -> None:
    texts = [" ".join(words) for words in documents]
    tokens = tokens_of(texts)
    words = [
        ["red", "blue"],
        ["blue", "green"],
        ["red", "blue", "green"],
        ["café", "don't"],
        ["日本", "大学"],
        ["no", "no"],
    ]
    names = ["red blue", "blue green", "red blue green", "café don't", "日本大学", "no no"]
    found = locate_motifs(tokens, pa.table({"motif": names, "words": words}))
    assert found.schema == OCCURRENCES
    for row in found.to_pylist():
        assert texts[int(row["document_id"][1:])][row["start"] : row["end"]].lower() == row["motif"]
    expected = sum(text.lower().count("日本大学") for text in texts)
    assert found.column("motif").to_pylist().count("日本大学") == expected


def test_occurrences_inside_longer_ones_are_left_out() -> None:
    tokens = tokens_of(["new york city and new york", "city of new york city"])
    motifs = pa.table({"motif": ["new york", "new york city"], "words": [["new", "york"], ["new", "york", "city"]]})
    rows = [tuple(row.values()) for row in locate_motifs(tokens, motifs).to_pylist()]
    assert rows == [
        ("d0", "new york city", 0, 13),
        ("d0", "new york", 18, 26),
        ("d1", "new york city", 8, 21),
    ]


@pytest.mark.parametrize("texts", [[], [""], ["", "one"], ["..."], ["a b"]])
def test_empty_and_tiny_inputs(texts: list[str]) -> None:
    tokens = tokens_of(texts)
    counts = count_ngrams(tokens)
    motifs = select_motifs(merge_ngrams([counts, counts]))
    assert motifs.schema == MOTIFS
    assert locate_motifs(tokens, select_motifs(counts)).num_rows == 0


def test_nothing_merged_is_nothing() -> None:
    nothing = merge_ngrams([])
    assert nothing.n_units == 0
    assert select_motifs(nothing).num_rows == 0
    something = count_ngrams(tokens_of(["a b c a b c"]))
    assert as_dict(merge_ngrams([nothing, something]), 2) == as_dict(something, 2)


def test_counts_survive_pickling_and_sliced_or_chunked_tables() -> None:
    texts = [" ".join(words) for words in noise(50)]
    tokens = tokens_of(texts)
    counts = pickle.loads(pickle.dumps(count_ngrams(tokens)))
    chunked = pa.concat_tables([tokens_of(texts[:20]), tokens_of(texts[20:])])
    renamed = as_dict(count_ngrams(chunked), 2)
    assert renamed == as_dict(counts, 2)
    assert as_dict(count_ngrams(tokens.slice(10, 20)), 2) == as_dict(count_ngrams(tokens_of(texts[10:30])), 2)


@pytest.mark.parametrize(
    "wrong", [{"longest": 6}, {"longest": 1}, {"false_discovery_rate": 0.0}, {"minimum_count": 1}, {"max_motifs": -1}]
)
def test_impossible_selections_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Selection(**wrong)


def test_selection_is_capped_and_ranked() -> None:
    texts = [f"u{i} alpha beta v{i} gamma delta w{i}" for i in range(40)] + [
        f"s{i} gamma delta t{i}" for i in range(40)
    ]
    ranked = select_motifs(counts_of(texts), Selection(max_motifs=1))
    assert ranked.column("motif").to_pylist() == ["gamma delta"]


def test_builtin_lexicon_names_categories() -> None:
    lexicon = Lexicon.load()
    assert 12 <= len(lexicon.categories) <= 20
    cases = {
        "prime minister": "politics",
        "interest rates": "economy",
        "hard drive": "technology",
        "world cup": "sport",
    }
    for motif, category in cases.items():
        assert lexicon.classify(motif.split()) == (category, 1.0)
    assert lexicon.classify(["qwerty", "zxcv"]) == (None, 0.0)
    found, confidence = lexicon.classify(["general", "election"])
    assert found == "politics"
    assert confidence == pytest.approx(2 / 3)


def test_own_lexicon_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("categories:\n  drinks: [green tea, coffee*, Tea-pot]\n  colours: [green]\n", "utf-8")
    lexicon = Lexicon.load(path)
    assert lexicon.classify(["green", "tea"]) == ("drinks", 1.0)
    assert lexicon.classify(["black", "coffees"])[0] == "drinks"
    assert lexicon.classify(["tea", "pot"]) == ("drinks", 1.0)
    assert pickle.loads(pickle.dumps(lexicon)) == lexicon


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("categories:\n  a: [x\n", "line 3: it is not YAML"),
        ("- x\n", "line 1: it must have one key"),
        ("", "line 1: it must have one key"),
        ("categories: {}\n", "line 1: `categories` must map"),
        ("categories:\n  a: word\n", "line 2: category 'a' must be a list"),
        ("categories:\n  a: [x]\n  a: [y]\n", "line 3: the name of a category"),
        ("categories:\n  a:\n    - x\n    - [y]\n", "line 4: an entry must be"),
        ("categories:\n  a:\n    - ab*\n", "line 3: 'ab\\*' is not a stem"),
        ("categories: [\x00]", "not YAML"),
    ],
)
def test_wrong_lexicons_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ParameterError, match=message):
        Lexicon.load(path)
    with pytest.raises(ParameterError, match="cannot read"):
        Lexicon.load(tmp_path / "missing.yaml")


def test_counting_and_locating_keep_up() -> None:
    tokens = tokens_of([" ".join(words) for words in noise(1_500, vocabulary=20_000, words=200)])
    started = time.process_time()
    counts = count_ngrams(tokens)
    locate_motifs(tokens, select_motifs(counts))
    assert time.process_time() - started < 3
