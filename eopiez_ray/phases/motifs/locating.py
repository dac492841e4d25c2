"""Where motifs occur in the documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.motifs.units import Mask, Positions, Units, take_units

OCCURRENCES = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("motif", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
    ]
)
"""One row an occurrence, in reading order, at the characters ``[start, end)`` of the document's text."""


@dataclass(frozen=True, slots=True)
class _Trie:
    """The motifs, as paths of units from state 0."""

    steps: list[tuple[Positions, Positions]]
    """By units already read: sorted keys (state times the number of words, plus the next unit), and the next state."""
    motifs: Positions
    """``(n_states,)``, the motif that ends in each state, or -1."""


def locate_motifs(tokens: pa.Table, motifs: pa.Table) -> pa.Table:
    """The occurrences of motifs in a partition, a table of schema ``OCCURRENCES``.

    An occurrence inside that of a longer motif is left out; occurrences that only overlap are all kept.

    Args:
        tokens: of schema ``TOKENS``.
        motifs: of schema ``MOTIFS``; only its columns ``motif`` and ``words`` are used.
    """
    units = take_units(tokens)
    trie = _build(units.words, motifs.column("words").to_pylist())
    heads, tails, found = _walk(units, trie)
    order = np.lexsort((-tails, heads))
    heads, tails, found = heads[order], tails[order], found[order]
    outer = _are_outer(tails)
    heads, tails, found = heads[outer], tails[outer], found[outer]
    names = pa.concat_arrays(motifs.column("motif").cast(pa.string()).chunks or [pa.array([], pa.string())])
    columns = [
        tokens.column("document_id").take(pa.array(units.documents[heads])).combine_chunks(),
        pa.DictionaryArray.from_arrays(pa.array(found.astype(np.int32)), names),
        pa.array(units.starts[heads]),
        pa.array(units.ends[tails]),
    ]
    return pa.table(columns, schema=OCCURRENCES)


def _build(words: pa.StringArray, motifs: list[list[str]]) -> _Trie:
    """The trie of the motifs whose words all occur in the partition."""
    wanted = list({word for motif in motifs for word in motif})
    places = pc.index_in(pa.array(wanted, pa.string()), words).to_pylist()
    ids = {word: place for word, place in zip(wanted, places, strict=True) if place is not None}
    steps: list[dict[int, int]] = [{} for _ in range(max(map(len, motifs), default=0))]
    ends = [-1]
    for number, motif in enumerate(motifs):
        path = [ids.get(word, -1) for word in motif]
        if min(path, default=-1) < 0:
            continue
        state = 0
        for depth, word in enumerate(path):
            following = steps[depth].setdefault(state * len(words) + word, len(ends))
            if following == len(ends):
                ends.append(-1)
            state = following
        ends[state] = number
    return _Trie([_sorted(step) for step in steps], np.array(ends, np.int64))


def _sorted(step: dict[int, int]) -> tuple[Positions, Positions]:
    keys = np.fromiter(step.keys(), np.int64, len(step))
    order = np.argsort(keys)
    return keys[order], np.fromiter(step.values(), np.int64, len(step))[order]


def _walk(units: Units, trie: _Trie) -> tuple[Positions, Positions, Positions]:
    """First unit, last unit and motif of every occurrence; all places are followed at once, unit by unit."""
    heads = np.flatnonzero(_begins(units, trie))
    states = np.zeros(len(heads), np.int64)
    places = heads
    found: list[tuple[Positions, Positions, Positions]] = [(heads[:0], heads[:0], heads[:0])]
    for keys, following in trie.steps:
        wanted = states * len(units.words) + units.ids[places]
        nearest = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
        hit = keys[nearest] == wanted if len(keys) else np.zeros(len(wanted), np.bool_)
        heads, places, states = heads[hit], places[hit], following[nearest[hit]]
        is_end = trie.motifs[states] >= 0
        found.append((heads[is_end], places[is_end], trie.motifs[states[is_end]]))
        goes_on = units.is_joined[places]
        heads, places, states = heads[goes_on], places[goes_on] + 1, states[goes_on]
    first, last, which = (np.concatenate(part) for part in zip(*found, strict=True))
    return first, last, which


def _begins(units: Units, trie: _Trie) -> Mask:
    """Where a unit begins some motif."""
    is_first = np.zeros(len(units.words), np.bool_)
    if trie.steps:
        is_first[trie.steps[0][0]] = True
    return is_first[units.ids]


def _are_outer(tails: Positions) -> Mask:
    """Which occurrences, sorted by first unit and longest first, do not lie inside an earlier one."""
    reached = np.maximum.accumulate(tails)
    return np.append(True, tails[1:] > reached[:-1])[: len(tails)]
