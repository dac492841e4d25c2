"""Vectors as Arrow tables, and back without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eopiez_ray.errors import ContractError
from eopiez_ray.phases.schemas import VECTOR, vectors_schema

Floats = npt.NDArray[np.float32]


class Tables(Protocol):
    """Tables that can be gone through more than once, such as the partitions of a step."""

    def __iter__(self) -> Iterator[pa.Table]: ...


def vectors_table(ids: pa.ChunkedArray | pa.Array, vectors: Floats) -> pa.Table:
    """A table of ``vectors_schema`` from ids ``(n,)`` and vectors ``(n, d)``."""
    n, dimensions = vectors.shape
    schema = vectors_schema(dimensions)
    if dimensions:
        flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, dimensions)
    else:
        column = pa.array([[]] * n, schema.field(VECTOR).type)
    return pa.table([ids, column], schema=schema)


def vectors_of(table: pa.Table) -> Floats:
    """The vectors of a table, ``(n, d)``; a view of its memory where that is in one piece."""
    dimensions = table.schema.field(VECTOR).type.list_size
    chunks = [_flat(chunk).reshape(len(chunk), dimensions) for chunk in table.column(VECTOR).chunks]
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate([np.zeros((0, dimensions), np.float32), *chunks])


def gather_vectors(tables: Tables) -> tuple[pa.StringArray, Floats]:
    """The ids ``(n,)`` and vectors ``(n, d)`` of all tables, in order; no more than one table is held beside them.

    Raises:
        ContractError: their vectors differ in length.
    """
    sizes = [(table.num_rows, table.schema.field(VECTOR).type.list_size) for table in tables]
    widths = {width for _, width in sizes} or {0}
    if len(widths) > 1:
        raise ContractError(f"vectors of one collection have {sorted(widths)} dimensions; they must have one number")
    vectors = np.empty((sum(rows for rows, _ in sizes), widths.pop()), np.float32)
    ids: list[pa.StringArray] = [pa.array([], pa.string())]
    start = 0
    for table in tables:
        vectors[start : start + table.num_rows] = vectors_of(table)
        ids.append(pa.array(table.column("document_id").to_pylist(), pa.string()))  # A copy lets go of the table.
        start += table.num_rows
    return pa.concat_arrays(ids), vectors


def _flat(chunk: pa.FixedSizeListArray) -> Floats:
    flat: Floats = chunk.flatten().to_numpy(zero_copy_only=False)
    return flat
