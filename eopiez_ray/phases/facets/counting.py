"""How many documents point at each thing: counted by partition, merged with bounded memory.

A merged table keeps the values of each facet that are in most documents, far more than are ever shown. This is lossy
counting (Manku and Motwani 2002, section 4.2): a value that was dropped before may be counted too low, never too high.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.facets.finding import Facet, find_pointers
from eopiez_ray.phases.schemas import FACETS

COUNTS = pa.schema(
    [
        pa.field("facet", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("occurrences", pa.int64(), nullable=False),
    ]
)
"""One row for each spelling. A document that spells a value in several ways counts for the first of them."""

MOST_VALUES = 200_000
"""Spellings of one facet that a merged table keeps."""
MERGE_EVERY = 16
_KEYS = ["facet", "value", "spelling"]
_SUMS = [("documents", "sum"), ("occurrences", "sum")]


def count_facets(documents: pa.Table) -> pa.Table:
    """The counts of one partition (column ``text``), a table of schema ``COUNTS``."""
    occurrences: Counter[tuple[str, str, str]] = Counter()
    containing: Counter[tuple[str, str, str]] = Counter()
    last_row: dict[tuple[Facet, str], int] = {}
    for row, pointer in sorted(
        find_pointers(documents.column("text").to_pylist()), key=lambda found: found[1].position
    ):
        key = (pointer.facet.value, pointer.value, pointer.spelling)
        occurrences[key] += 1
        if last_row.get((pointer.facet, pointer.value)) != row:
            last_row[pointer.facet, pointer.value] = row
            containing[key] += 1
    columns = [*zip(*occurrences, strict=True)] or [(), (), ()]
    counts = [[containing[key] for key in occurrences], [*occurrences.values()]]
    return pa.table([pa.array(c, f.type) for c, f in zip([*columns, *counts], COUNTS, strict=True)], schema=COUNTS)


def merge_facets(parts: Iterable[pa.Table], most: int = MOST_VALUES) -> pa.Table:
    """The sum of many partitions' counts, a table of schema ``COUNTS``."""
    pending = [COUNTS.empty_table()]
    for part in parts:
        pending.append(part)
        if len(pending) > MERGE_EVERY:
            pending = [_sum(pending, most)]
    return _sum(pending, most)


def facets_table(counts: pa.Table) -> pa.Table:
    """A table of schema ``FACETS``: each value in the spelling that occurs most."""
    ordered = counts.sort_by([("occurrences", "descending"), ("spelling", "ascending")])
    summed = ordered.group_by(["facet", "value"], use_threads=False).aggregate([("spelling", "first"), *_SUMS])
    named = summed.select(["facet", "spelling_first", "documents_sum", "occurrences_sum"]).rename_columns(FACETS.names)
    place = pc.index_in(named.column("facet"), pa.array([facet.value for facet in Facet]))
    best = named.append_column("place", place).sort_by(
        [("place", "ascending"), ("documents", "descending"), ("occurrences", "descending"), ("value", "ascending")]
    )
    return best.drop_columns(["place"]).cast(FACETS)


def _sum(parts: list[pa.Table], most: int) -> pa.Table:
    grouped = pa.concat_tables(parts).group_by(_KEYS, use_threads=False).aggregate(_SUMS)
    summed = grouped.select([*_KEYS, "documents_sum", "occurrences_sum"]).rename_columns(COUNTS.names).cast(COUNTS)
    if summed.num_rows <= most:
        return summed
    ordered = summed.sort_by(
        [("facet", "ascending"), ("documents", "descending"), *((key, "ascending") for key in _KEYS)]
    )
    facets = ordered.column("facet").combine_chunks().dictionary_encode().indices.to_numpy()
    rank = np.arange(len(facets)) - np.searchsorted(facets, facets)
    return ordered.filter(pa.array(rank < most))
