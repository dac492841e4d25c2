"""How often each word and each motif occurs in each theme.

``count_by_theme`` (map) → ``merge_theme_counts`` (reduce).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from eopiez_ray.phases.themes.finding import NO_THEME
from eopiez_ray.phases.vectors.terms import count_matrix

Counts = npt.NDArray[np.int64]
Assigned = npt.NDArray[np.integer]

MOST_TERMS = 30_000
"""Terms of a partition that are kept, those in most documents."""
MOST_MERGED = 200_000
"""Terms that a merged table keeps, those in most documents."""
MERGE_EVERY = 8


@dataclass(frozen=True, slots=True)
class ThemeCounts:
    """Occurrences by theme, in some part of a collection."""

    terms: pa.StringArray
    """Distinct words, ``(n_terms,)``."""
    counts: sparse.csr_matrix
    """Occurrences of words, ``(n_themes, n_terms)``."""
    documents: Counts
    """Documents that contain the word, ``(n_terms,)``."""
    phrases: sparse.csr_matrix
    """Occurrences of motifs, ``(n_themes, n_motifs)``, in the order of the table of motifs."""
    words: Counts
    """All words of each theme, those that were dropped included, ``(n_themes,)``."""
    n_documents: int
    """With a theme."""


def count_by_theme(
    tokens: pa.Table, themes: Assigned, n_themes: int, occurrences: pa.Table | None = None
) -> ThemeCounts:
    """The counts of one partition.

    Args:
        tokens: of schema ``TOKENS``.
        themes: the theme of each document, ``(n,)``.
        n_themes: how many themes there are.
        occurrences: of the motifs in these documents, a table of schema ``OCCURRENCES``.
    """
    counts, terms = count_matrix(tokens)
    rows = np.flatnonzero(themes > NO_THEME)
    ones = np.ones(len(rows), np.int64)
    member = sparse.csr_matrix((ones, (themes[rows], rows)), shape=(n_themes, counts.shape[0]))
    by_theme = sparse.csr_matrix(member @ counts.astype(np.int64))
    by_theme.sort_indices()
    documents = np.bincount(counts[rows].indices, minlength=len(terms)).astype(np.int64)
    words = np.asarray(by_theme.sum(axis=1)).ravel().astype(np.int64)
    phrases = _no_counts(n_themes) if occurrences is None else _phrases(occurrences, tokens, themes, n_themes)
    return _most_widespread(ThemeCounts(terms, by_theme, documents, phrases, words, len(rows)), MOST_TERMS)


def merge_theme_counts(parts: Iterable[ThemeCounts], n_themes: int, most: int = MOST_MERGED) -> ThemeCounts:
    """The sum of many partitions' counts; a few are held at a time."""
    none = np.zeros(0, np.int64)
    nothing, words = _no_counts(n_themes), np.zeros(n_themes, np.int64)
    pending = [ThemeCounts(pa.array([], pa.string()), nothing, none, nothing, words, 0)]
    for part in parts:
        pending.append(part)
        if len(pending) > MERGE_EVERY:
            pending = [_most_widespread(_sum(pending), most)]
    return _most_widespread(_sum(pending), most)


def _phrases(occurrences: pa.Table, tokens: pa.Table, themes: Assigned, n_themes: int) -> sparse.csr_matrix:
    column = occurrences.column("motif").unify_dictionaries().combine_chunks()
    motif = column.indices.to_numpy(zero_copy_only=False)
    rows = occurrences.column("document_id").combine_chunks()
    theme = themes[pc.index_in(rows, tokens.column("document_id").combine_chunks()).to_numpy()]
    known = theme > NO_THEME
    ones = np.ones(int(known.sum()), np.int64)
    return sparse.csr_matrix((ones, (theme[known], motif[known])), shape=(n_themes, len(column.dictionary)))


def _no_counts(n_themes: int) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.zeros((n_themes, 0), np.int64))


def _most_widespread(counts: ThemeCounts, most: int) -> ThemeCounts:
    if len(counts.terms) <= most:
        return counts
    kept = np.sort(np.argsort(-counts.documents, kind="stable")[:most])
    return ThemeCounts(
        counts.terms.take(pa.array(kept)),
        sparse.csr_matrix(counts.counts[:, kept]),
        counts.documents[kept],
        counts.phrases,
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
        _sum_phrases([part.phrases for part in parts]),
        np.sum([part.words for part in parts], axis=0),
        sum(part.n_documents for part in parts),
    )


def _sum_phrases(parts: list[sparse.csr_matrix]) -> sparse.csr_matrix:
    """The sum of the parts that counted motifs."""
    counted = [part for part in parts if part.shape[1]]
    return sparse.csr_matrix(sum(counted[1:], counted[0])) if counted else parts[0]
