"""What a theme is called: its most telling words, in the phrases that they are mostly used in.

A word that mostly occurs in one motif (``nations`` in ``six nations``) says less than the motif, which takes its place.
Two names of one label are never forms of one word, and two themes have the same names only where they have no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from eopiez_ray.phases.motifs.function_words import function_words_of
from eopiez_ray.phases.themes.counting import Counts, ThemeCounts
from eopiez_ray.phases.themes.labels import label_themes

NAMES = 3
"""Names in a label."""
MOSTLY = 0.5
"""Share of a word's occurrences in a theme that are inside one motif, from which the motif takes its place."""
LONGEST = 4
"""Words of a motif that can be a name, at most one of them a function word (``house of commons``)."""
STEM = 4
"""Characters that two forms of one word share at the beginning at least."""

Name = tuple[str, ...]
"""The normalized words of a word or a phrase."""


@dataclass(frozen=True, slots=True)
class NamedTheme:
    """The words that tell a theme from the others."""

    names: tuple[Name, ...]
    """Of its label, the most telling first; none where no document has a readable word."""
    terms: tuple[str, ...]
    """The best single words, normalized, best first."""
    weights: tuple[float, ...]
    """What the terms are ranked by (``labels``)."""


def name_themes(counts: ThemeCounts, motifs: pa.Table, groups: Sequence[object] | None = None) -> list[NamedTheme]:
    """The names of all themes.

    Args:
        counts: of words and motifs by theme.
        motifs: of schema ``MOTIFS``.
        groups: among which themes are told from each other, ``(n_themes,)``; None tells them from all.
    """
    column = {word: place for place, word in enumerate(counts.terms.to_pylist())}
    is_listed = np.flatnonzero(function_words_of(counts.terms, counts.counts, counts.words).any(axis=0))
    function_words = set(counts.terms.take(pa.array(is_listed)).to_pylist())
    phrases = _Phrases([tuple(words) for words in motifs.column("words").to_pylist()], function_words)
    taken: set[tuple[Name, ...]] = set()
    named = []
    for theme, (terms, weights) in enumerate(label_themes(counts, groups=groups)):
        occurrences = [int(counts.counts[theme, column[term]]) for term in terms]
        candidates = phrases.in_place_of(terms, occurrences, _row(counts.phrases, theme))
        names = _distinct(candidates, taken)
        taken.add(names)
        named.append(NamedTheme(names, tuple(terms), tuple(weights)))
    return named


class _Phrases:
    """The motifs of a collection that can be names, by the words that they contain."""

    def __init__(self, motifs: Sequence[Name], function_words: Collection[str]) -> None:
        self._motifs = motifs
        self._with_word: dict[str, list[int]] = {}
        for number, words in enumerate(motifs):
            if len(words) > LONGEST or sum(word in function_words for word in words) > 1:
                continue
            for word in dict.fromkeys(words):
                self._with_word.setdefault(word, []).append(number)

    def in_place_of(self, words: Sequence[str], occurrences: Sequence[int], counts: Counts) -> Iterable[Name]:
        """Each word, or the longest motif that it mostly occurs in.

        Args:
            occurrences: of each word, in a theme.
            counts: of each motif in the theme, not those inside of longer ones.
        """
        return [self._of(word, MOSTLY * n, counts) for word, n in zip(words, occurrences, strict=True)]

    def _of(self, word: str, least: float, counts: Counts) -> Name:
        seen = [number for number in self._with_word.get(word, ()) if number < len(counts) and counts[number]]
        longest: tuple[int, int, Name] = (1, 0, (word,))
        for number in seen:
            words = self._motifs[number]
            inside = sum(int(counts[other]) for other in seen if _contains(self._motifs[other], words))
            if inside >= least:
                longest = max(longest, (len(words), inside, words))
        return longest[2]


def _contains(words: Name, part: Name) -> bool:
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))


def _distinct(candidates: Iterable[Name], taken: set[tuple[Name, ...]]) -> tuple[Name, ...]:
    """The first names that are no forms of one another, and together not those of another theme if there are more."""
    chosen: list[Name] = []
    for name in candidates:
        if any(_are_alike(word, other) for known in chosen for word in name for other in known):
            continue
        if len(chosen) < NAMES:
            chosen.append(name)
        elif tuple(chosen) in taken:
            chosen[-1] = name
    return tuple(chosen)


def _are_alike(word: str, other: str) -> bool:
    """Whether the two are probably forms of one word: they begin alike, for more than half of the longer one."""
    if word == other:
        return True
    shared = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    return shared >= STEM and 2 * shared > max(len(word), len(other))


def _row(counts: sparse.csr_matrix, row: int) -> Counts:
    dense: Counts = np.asarray(counts[row].todense()).ravel()
    return dense
