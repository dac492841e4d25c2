"""The lines of documents, each known by a hash of its words: without regard to case, punctuation and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from blake3 import blake3

from eopiez_ray.phases.markings import Mask, Positions
from eopiez_ray.phases.text import Runs, is_unspaced, normalized

Hashes = npt.NDArray[np.uint64]

CHARACTERS_A_WORD = 2
"""Of scripts that write no spaces."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


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
    place = (np.arange(len(numbers)) - firsts[of_runs]).astype(np.uint64)
    keys = np.add.reduceat(_mixed(hashes + place * _GOLDEN), firsts)
    documents = np.searchsorted(runs.origins, runs.spans.starts[firsts], side="right") - 1
    return Lines(keys, np.add.reduceat(np.where(is_number, 0, _words(runs)), firsts), documents, firsts, of_runs)


def _word_hashes(runs: Runs) -> tuple[Hashes, Mask]:
    """A hash of each run, the same for all numbers, and which are numbers."""
    encoded = normalized(runs)
    words = encoded.dictionary.to_pylist()
    numbers = np.fromiter((word[0].isdecimal() for word in words), np.bool_, len(words))
    digests = b"".join(blake3(word.encode()).digest(8) for word in words)
    hashes = np.where(numbers, np.uint64(0), np.frombuffer(digests, np.uint64))
    ids = encoded.indices.to_numpy()
    return hashes[ids], numbers[ids]


def _words(runs: Runs) -> Positions:
    """How many words each run counts for."""
    if runs.codes.dtype == np.uint8:
        return np.ones(len(runs.spans), np.int64)
    lengths = runs.spans.ends - runs.spans.starts
    unspaced: Mask = is_unspaced(runs.codes[runs.spans.starts])
    return np.where(unspaced, -(-lengths // CHARACTERS_A_WORD), 1)


def _mixed(values: Hashes) -> Hashes:
    """The middle of the finalizer of SplitMix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX
    return values ^ (values >> np.uint64(27))
