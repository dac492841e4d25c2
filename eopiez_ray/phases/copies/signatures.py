"""MinHash signatures of documents (Broder 1997), by which near-copies are found without comparing all pairs.

A document is the set of its *shingles*, the sequences of three consecutive words; one of fewer words is a single
shingle. Two sets resemble each other by Jaccard's index, the share of their union that both have. A random hash
function has the same minimum over both sets with exactly that probability, so the share of ``HASHES`` independent
functions whose minima agree estimates it, with a standard error of at most 1 / (2 √HASHES) = 0.06.

Of each minimum only the lowest eight bits are kept (b-bit minwise hashing, Li and König 2010): two different minima
agree in them with probability 1/256, which the estimate takes out. In addition, each of ``BANDS`` groups of whole
minima is hashed to one number. Documents that share such a number are candidates (locality-sensitive hashing, Indyk and
Motwani 1998): two that resemble each other by s share one with probability 1 - (1 - s⁴)¹⁶, which is 0.99 at s = 0.7 and
0.03 at s = 0.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from blake3 import blake3

Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

WORDS = 3
"""Words of a shingle."""
BANDS, ROWS = 16, 4
HASHES = BANDS * ROWS
CHANCE = 1 / 256
"""Probability that the kept bits of two different minima agree."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signatures of documents, in the order of the collection."""

    minima: Bytes
    """The lowest bits of each minimum, ``(n, HASHES)``."""
    bands: Hashes
    """``(n, BANDS)``."""
    has_words: npt.NDArray[np.bool_]
    """``(n,)``; a document without words resembles none."""

    def __len__(self) -> int:
        return len(self.minima)

    def resemblance(self, first: Positions, second: Positions) -> npt.NDArray[np.float64]:
        """Estimated Jaccard indices of pairs of documents, ``(m,)`` in [0, 1]."""
        agreeing = (self.minima[first] == self.minima[second]).sum(axis=1) / HASHES
        estimated: npt.NDArray[np.float64] = np.maximum(0.0, (agreeing - CHANCE) / (1 - CHANCE))
        return estimated


def sign(tokens: pa.Table) -> Signatures:
    """The signatures of a table of schema ``TOKENS``; they do not depend on how a collection is partitioned."""
    words, offsets = _word_hashes(tokens)
    shingles, firsts = _shingles(words, offsets)
    has_words = np.diff(offsets) > 0
    minima = np.zeros((len(has_words), HASHES), np.uint64)
    if len(shingles):
        for column, (factor, addend) in enumerate(_functions()):
            minima[has_words, column] = np.minimum.reduceat((shingles * factor + addend) >> np.uint64(32), firsts)
    return Signatures(minima.astype(np.uint8), _banded(minima), has_words)


def join(parts: Iterable[Signatures]) -> Signatures:
    """The signatures of all partitions, one after the other."""
    listed = [*parts]
    return Signatures(
        np.concatenate([np.zeros((0, HASHES), np.uint8), *(part.minima for part in listed)]),
        np.concatenate([np.zeros((0, BANDS), np.uint64), *(part.bands for part in listed)]),
        np.concatenate([np.zeros(0, np.bool_), *(part.has_words for part in listed)]),
    )


def _word_hashes(tokens: pa.Table) -> tuple[Hashes, Positions]:
    """A hash of each word in the table, and where each document begins; its end is the next one's beginning."""
    column = tokens.column("tokens").combine_chunks()
    lists = column if isinstance(column, pa.ListArray) else pa.concat_arrays(column.chunks)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    values = lists.values
    digests = b"".join(blake3(word.encode()).digest(8) for word in values.dictionary.to_pylist())
    known = np.frombuffer(digests, np.uint64)
    used = values.indices.to_numpy(zero_copy_only=False)[offsets[0] : offsets[-1]]
    return known[used], offsets - offsets[0]


def _shingles(words: Hashes, offsets: Positions) -> tuple[Hashes, Positions]:
    """A hash of each shingle, and where each document that has any begins."""
    lengths = np.diff(offsets)
    counts = np.where(lengths > 0, np.maximum(1, lengths - WORDS + 1), 0)
    firsts = np.cumsum(counts) - counts
    begins = np.arange(counts.sum()) + np.repeat(offsets[:-1] - firsts, counts)
    ends = np.repeat(offsets[1:], counts)
    found = np.zeros(len(begins), np.uint64)
    for place in range(WORDS):
        inside = begins + place < ends
        found[inside] = (found[inside] ^ words[begins[inside] + place]) * _GOLDEN
        found ^= found >> np.uint64(29)
    return found, firsts[counts > 0]


def _functions() -> Iterable[tuple[np.uint64, np.uint64]]:
    """Factors and addends of multiply-shift hash functions (Dietzfelbinger 1996), always the same."""
    drawn = np.random.default_rng(1997).integers(0, 2**64, (HASHES, 2), np.uint64)
    return ((factor | np.uint64(1), addend) for factor, addend in drawn)


def _banded(minima: Hashes) -> Hashes:
    bands = np.zeros((len(minima), BANDS), np.uint64)
    for row in range(ROWS):
        bands = (bands ^ minima[:, row::ROWS]) * _GOLDEN
        bands ^= bands >> np.uint64(29)
    return bands
