"""What each theme is about, in words: class-based TF-IDF (Grootendorst 2022, "BERTopic", section 3.3).

The documents of a theme count as one. A term t of theme c weighs

    W(t, c) = tf(t, c) · ln(1 + A / f(t)),

where tf(t, c) is the share of the theme's words that are t, f(t) how often t occurs in all themes, and A the mean
number of words of a theme. A label is to tell its theme from the others, so terms are ranked by

    W(t, c) · ln(tf(t, c) / tf(t)),

where tf(t) is the share of all words that are t: the logarithm of how much more frequent the term is here (that of the
pointwise Kullback–Leibler divergence, by which Tomokiyo and Hurst 2003 rank key phrases).

``count_by_theme`` (map) → ``merge_theme_counts`` (reduce) → ``label_themes`` (reduce).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from eopiez_ray.phases.motifs.function_words import are_function_words
from eopiez_ray.phases.themes.finding import NO_THEME
from eopiez_ray.phases.vectors.terms import count_matrix

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LABEL_TERMS = 3
"""Terms in a label."""
TERMS = 10
"""Terms that are listed for a theme."""
MOST_TERMS = 30_000
"""Terms of a partition that are kept, those in most documents."""
MOST_MERGED = 200_000
"""Terms that a merged table keeps, those in most documents."""
MERGE_EVERY = 8
WIDESPREAD = 0.5
"""Share of all documents above which a term says nothing."""
SPECIFIC = 1.5
"""How many times as frequent as in the whole collection a term must be in a theme to tell it from others."""
COMMON = 0.04
"""Documents that contain a term, over those of the theme by its share of words, below which it is a quirk of a few."""
LEAST_LETTERS = 2
LONGEST = 40
"""Characters of the longest term in a label."""


@dataclass(frozen=True, slots=True)
class ThemeCounts:
    """How often each term occurs in each theme, in some part of a collection."""

    terms: pa.StringArray
    """Distinct terms, ``(n_terms,)``."""
    counts: sparse.csr_matrix
    """Occurrences, ``(n_themes, n_terms)``."""
    documents: Counts
    """Documents that contain the term, ``(n_terms,)``."""
    words: Counts
    """Words of each theme, terms that were dropped included, ``(n_themes,)``."""
    n_documents: int
    """With a theme."""


def count_by_theme(tokens: pa.Table, themes: npt.NDArray[np.integer], n_themes: int) -> ThemeCounts:
    """The counts of one partition, a table of schema ``TOKENS``, whose documents have the ``themes`` ``(n,)``."""
    counts, terms = count_matrix(tokens)
    rows = np.flatnonzero(themes > NO_THEME)
    ones = np.ones(len(rows), np.int64)
    member = sparse.csr_matrix((ones, (themes[rows], rows)), shape=(n_themes, counts.shape[0]))
    by_theme = sparse.csr_matrix(member @ counts.astype(np.int64))
    by_theme.sort_indices()
    documents = np.bincount(counts[rows].indices, minlength=len(terms)).astype(np.int64)
    words = np.asarray(by_theme.sum(axis=1)).ravel().astype(np.int64)
    return _most_widespread(ThemeCounts(terms, by_theme, documents, words, len(rows)), MOST_TERMS)


def merge_theme_counts(parts: Iterable[ThemeCounts], n_themes: int, most: int = MOST_MERGED) -> ThemeCounts:
    """The sum of many partitions' counts; a few are held at a time."""
    none = np.zeros(0, np.int64)
    nothing = sparse.csr_matrix(np.zeros((n_themes, 0), np.int64))
    pending = [ThemeCounts(pa.array([], pa.string()), nothing, none, np.zeros(n_themes, np.int64), 0)]
    for part in parts:
        pending.append(part)
        if len(pending) > MERGE_EVERY:
            pending = [_most_widespread(_sum(pending), most)]
    return _most_widespread(_sum(pending), most)


