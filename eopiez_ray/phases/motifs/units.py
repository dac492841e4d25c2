"""The units that motifs are made of: words, and which of them stand next to each other."""

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
so does anything between two words of a script that writes no spaces."""

_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


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
    is_joined = np.zeros(len(ids), np.bool_)
    is_joined[:-1] = (documents[1:] == documents[:-1]) & (
        starts[1:] - ends[:-1] <= _widest_gaps(values.dictionary, ids)
    )
    return Units(values.dictionary, ids, starts, ends, documents, is_joined, len(lists))


def join_words(words: list[str]) -> str:
    """The text of a motif: words with spaces between them, those of scripts that write none without."""
    text = words[0]
    for before, word in itertools.pairwise(words):
        text += word if _is_unspaced(word) and _is_unspaced(before) else f" {word}"
    return text


def _widest_gaps(words: pa.StringArray, ids: Ids) -> Ids:
    """Characters that may stand between each unit and the next one."""
    is_unspaced = np.fromiter(map(_is_unspaced, words.to_pylist()), np.bool_, len(words))[ids]
    return np.where(is_unspaced[1:] & is_unspaced[:-1], 0, WIDEST_GAP).astype(np.int32)


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
