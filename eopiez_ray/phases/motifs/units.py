"""The units that motifs are made of: words, and single characters in scripts that write no spaces.

Tokens of such scripts are overlapping pairs of characters. Neighbouring pairs share a character, so any test would
find them associated; taken apart into characters, a motif is a sequence of characters like any other.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WIDEST_GAP = 1
"""Characters between two words of one motif: a space, a hyphen, a line end. Punctuation with a space ends a motif, and
so does anything between two characters of an unspaced script."""

_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_CHARACTER = re.compile(r"\w\W*")


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a partition's documents, one after the other."""

    words: pa.StringArray
    """Distinct units."""
    ids: Ids
    """``(n_units,)``, into ``words``."""
    starts: Ids
    ends: Ids
    """``(n_units,)``, character offsets in the document."""
    documents: Ids
    """``(n_units,)``, the row of the document that each is in; not decreasing."""
    is_joined: Mask
    """``(n_units,)``, whether a motif can go on from each to the next one."""
    n_documents: int


def take_units(tokens: pa.Table) -> Units:
    """The units of a table of schema ``TOKENS``."""
    lists = _flat(tokens.column("tokens"))
    first = lists.offsets.to_numpy().astype(np.int64)
    values = lists.values.slice(first[0], first[-1] - first[0])
    ids = values.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    starts, ends = _offsets(tokens.column("starts")), _offsets(tokens.column("ends"))
    documents = np.repeat(np.arange(len(lists), dtype=np.int32), np.diff(first))
    words = values.dictionary
    widest = np.full(max(0, len(ids) - 1), WIDEST_GAP)
    if any(map(_is_unspaced, words.to_pylist())):
        words, ids, starts, ends, documents = _take_apart(words, ids, starts, ends, documents)
        is_unspaced = np.fromiter(map(_is_unspaced, words.to_pylist()), np.bool_, len(words))[ids]
        widest = np.where(is_unspaced[1:] & is_unspaced[:-1], 0, WIDEST_GAP)
    is_joined = np.zeros(len(ids), np.bool_)
    is_joined[:-1] = (documents[1:] == documents[:-1]) & (starts[1:] - ends[:-1] <= widest)
    return Units(words, ids, starts, ends, documents, is_joined, len(lists))


def join_words(words: list[str]) -> str:
    """The text of a motif: words with spaces between them, characters of unspaced scripts without."""
    text = words[0]
    for before, word in itertools.pairwise(words):
        text += word if _is_unspaced(word) and _is_unspaced(before) else f" {word}"
    return text


def _is_unspaced(word: str) -> bool:
    return word[:1] >= "\u0e01" and _UNSPACED.match(word) is not None


def _flat(column: pa.ChunkedArray) -> pa.ListArray:
    """One list array; its dictionaries are made one."""
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.unify_dictionaries().combine_chunks()
    return combined if isinstance(combined, pa.ListArray) else pa.concat_arrays(combined.chunks)


def _offsets(column: pa.ChunkedArray) -> Ids:
    flat: Ids = _flat(column).flatten().to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return flat


def _take_apart(
    words: pa.StringArray, ids: Ids, starts: Ids, ends: Ids, documents: Ids
) -> tuple[pa.StringArray, Ids, Ids, Ids, Ids]:
    """Replace each pair of characters by its first, and where no other pair overlaps it, also by its second."""
    known: dict[str, int] = {}
    first = np.zeros(len(words), np.int32)
    second = np.full(len(words), -1, np.int32)
    for i, word in enumerate(words.to_pylist()):
        parts = _CHARACTER.findall(word)[:2] if _is_unspaced(word) else [word]
        first[i] = known.setdefault(parts[0] if parts else word, len(known))
        if len(parts) == 2:
            second[i] = known.setdefault(parts[1], len(known))
    names = list(known)
    overlaps = np.zeros(len(ids), np.bool_)
    overlaps[:-1] = (documents[1:] == documents[:-1]) & (starts[1:] < ends[:-1])
    gives_two = (second[ids] >= 0) & ~overlaps
    repeats = 1 + gives_two
    widths = np.fromiter(map(len, names), np.int32, len(names))[first[ids]]
    middles = np.where(overlaps, np.append(starts[1:], 0), np.where(gives_two, starts + widths, ends))
    at = np.cumsum(repeats) - repeats
    pairs = np.flatnonzero(gives_two)
    new_ids, new_starts = np.repeat(first[ids], repeats), np.repeat(starts, repeats)
    new_ends = np.repeat(np.minimum(middles, ends).astype(np.int32), repeats)
    new_ids[at[pairs] + 1], new_starts[at[pairs] + 1] = second[ids[pairs]], new_ends[at[pairs]]
    new_ends[at[pairs] + 1] = ends[pairs]
    return pa.array(names, pa.string()), new_ids, new_starts, new_ends, np.repeat(documents, repeats)
