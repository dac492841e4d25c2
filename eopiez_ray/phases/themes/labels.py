"""Which words tell a theme from the others: class-based TF-IDF (Grootendorst 2022, "BERTopic", section 3.3).

The documents of a theme count as one. A term t of theme c weighs

    W(t, c) = tf(t, c) · ln(1 + A / f(t)),

where tf(t, c) is the share of the theme's words that are t, f(t) how often t occurs in all themes, and A the mean
number of words of a theme. A label is to tell its theme from the others, so terms are ranked by

    W(t, c) · ln(tf(t, c) / tf(t)),

where tf(t) is the share of all words that are t: the logarithm of how much more frequent the term is here (that of the
pointwise Kullback–Leibler divergence, by which Tomokiyo and Hurst 2003 rank key phrases).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eopiez_ray.phases.motifs.function_words import function_words_of
from eopiez_ray.phases.themes.counting import Counts, ThemeCounts

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

TERMS = 10
"""Terms that are listed for a theme."""
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
class _Terms:
    """The terms of one theme."""

    columns: Counts
    """Of the table of counts, ``(n,)``."""
    weights: Floats
    """W of this module."""
    excess: Floats
    """How many times as frequent as in what the theme is told from."""
    are_common: Mask
    """Whether enough documents contain them."""

    def ranked(self) -> tuple[Counts, Floats]:
        """The terms that may be in the label, in any order, and what they are ranked by."""
        kept = self.are_common if self.are_common.any() else np.ones(len(self.columns), np.bool_)
        specific = kept & (self.excess >= SPECIFIC)
        if not specific.any():
            return self.columns[kept], self.weights[kept]
        return self.columns[specific], self.weights[specific] * np.log(self.excess[specific])


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


def label_themes(
    counts: ThemeCounts, terms: int = TERMS, groups: Sequence[object] | None = None
) -> list[tuple[list[str], list[float]]]:
    """The best ``terms`` of each theme and what they are ranked by; fewer where a theme has fewer.

    With ``groups``, such as the language of each theme ``(n_themes,)``, a theme is told from the others of its group
    instead of from all, unless it has the group to itself.

    Function words of the languages that a theme is written in, words of more than half of all documents, numbers and
    single letters are left out, what a theme has in common with most others, and what only a few documents repeat.
    """
    names = counts.terms.to_pylist()
    expected = _expected(counts, groups or [None] * len(counts.words))
    return [_best(names, *theme.ranked(), terms) for theme in _terms_by_theme(counts, names, expected)]


def _expected(counts: ThemeCounts, groups: Sequence[object]) -> list[Floats]:
    """Of each theme, the share of the words of its group that are each term, ``(n_terms,)``."""
    members = {group: [theme for theme, other in enumerate(groups) if other == group] for group in groups}
    everywhere = list(range(len(groups)))
    shares = {group: _shares(counts, own if len(own) > 1 else everywhere) for group, own in members.items()}
    return [shares[group] for group in groups]


def _shares(counts: ThemeCounts, themes: list[int]) -> Floats:
    occurrences = np.asarray(counts.counts[themes].sum(axis=0), dtype=np.float64).ravel()
    return occurrences / max(1, int(counts.words[themes].sum()))


def _terms_by_theme(counts: ThemeCounts, names: list[str], expected: list[Floats]) -> Iterator[_Terms]:
    """The usable terms of each theme."""
    weights = class_tf_idf(counts.counts, counts.words)
    usable = _usable(counts, names)
    n_words = max(1, int(counts.words.sum()))
    for theme, words in enumerate(counts.words.tolist()):
        kept = usable[theme, weights[theme].indices]
        columns = weights[theme].indices[kept]
        share = counts.counts[theme].data[kept] / max(1, words)
        are_common = counts.documents[columns] >= COMMON * counts.n_documents * words / n_words
        yield _Terms(columns, weights[theme].data[kept], share / expected[theme][columns], are_common)


def _usable(counts: ThemeCounts, names: list[str]) -> Mask:
    """Which terms may be in the label of each theme, ``(n_themes, n_terms)``."""
    readable = np.fromiter((_is_readable(name) for name in names), np.bool_, len(names))
    widespread = counts.documents > max(10.0, WIDESPREAD * counts.n_documents)
    telling = readable & ~function_words_of(counts.terms, counts.counts, counts.words)
    usable = telling & ~widespread
    for choice in (telling, np.broadcast_to(readable, telling.shape)):
        without = ~usable.any(axis=1)
        usable[without] = choice[without]
    return usable


def _best(names: list[str], columns: Counts, values: Floats, most: int) -> tuple[list[str], list[float]]:
    """The ``most`` names of the greatest values; equal ones by the alphabet."""
    if len(values) > most:
        least = np.partition(values, len(values) - most)[len(values) - most]
        columns, values = columns[values >= least], values[values >= least]
    best = sorted(zip((-values).tolist(), (names[i] for i in columns), strict=True))[:most]
    return [name for _, name in best], [-value for value, _ in best]


def _is_readable(term: str) -> bool:
    return LEAST_LETTERS <= len(term) <= LONGEST and any(character.isalpha() for character in term)
