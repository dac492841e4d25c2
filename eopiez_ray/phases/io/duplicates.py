"""Which documents a collection has more than once, and which say nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.io.reading import text_digest
from eopiez_ray.phases.io.remarks import Remarks, remarks_of

Digests = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

EXAMPLES = 10
"""Groups of duplicates, and empty documents, of which ids are given."""
EXAMPLE_IDS = 5
"""Ids that are given of each group."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What repeats in a collection, and what is empty. Texts that differ in white space alone are equal."""

    documents: int
    """Documents whose text an earlier one has; empty ones aside."""
    groups: int
    """Texts that more than one document has."""
    largest_group: int
    """Documents with the most frequent of these texts; 0 if there are none."""
    examples: tuple[tuple[str, ...], ...]
    """Ids of the first documents of the largest groups, in the order of the collection."""
    empty: int
    """Documents without text, or with white space alone."""
    empty_examples: tuple[str, ...]
    """Ids of the first of them."""
    total_documents: int
    total_characters: int
    left_out: tuple[tuple[str, int], ...] = ()
    """Rows, lines and files that were passed over, by what they are, most frequent first."""
    mended: tuple[tuple[str, int, str], ...] = ()
    """What was read differently than it stands, in how many places, and where first; most frequent first."""


def find_duplicates(tables: Iterable[pa.Table]) -> Duplicates:
    """The duplicates among tables of schema ``DOCUMENTS``, which are gone through twice, one at a time.

    Memory holds 24 bytes for each document.
    """
    characters = 0
    found: list[Digests] = [np.zeros((0, 2), np.uint64)]
    remarks = Remarks()
    for table in tables:
        remarks.include(remarks_of(table))
        characters += pc.sum(pc.utf8_length(table.column("text"))).as_py() or 0
        found.append(_digests(table))
    digests = np.concatenate(found)
    is_empty = (digests == np.frombuffer(text_digest(""), np.uint64)).all(axis=1)
    filled, empty = np.flatnonzero(~is_empty), np.flatnonzero(is_empty)
    groups = sorted(
        (filled[rows] for rows in _equal_rows(digests[filled])), key=lambda rows: (-len(rows), int(rows[0]))
    )
    shown = [group[:EXAMPLE_IDS] for group in groups[:EXAMPLES]]
    names = _ids(tables, np.concatenate([empty[:EXAMPLES], *shown]))
    return Duplicates(
        documents=sum(len(group) - 1 for group in groups),
        groups=len(groups),
        largest_group=len(groups[0]) if groups else 0,
        examples=tuple(tuple(names[row] for row in group.tolist()) for group in shown),
        empty=len(empty),
        empty_examples=tuple(names[row] for row in empty[:EXAMPLES].tolist()),
        total_documents=len(digests),
        total_characters=characters,
        left_out=tuple(remarks.left_out.most_common()),
        mended=tuple((what, number, remarks.places[what]) for what, number in remarks.mended.most_common()),
    )


def _digests(table: pa.Table) -> Digests:
    chunks = [np.frombuffer(b"".join(chunk.to_pylist()), np.uint64) for chunk in table.column("digest").chunks]
    return np.concatenate([np.zeros(0, np.uint64), *chunks]).reshape(-1, 2)


def _equal_rows(digests: Digests) -> list[Positions]:
    """The rows of each digest that occurs more than once, ascending."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    is_new = np.append(True, (digests[order[1:]] != digests[order[:-1]]).any(axis=1))[: len(order)]
    firsts = np.flatnonzero(is_new)
    sizes = np.diff(np.append(firsts, len(order)))
    return [order[first : first + size] for first, size in zip(firsts[sizes > 1], sizes[sizes > 1], strict=True)]


def _ids(tables: Iterable[pa.Table], wanted: Positions) -> dict[int, str]:
    """The ids of some documents by their row in the collection."""
    names: dict[int, str] = {}
    start = 0
    for table in tables:
        here = wanted[(wanted >= start) & (wanted < start + table.num_rows)]
        picked = table.column("document_id").take(pa.array(here - start)).to_pylist()
        names.update(zip(here.tolist(), picked, strict=True))
        start += table.num_rows
    return names
