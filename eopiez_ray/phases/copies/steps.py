"""The phases of near-copies."""

from __future__ import annotations

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.copies.grouping import group
from eopiez_ray.phases.copies.signatures import Signatures, join, sign
from eopiez_ray.phases.copies.tables import copies_table


@phase(name="copies_sign", kind="map")
def copies_sign(tokens: pa.Table) -> tuple[pa.ChunkedArray, Signatures]:
    """The ids and MinHash signatures of a partition's documents."""
    return tokens.column("document_id"), sign(tokens)


@phase(name="copies_group", kind="reduce")
def copies_group(signed: Partitions[tuple[pa.ChunkedArray, Signatures]], *, least: float = 0.7) -> pa.Table:
    """Which documents are near-copies of one another, a table of schema ``COPIES``.

    Args:
        least: resemblance from which two documents are linked, above 0 and at most 1.
    """
    ids, signatures = zip(*signed, strict=True)
    chunks = [chunk for column in ids for chunk in column.chunks]
    return copies_table(pa.chunked_array(chunks, pa.string()), group(join(signatures), least))
