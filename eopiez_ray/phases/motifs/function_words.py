"""Which words tie others together and make a poor beginning or end of a motif ("of the", "said that").

Where a language is spoken whose function words are listed, the list tells. Which are spoken is told by the words that
only one list has, and in short texts by the list that covers most. For all other languages the signs are those of the
Zipf head: words that are very frequent and spread over documents as evenly as chance would have it. The spread is
residual inverse document frequency (Church and Gale 1995, section 4): the idf that a word has beyond that of a Poisson
process of its frequency; near 0 for words that every document uses alike.
"""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from scipy import sparse

from eopiez_ray.phases.motifs.ngrams import NgramCounts

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SPOKEN = 0.02
"""Share of all words, of those that only one list has, from which its language is taken to be spoken."""
AS_MUCH = 0.15
"""That share over the greatest one of all languages, from which its words are left out: ``die`` and ``war`` are words
to keep in an English collection with a few German texts."""
COVERED = 0.2
"""Share of all words that the list with the most of them must have, to tell the language by itself."""
VARIETY = 3
"""Different words that must occur in either case: a single one may be content in another language."""
HEAD = 1 / 1_000
"""Share of all units from which a word is in the Zipf head."""
HEAD_COUNT = 200
"""Occurrences below which nothing is known of a word's spread: in a small collection its topic is as frequent."""
EVEN = 1.0
"""Bits of residual idf below which a word is evenly spread."""


def listed_words(counts: NgramCounts) -> Mask:
    """Which words are function words of a language that the collection is written in, ``(n_words,)``."""
    return are_function_words(counts.words, counts.counts, counts.n_units)


def are_function_words(words: pa.StringArray, counts: npt.NDArray[np.integer], n_words: int) -> Mask:
    """The same of distinct words that occur ``counts`` times each, among ``n_words`` in all."""
    found: Mask = function_words_of(words, sparse.csr_matrix(counts), np.array([n_words]))[0]
    return found


def function_words_of(words: pa.StringArray, counts: sparse.csr_matrix, n_words: npt.NDArray[np.integer]) -> Mask:
    """Which words are function words in each part of a collection, ``(n_parts, n_terms)``.

    Args:
        words: distinct words, ``(n_terms,)``.
        counts: how often they occur in each part, ``(n_parts, n_terms)``.
        n_words: all words of each part, ``(n_parts,)``.
    """
    listed = np.array([pc.is_in(words, known).to_numpy(zero_copy_only=False) for known in _lists().values()])
    covered, variety = _coverage(counts, listed, n_words)
    are_spoken = (covered >= np.maximum(COVERED, covered.max(axis=1, keepdims=True))) & (variety >= VARIETY)
    told, variety = _coverage(counts, listed & (listed.sum(axis=0) == 1), n_words)
    are_spoken |= (told >= np.maximum(SPOKEN, AS_MUCH * told.max(axis=1, keepdims=True))) & (variety >= VARIETY)
    found: Mask = (are_spoken[:, :, None] & listed).any(axis=1)
    return found


def _coverage(
    counts: sparse.csr_matrix, lists: Mask, n_words: npt.NDArray[np.integer]
) -> tuple[Floats, npt.NDArray[np.integer]]:
    """The share of the words of each part that each list has, and how many different ones; ``(n_parts, n_lists)``."""
    shares: Floats = np.asarray(counts @ lists.T.astype(np.float64)) / np.maximum(n_words, 1)[:, None]
    return shares, np.asarray((counts > 0).astype(np.int64) @ lists.T.astype(np.int64))


def even_head(counts: NgramCounts) -> Mask:
    """Which words are very frequent and evenly spread, ``(n_words,)``."""
    is_frequent = (counts.counts >= HEAD * counts.n_units) & (counts.counts >= HEAD_COUNT)
    return is_frequent & (residual_idf(counts.counts, counts.documents, counts.n_documents) < EVEN)


def residual_idf(counts: npt.NDArray[np.integer], documents: npt.NDArray[np.integer], n_documents: int) -> Floats:
    """Bits of inverse document frequency beyond those of a Poisson process, for each count and document count."""
    n = max(1, n_documents)
    expected = -np.expm1(-counts / n)
    with np.errstate(divide="ignore"):
        return np.asarray(
            np.where(counts > 0, np.log2(np.maximum(expected, 1e-300) * n / np.maximum(documents, 1)), 0.0)
        )


@functools.cache
def _lists() -> dict[str, pa.StringArray]:
    text = resources.files("eopiez_ray.phases.motifs").joinpath("function_words.yaml").read_text("utf-8")
    return {language: pa.array(words.split(), pa.string()) for language, words in yaml.safe_load(text).items()}
