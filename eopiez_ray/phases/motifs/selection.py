"""Which sequences are motifs: significantly associated, not explained by a longer one, and fit to be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.motifs.function_words import even_head, listed_words, residual_idf
from eopiez_ray.phases.motifs.lexicon import Lexicon
from eopiez_ray.phases.motifs.nesting import Nesting, Words, c_values
from eopiez_ray.phases.motifs.ngrams import LONGEST, NgramCounts
from eopiez_ray.phases.motifs.significance import chance, false_discovery_rates, log_likelihood_ratio
from eopiez_ray.phases.motifs.units import Ids, join_words

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOTIFS = pa.schema(
    [
        pa.field("motif", pa.string(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("q_value", pa.float64(), nullable=False),
        pa.field("c_value", pa.float64(), nullable=False),
        pa.field("parent", pa.string()),
        pa.field("category", pa.string()),
        pa.field("confidence", pa.float64(), nullable=False),
    ]
)
"""One row a motif, best first: by C-value, times the root of documents per occurrence, so that what many documents say
comes before what a few repeat. ``score`` is G² of its weakest split, ``q_value`` the false discovery rate,
``parent`` the most frequent longer motif that contains it, ``confidence`` that of the category, 0 to 1."""

EDGE_BITS = 6.0
"""Pointwise mutual information with the rest that a word of the Zipf head needs at the edge of a motif."""
TOPICAL = 0.5
"""Bits of residual idf that a motif of only such words needs."""
CANDIDATES = 50_000
"""Significant sequences that are compared with each other at least."""
SAME_PHRASE = 0.8
"""Ratio of counts from which two windows that are shifted by one word show the same longer phrase."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What makes a sequence a motif."""

    max_motifs: int = 2_000
    """Motifs that are kept at most, by C-value."""
    minimum_count: int = 3
    """Occurrences."""
    minimum_documents: int = 2
    """Documents that contain it; 1 where the collection has only one."""
    false_discovery_rate: float = 0.01
    """Expected share of chance findings among all motifs."""
    longest: int = LONGEST
    """Words of the longest motif, 2 to 5."""

    def __post_init__(self) -> None:
        if not 2 <= self.longest <= LONGEST:
            raise ParameterError(f"longest is {self.longest}; it must be from 2 to {LONGEST}")
        if not 0 < self.false_discovery_rate < 1:
            raise ParameterError(f"false_discovery_rate is {self.false_discovery_rate}; it must be between 0 and 1")
        if self.max_motifs < 0 or self.minimum_count < 2 or self.minimum_documents < 1:
            raise ParameterError("max_motifs must be at least 0, minimum_count 2 and minimum_documents 1")


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Sequences of one length with their statistics."""

    words: Ids
    counts: Ids
    documents: Ids
    g2: Floats
    q: Floats

    def where(self, kept: Mask) -> _Candidates:
        return _Candidates(self.words[kept], self.counts[kept], self.documents[kept], self.g2[kept], self.q[kept])


def select_motifs(counts: NgramCounts, selection: Selection | None = None, lexicon: Lexicon | None = None) -> pa.Table:
    """The motifs of a collection, a table of schema ``MOTIFS``.

    A sequence is tested at each place where it can be split in two, and the weakest split counts: its p-value is
    that of the null hypothesis that some split is chance. False discoveries are controlled over all sequences that
    were seen, those that were too rare to be counted included.
    """
    selection, lexicon = selection or Selection(), lexicon or Lexicon.load()
    tested = _tested(counts, selection)
    n_tests = sum(sequences.distinct for sequences in counts.sequences[: selection.longest - 1])
    q = false_discovery_rates(np.concatenate([chance(part.g2) for part in tested]), n_tests)
    limits = np.cumsum([len(part.g2) for part in tested])[:-1]
    readable = _Readability(counts)
    kept = []
    for part, rates in zip(tested, np.split(q, limits), strict=True):
        rated = _Candidates(part.words, part.counts, part.documents, part.g2, rates)
        significant = rated.where((rates <= selection.false_discovery_rate) & (part.g2 > 0))
        kept.append(significant.where(readable.judge(significant)))
    return _table(counts, _best_bounded(kept, max(CANDIDATES, 10 * selection.max_motifs)), selection, lexicon)


def _best_bounded(found: list[_Candidates], most: int) -> list[_Candidates]:
    """The ``most`` sequences that can have the greatest C-value, for it is at most log₂|a| times the count."""
    bounds = [part.counts * np.log2(part.words.shape[1]) for part in found]
    everything = np.concatenate(bounds)
    if len(everything) <= most:
        return found
    floor = np.partition(everything, len(everything) - most)[len(everything) - most]
    return [part.where(bound >= floor) for part, bound in zip(found, bounds, strict=True)]


def _tested(counts: NgramCounts, selection: Selection) -> list[_Candidates]:
    """G² of the weakest split of each sequence that is frequent enough, by length."""
    least_documents = min(selection.minimum_documents, max(1, counts.n_documents))
    tested = []
    for sequences in counts.sequences[: selection.longest - 1]:
        frequent = (sequences.counts >= selection.minimum_count) & (sequences.documents >= least_documents)
        weakest = np.full(int(frequent.sum()), np.inf)
        tested.append(
            _Candidates(
                sequences.words[frequent],
                sequences.counts[frequent],
                sequences.documents[frequent],
                weakest,
                np.ones(len(weakest)),
            )
        )
    splits = [(part, cut) for part in tested for cut in range(1, part.words.shape[1])]
    firsts = _occurrences(counts, [part.words[:, :cut] for part, cut in splits])
    seconds = _occurrences(counts, [part.words[:, cut:] for part, cut in splits])
    for (part, _), first, second in zip(splits, firsts, seconds, strict=True):
        np.minimum(part.g2, log_likelihood_ratio(part.counts, first, second, counts.n_units), out=part.g2)
    return tested


def _occurrences(counts: NgramCounts, wanted: Sequence[Ids]) -> list[Ids]:
    """How often each row of words occurs; one that was dropped from the counts, as often as it can.

    All tables of one width are looked up at once, for the index of what is known costs more than its use.
    """
    found: list[Ids] = [np.zeros(0, np.int32)] * len(wanted)
    for width in {words.shape[1] for words in wanted}:
        places = [i for i, words in enumerate(wanted) if words.shape[1] == width]
        together = np.concatenate([wanted[i] for i in places])
        limits = np.cumsum([len(wanted[i]) for i in places])[:-1]
        for i, part in zip(places, np.split(_occurrences_of(counts, together), limits), strict=True):
            found[i] = part
    return found


def _occurrences_of(counts: NgramCounts, words: Ids) -> Ids:
    if words.shape[1] == 1:
        return counts.counts[words[:, 0]]
    sequences = counts.sequences[words.shape[1] - 2]
    known = pa.array(_row_keys(sequences.words))
    place = pc.fill_null(pc.index_in(pa.array(_row_keys(words)), known), -1).to_numpy()
    is_known = place >= 0
    is_known[is_known] = (sequences.words[place[is_known]] == words[is_known]).all(axis=1)
    occurrences = np.full(len(words), sequences.undercount, np.int32)
    occurrences[is_known] = sequences.counts[place[is_known]]
    return occurrences


def _row_keys(words: Ids) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each row (the finalizer of SplitMix64, Steele et al. 2014, after each word)."""
    keys = np.zeros(len(words), np.uint64)
    for column in words.T:
        keys = (keys + column.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        keys ^= keys >> np.uint64(31)
    return keys


class _Readability:
    """Tells sequences that mean something by themselves from scraps of sentences."""

    def __init__(self, counts: NgramCounts) -> None:
        self._counts = counts
        self._is_listed = listed_words(counts)
        self._is_head = np.zeros_like(self._is_listed) if self._is_listed.any() else even_head(counts)
        self._has_letters = np.fromiter(
            (word.isalpha() or any(map(str.isalpha, word)) for word in counts.words.to_pylist()),
            np.bool_,
            len(counts.words),
        )

    def judge(self, found: _Candidates) -> Mask:
        """Which sequences to keep."""
        words = found.words
        edges = words[:, [0, -1]]
        fits = ~self._is_listed[edges].any(axis=1)
        fits &= self._has_letters[words].any(axis=1)
        fits &= (words != words[:, :1]).any(axis=1)
        fits &= self._is_bound(found, words[:, :1], words[:, 1:]) & self._is_bound(found, words[:, -1:], words[:, :-1])
        bursts = residual_idf(found.counts, found.documents, self._counts.n_documents) >= TOPICAL
        return np.asarray(fits & (bursts | ~self._is_head[words].all(axis=1)))

    def _is_bound(self, found: _Candidates, edge: Ids, rest: Ids) -> Mask:
        """Whether the word at the edge is no word of the Zipf head, or one that the rest calls for."""
        bound = ~self._is_head[edge[:, 0]]
        rows = np.flatnonzero(~bound)
        if rows.size:
            counts = self._counts
            (alone,) = _occurrences(counts, [rest[rows]])
            expected = counts.counts[edge[rows, 0]].astype(np.float64) * alone / max(1, counts.n_units)
            bound[rows] = found.counts[rows] >= expected * 2**EDGE_BITS
        return bound


def _table(counts: NgramCounts, found: list[_Candidates], selection: Selection, lexicon: Lexicon) -> pa.Table:
    frequencies: dict[Words, int] = {}
    rows: dict[Words, tuple[int, float, float]] = {}
    for part in found:
        keys = list(map(tuple, part.words.tolist()))
        frequencies.update(zip(keys, part.counts.tolist(), strict=True))
        rows.update(
            zip(keys, zip(part.documents.tolist(), part.g2.tolist(), part.q.tolist(), strict=True), strict=True)
        )
    nesting = c_values(frequencies)
    repeated = _later_windows(frequencies, selection.longest)
    own = (words for words in rows if words not in repeated and _stands_alone(words, frequencies, nesting, selection))
    worth = {words: nesting[words].c_value * math.sqrt(rows[words][0] / frequencies[words]) for words in own}
    best = sorted(worth, key=lambda words: (-worth[words], -rows[words][1], words))[: selection.max_motifs]
    names = iter(counts.words.take(pa.array([word for words in best for word in words], pa.int32())).to_pylist())
    spelled = {words: [next(names) for _ in words] for words in best}
    return _assemble(best, spelled, frequencies, rows, nesting, lexicon)


def _stands_alone(
    words: Words, frequencies: dict[Words, int], nesting: dict[Words, Nesting], selection: Selection
) -> bool:
    """Whether a sequence occurs often enough outside the longer one that contains it most often."""
    count, parent = frequencies[words], nesting[words].parent
    return parent is None or count - frequencies[parent] >= max(selection.minimum_count, count / 10)


def _later_windows(frequencies: dict[Words, int], longest: int) -> set[Words]:
    """Of a phrase longer than any motif, all windows that overlap the one before that is kept."""
    windows = {words: count for words, count in frequencies.items() if len(words) == longest}
    following: dict[Words, list[Words]] = {}
    for words in windows:
        following.setdefault(words[:-1], []).append(words)
    next_one = {
        words: later
        for words, count in windows.items()
        for later in following.get(words[1:], ())
        if min(count, windows[later]) >= SAME_PHRASE * max(count, windows[later])
    }
    place: dict[Words, int] = {}
    for words in sorted(windows.keys() - set(next_one.values())) + sorted(windows):
        window: Words | None = words
        step = 0
        while window is not None and window not in place:
            place[window] = step
            step, window = step + 1, next_one.get(window)
    return {words for words, step in place.items() if step % longest}


def _assemble(
    best: list[Words],
    spelled: dict[Words, list[str]],
    frequencies: dict[Words, int],
    rows: dict[Words, tuple[int, float, float]],
    nesting: dict[Words, Nesting],
    lexicon: Lexicon,
) -> pa.Table:
    judged = [lexicon.classify(spelled[words]) for words in best]
    parents = [nesting[words].parent for words in best]
    columns = [
        [join_words(spelled[words]) for words in best],
        [spelled[words] for words in best],
        [len(words) for words in best],
        [frequencies[words] for words in best],
        [rows[words][0] for words in best],
        [rows[words][1] for words in best],
        [rows[words][2] for words in best],
        [nesting[words].c_value for words in best],
        [join_words(spelled[parent]) if parent in spelled else None for parent in parents],
        [category for category, _ in judged],
        [confidence for _, confidence in judged],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, MOTIFS, strict=True)]
    return pa.table(arrays, schema=MOTIFS)
