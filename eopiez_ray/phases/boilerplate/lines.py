"""The lines of documents, each known by a hash of its words: without regard to case, punctuation and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.markings import Mask, Positions
from eopiez_ray.phases.text import Runs, is_unspaced, normalized

Hashes = npt.NDArray[np.uint64]

CHARACTERS_A_WORD = 2
"""Of scripts that write no spaces."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_LAST_MIX = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that have words, one after the other."""

    keys: Hashes
    """``(n_lines,)``, equal for lines that have the same words."""
    words: Positions
    """``(n_lines,)``, how many each has, numbers aside."""
    documents: Positions
    """``(n_lines,)``, the row of the document; not decreasing."""
    first_runs: Positions
    """``(n_lines,)``, the first run of each."""
    of_runs: Positions
    """``(n_runs,)``, the line of each run."""


def lines_of(runs: Runs) -> Lines:
    """The lines of a partition's documents; a line without words is none."""
    ends = np.flatnonzero(runs.codes == ord("\n"))
    numbers = np.searchsorted(ends, runs.spans.starts)
    is_first = np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]
    firsts = np.flatnonzero(is_first)
    of_runs = np.cumsum(is_first) - 1
    if not len(firsts):
        return Lines(np.zeros(0, np.uint64), firsts, firsts, firsts, of_runs)
    hashes, is_number = _word_hashes(runs)
    keys = _combined(hashes, firsts)
    documents = np.searchsorted(runs.origins, runs.spans.starts[firsts], side="right") - 1
    return Lines(keys, np.add.reduceat(np.where(is_number, 0, _words(runs)), firsts), documents, firsts, of_runs)


def _word_hashes(runs: Runs) -> tuple[Hashes, Mask]:
    """A hash of each run, the same for all numbers, and which are numbers."""
    encoded = normalized(runs)
    numbers = pc.match_substring_regex(encoded.dictionary, r"^\p{Nd}").to_numpy(zero_copy_only=False)
    hashes = np.where(numbers, np.uint64(0), _string_hashes(encoded.dictionary))
    ids = encoded.indices.to_numpy()
    return hashes[ids], numbers[ids]


def _string_hashes(words: pa.StringArray) -> Hashes:
    """A hash of each string, ``(n,)``; none is empty."""
    _, offsets, data = words.buffers()
    limits = np.frombuffer(offsets, np.int32)[words.offset : words.offset + len(words) + 1].astype(np.int64)
    characters = np.frombuffer(data, np.uint8)[limits[0] : limits[-1]].astype(np.uint64)
    firsts = limits[:-1] - limits[0]
    return _combined(characters + np.uint64(1), firsts)


def _combined(values: Hashes, firsts: Positions) -> Hashes:
    """A hash of each sequence of values; sequences follow one another and begin at ``firsts``."""
    places = np.arange(len(values)) - np.repeat(firsts, np.diff(np.append(firsts, len(values))))
    return np.add.reduceat(_mixed(values + places.astype(np.uint64) * _GOLDEN), firsts)


def _words(runs: Runs) -> Positions:
    """How many words each run counts for."""
    if runs.codes.dtype == np.uint8:
        return np.ones(len(runs.spans), np.int64)
    lengths = runs.spans.ends - runs.spans.starts
    unspaced: Mask = is_unspaced(runs.codes[runs.spans.starts])
    return np.where(unspaced, -(-lengths // CHARACTERS_A_WORD), 1)


def _mixed(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX
    values = (values ^ (values >> np.uint64(27))) * _LAST_MIX
    return values ^ (values >> np.uint64(31))
