"""Counts of terms: what a partition contributes, and the vocabulary that all partitions agree on.

``count_terms`` (map) → ``merge_counts`` (reduce) → ``select_vocabulary`` (reduce) → ``term_matrix`` (map).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from eopiez_ray.errors import ParameterError

Floats = npt.NDArray[np.float32]

MERGE_EVERY = 16
"""Tables of counts that are gathered before they are summed."""


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How many documents and how many times in all each term occurs."""

    terms: pa.StringArray
    """Distinct terms."""
    documents: npt.NDArray[np.int64]
    """Documents that contain the term."""
    occurrences: npt.NDArray[np.int64]
    """Tokens that are the term."""
    n_documents: int
    """Documents counted, those without words included."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms that count, most widespread first, with their statistics over the whole collection."""

    terms: pa.StringArray
    """Distinct terms, ``(n_terms,)``."""
    idf: Floats
    """Smoothed inverse document frequency ``1 + ln((1 + n) / (1 + df))``."""
    frequency: Floats
    """Share of all tokens of the collection."""
    n_documents: int

    def __len__(self) -> int:
        return len(self.terms)


def count_matrix(tokens: pa.Table) -> tuple[sparse.csr_matrix, pa.StringArray]:
    """Term counts of one partition, ``(n_documents, n_terms)`` float32, and its terms (columns in any order)."""
    column = tokens.column("tokens").combine_chunks()
    lists = column if isinstance(column, pa.ListArray) else pa.concat_arrays(column.chunks)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    words = lists.values.slice(offsets[0], offsets[-1] - offsets[0]) if len(lists) else lists.values
    indices = words.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    counts = sparse.csr_matrix(
        (np.ones(len(indices), np.float32), indices, (offsets - offsets[0]).astype(np.int32)),
        shape=(len(lists), len(words.dictionary)),
    )
    counts.sum_duplicates()
    return counts, words.dictionary


def count_terms(counts: sparse.csr_matrix, terms: pa.StringArray) -> TermCounts:
    """The document frequencies and totals of one partition's count matrix."""
    documents = np.bincount(counts.indices, minlength=len(terms)).astype(np.int64)
    occurrences = np.bincount(counts.indices, counts.data, minlength=len(terms)).astype(np.int64)
    return TermCounts(terms, documents, occurrences, int(counts.shape[0]))


def merge_counts(parts: Iterable[TermCounts]) -> TermCounts:
    """The sum of many partitions' counts; associative, terms sorted."""
    pending: list[pa.Table] = []
    n_documents = 0
    for part in parts:
        pending.append(pa.table([part.terms, part.documents, part.occurrences], ["term", "documents", "occurrences"]))
        n_documents += part.n_documents
        if len(pending) >= MERGE_EVERY:
            pending = [_sum_by_term(pending)]
    if not pending:
        return TermCounts(pa.array([], pa.string()), np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
    merged = _sum_by_term(pending).sort_by("term")
    return TermCounts(
        merged["term"].combine_chunks(),
        merged["documents_sum"].to_numpy(),
        merged["occurrences_sum"].to_numpy(),
        n_documents,
    )


def _sum_by_term(tables: list[pa.Table]) -> pa.Table:
    plain = [table.rename_columns(["term", "documents", "occurrences"]) for table in tables]
    summed = pa.concat_tables(plain).group_by("term", use_threads=False)
    aggregated = summed.aggregate([("documents", "sum"), ("occurrences", "sum")])
    return aggregated.select(["term", "documents_sum", "occurrences_sum"])


def select_vocabulary(
    counts: TermCounts, *, min_df: int | None = None, max_df: float = 0.5, max_terms: int = 40_000
) -> Vocabulary:
    """The terms in at least ``min_df`` documents and at most a share ``max_df`` of them, the most widespread first.

    ``min_df`` is 1 below 100 documents, 2 below 1,000 and 3 above unless given. The upper limit never leaves out
    terms of fewer than 10 documents, so that tiny collections keep their words, and where it would leave nothing, as
    among copies of one document, there is none.
    """
    if not 0 < max_df <= 1:
        raise ParameterError(f"max_df must be a share in (0, 1], not {max_df}")
    if max_terms < 1 or (min_df is not None and min_df < 1):
        raise ParameterError(f"max_terms and min_df must be at least 1, not {max_terms} and {min_df}")
    n = counts.n_documents
    least = min_df if min_df is not None else 1 + (n >= 100) + (n >= 1_000)
    frequent = np.flatnonzero(counts.documents >= least)
    kept = frequent[counts.documents[frequent] <= max(10.0, max_df * n)]
    kept = kept if kept.size else frequent
    kept = kept[np.argsort(-counts.documents[kept], kind="stable")][:max_terms]
    total = max(1, int(counts.occurrences.sum()))
    return Vocabulary(
        counts.terms.take(pa.array(kept)),
        (1 + np.log((1 + n) / (1 + counts.documents[kept]))).astype(np.float32),
        (counts.occurrences[kept] / total).astype(np.float32),
        n,
    )


def restrict(counts: sparse.csr_matrix, terms: pa.StringArray, vocabulary: Vocabulary) -> sparse.csr_matrix:
    """The same counts with the vocabulary's columns; other terms are dropped."""
    column = pc.index_in(terms, value_set=vocabulary.terms)
    target = pc.fill_null(column, -1).to_numpy(zero_copy_only=False).astype(np.int32)[counts.indices]
    known = target >= 0
    before = np.concatenate([[0], np.cumsum(known)])[counts.indptr].astype(np.int32)
    shape = (counts.shape[0], len(vocabulary))
    return sparse.csr_matrix((counts.data[known], target[known], before), shape=shape)


def weigh(counts: sparse.csr_matrix, vocabulary: Vocabulary) -> sparse.csr_matrix:
    """Tf-idf with logarithmic term frequency, rows of length 1 (Manning et al. 2008, section 6.4: ``ltc``)."""
    data = (1 + np.log(counts.data)) * vocabulary.idf[counts.indices]
    squares = np.add.reduceat(np.append(data * data, 0), counts.indptr[:-1]) if counts.shape[0] else data
    rows = np.diff(counts.indptr)
    norms = np.sqrt(np.where(rows > 0, squares, 1)).astype(np.float32)
    return sparse.csr_matrix((data / np.repeat(norms, rows), counts.indices, counts.indptr), shape=counts.shape)