def class_tf_idf(counts: sparse.csr_matrix, words: Counts) -> sparse.csr_matrix:
    """W of this module, ``(n_themes, n_terms)``.

    Args:
        counts: occurrences, ``(n_themes, n_terms)``.
        words: all words of each theme, ``(n_themes,)``.
    """
    frequency = np.asarray(counts.sum(axis=0)).ravel().astype(np.float64)
    mean_words = float(words.mean()) if len(words) else 0.0
    idf = np.log1p(mean_words / np.maximum(frequency, 1))
    share = sparse.diags(1 / np.maximum(words.astype(np.float64), 1))
    return sparse.csr_matrix(share @ counts.astype(np.float64) @ sparse.diags(idf))


def label_themes(counts: ThemeCounts, terms: int = TERMS) -> list[tuple[list[str], list[float]]]:
    """The best ``terms`` of each theme and their weights, as they are ranked; fewer where a theme has fewer.

    Function words, words of more than half of all documents, numbers and single letters are left out, what a theme has
    in common with most others, and what only a few documents repeat.
    """
    weights = class_tf_idf(counts.counts, counts.words)
    names = counts.terms.to_pylist()
    usable = _usable(counts, names)
    total = np.asarray(counts.counts.sum(axis=0)).ravel()
    expected = total / max(1, int(counts.words.sum()))
    found = []
    for theme, size in enumerate(counts.words / max(1, int(counts.words.sum()))):
        row = weights[theme]
        share = counts.counts[theme].data / max(1, int(counts.words[theme]))
        kept = usable[row.indices]
        common = kept & (counts.documents[row.indices] >= COMMON * counts.n_documents * size)
        kept = common if common.any() else kept
        excess = share / expected[row.indices]
        specific = kept & (excess >= SPECIFIC)
        ranked = row.data * np.log(excess) if specific.any() else row.data
        kept = specific if specific.any() else kept
        columns, values = row.indices[kept], ranked[kept]
        if len(values) > terms:
            least = np.partition(values, len(values) - terms)[len(values) - terms]
            columns, values = columns[values >= least], values[values >= least]
        best = sorted(zip((-values).tolist(), (names[i] for i in columns), strict=True))[:terms]
        found.append(([name for _, name in best], [-weight for weight, _ in best]))
    return found


def _usable(counts: ThemeCounts, names: list[str]) -> npt.NDArray[np.bool_]:
    total = np.asarray(counts.counts.sum(axis=0)).ravel()
    listed = are_function_words(counts.terms, total, int(counts.words.sum()))
    readable = np.fromiter((_is_readable(name) for name in names), np.bool_, len(names))
    widespread = counts.documents > max(10.0, WIDESPREAD * counts.n_documents)
    telling = readable & ~listed
    for usable in (telling & ~widespread, telling):
        if usable.any():
            return usable
    return readable


def _is_readable(term: str) -> bool:
    return LEAST_LETTERS <= len(term) <= LONGEST and any(character.isalpha() for character in term)


def _most_widespread(counts: ThemeCounts, most: int) -> ThemeCounts:
    if len(counts.terms) <= most:
        return counts
    kept = np.sort(np.argsort(-counts.documents, kind="stable")[:most])
    return ThemeCounts(
        counts.terms.take(pa.array(kept)),
        sparse.csr_matrix(counts.counts[:, kept]),
        counts.documents[kept],
        counts.words,
        counts.n_documents,
    )


def _sum(parts: list[ThemeCounts]) -> ThemeCounts:
    encoded = pa.concat_arrays([part.terms for part in parts]).dictionary_encode()
    column = encoded.indices.to_numpy().astype(np.int64)
    size = len(encoded.dictionary)
    joined = sparse.csr_matrix(sparse.hstack([part.counts for part in parts], format="csr"))
    summed = sparse.csr_matrix((joined.data, column[joined.indices], joined.indptr), shape=(joined.shape[0], size))
    summed.sum_duplicates()
    summed.sort_indices()
    documents = np.bincount(column, np.concatenate([part.documents for part in parts]), minlength=size)
    return ThemeCounts(
        encoded.dictionary,
        summed,
        documents.astype(np.int64),
        np.sum([part.words for part in parts], axis=0),
        sum(part.n_documents for part in parts),
    )
