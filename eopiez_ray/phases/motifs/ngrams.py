"""How often sequences of two to five units occur: counted by partition, merged into one.

A sequence that occurs once in a partition is not kept, and a merged table never grows beyond a cap: the rarest
sequences go first. This is lossy counting (Manku and Motwani 2002, section 4.2) with the partition as its bucket:
``undercount`` bounds by how much any count can be too small, and no count is ever too large.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eopiez_ray.phases.motifs.units import Ids, Positions, Units, take_units

LONGEST = 5
"""Units of the longest sequence."""
MOST_SEQUENCES = 1_000_000
"""Sequences of one length that a merged table keeps: at most about 110 MB for all lengths together."""
MERGE_EVERY = 16
"""Tables that are gathered before they are summed."""
_LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences of one length ``n``."""

    words: Ids
    """``(m, n)``, distinct rows, into the words of the counts."""
    counts: Ids
    """``(m,)``, occurrences."""
    documents: Ids
    """``(m,)``, documents that contain it."""
    distinct: int
    """Distinct sequences that were seen, dropped ones included; merged, an upper bound."""
    undercount: int
    """The true count of a sequence is at most its count (0 if it is missing) plus this."""


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """Counts of units and of their sequences in some part of a collection."""

    words: pa.StringArray
    """Distinct units."""
    counts: Ids
    """``(n_words,)``, occurrences, exact."""
    documents: Ids
    """``(n_words,)``, documents that contain the unit, exact."""
    sequences: tuple[Sequences, ...]
    """Of lengths 2 to ``LONGEST``."""
    n_units: int
    n_documents: int


def count_ngrams(tokens: pa.Table) -> NgramCounts:
    """The counts of one partition, a table of schema ``TOKENS``; sequences that occur once are dropped."""
    units = take_units(tokens)
    ids = units.ids.astype(np.int64)
    counts = np.bincount(ids, minlength=len(units.words)).astype(np.int32)
    documents = _document_counts(ids, units.documents, units.n_documents, len(units.words))
    return NgramCounts(units.words, counts, documents, tuple(_grow(units, counts)), len(ids), units.n_documents)


def _grow(units: Units, word_counts: Ids) -> Iterator[Sequences]:
    """Sequences by length: one of ``n`` units can repeat only if both of its parts of ``n - 1`` do."""
    grams = units.ids.astype(np.int64)
    rows = np.arange(len(units.words), dtype=np.int32)[:, None]
    repeats, fits = word_counts > 1, units.is_joined
    is_whole = np.ones(len(grams), np.bool_)
    for _ in range(2, LONGEST + 1):
        heads = np.flatnonzero(fits & is_whole & np.append(is_whole[1:], False))
        heads = heads[repeats[grams[heads]] & repeats[grams[heads + 1]]]
        encoded = pa.array(grams[heads] * len(rows) + grams[heads + 1], pa.int64()).dictionary_encode()
        keys, found = encoded.dictionary.to_numpy(), encoded.indices.to_numpy().astype(np.int64)
        rows = np.column_stack([rows[keys // max(1, len(rows))], rows[keys % max(1, len(rows))][:, -1]])
        counts = np.bincount(found, minlength=len(keys)).astype(np.int32)
        repeats = counts > 1
        kept = repeats[found]
        documents = _document_counts(found[kept], units.documents[heads[kept]], units.n_documents, len(keys))
        once = int(fits.sum()) - len(heads)  # Each holds a part that occurs once, so it occurs once itself.
        yield Sequences(rows[repeats], counts[repeats], documents[repeats], len(keys) + once, 1)
        grams, is_whole = np.zeros_like(grams), np.zeros_like(is_whole)
        grams[heads], is_whole[heads] = found, True
        fits = fits & np.append(fits[1:], False)


def _document_counts(found: Positions, documents: Ids, n_documents: int, size: int) -> Ids:
    """In how many documents each of ``size`` things occurs, given which one occurs where."""
    pairs = np.sort(found * n_documents + documents)
    is_first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    return np.bincount(pairs[is_first] // max(1, n_documents), minlength=size).astype(np.int32)


def merge_ngrams(parts: Iterable[NgramCounts], most: int = MOST_SEQUENCES) -> NgramCounts:
    """The sum of many partitions' counts; each length keeps its ``most`` frequent sequences."""
    pending: list[NgramCounts] = []
    for part in parts:
        pending.append(part)
        if len(pending) == MERGE_EVERY:
            pending = [_sum(pending, most)]
    return pending[0] if len(pending) == 1 else _sum(pending, most)


def _sum(parts: Sequence[NgramCounts], most: int) -> NgramCounts:
    if not parts:
        return _nothing()
    encoded = pa.concat_arrays([part.words for part in parts]).dictionary_encode()
    ids = encoded.indices.to_numpy().astype(np.int32)
    size = len(encoded.dictionary)
    limits = np.cumsum([0, *(len(part.words) for part in parts)])
    maps = [ids[low:high] for low, high in itertools.pairwise(limits)]
    return NgramCounts(
        encoded.dictionary,
        _add(ids, [part.counts for part in parts], size),
        _add(ids, [part.documents for part in parts], size),
        tuple(_sum_sequences(parts, maps, i, size, most) for i in range(LONGEST - 1)),
        sum(part.n_units for part in parts),
        sum(part.n_documents for part in parts),
    )


def _sum_sequences(parts: Sequence[NgramCounts], maps: list[Ids], i: int, n_words: int, most: int) -> Sequences:
    tables = [part.sequences[i] for part in parts]
    rows = np.concatenate([words[table.words] for words, table in zip(maps, tables, strict=True)])
    keys, size = _number(rows, n_words)
    first = np.zeros(size, np.int64)
    first[keys[::-1]] = np.arange(len(keys))[::-1]
    counts = _add(keys, [table.counts for table in tables], size)
    documents = _add(keys, [table.documents for table in tables], size)
    floor = int(np.partition(counts, size - most - 1)[size - most - 1]) if size > most else 0
    kept = counts > floor
    return Sequences(
        rows[first[kept]],
        counts[kept],
        documents[kept],
        sum(table.distinct for table in tables),
        sum(table.undercount for table in tables) + floor,
    )


def _number(rows: Ids, n_words: int) -> tuple[Positions, int]:
    """A number for each row, equal rows alike, from 0 in order of first appearance; and how many there are.

    As many columns as fit are packed into an integer before equal ones are looked for.
    """
    keys, bound = rows[:, 0].astype(np.int64), n_words
    for column in rows.T[1:]:
        if bound * n_words > _LARGEST_KEY:
            keys, bound = _first_seen(keys)
        keys, bound = keys * n_words + column, bound * n_words
    return _first_seen(keys)


def _first_seen(keys: Positions) -> tuple[Positions, int]:
    encoded = pa.array(keys, pa.int64()).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)


def _add(ids: npt.NDArray[np.integer], values: list[Ids], size: int) -> Ids:
    return np.bincount(ids, np.concatenate(values), minlength=size).astype(np.int32)


def _nothing() -> NgramCounts:
    none = np.zeros(0, np.int32)
    lengths = range(2, LONGEST + 1)
    sequences = tuple(Sequences(np.zeros((0, length), np.int32), none, none, 0, 0) for length in lengths)
    return NgramCounts(pa.array([], pa.string()), none, none, sequences, 0, 0)
