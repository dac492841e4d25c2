"""Nearest documents of a query: a hierarchical navigable small-world graph (Malkov and Yashunin 2018) by usearch.

Vectors are stored as half-precision floats. The graph is built by one thread in the order of the documents, so that
the same vectors give the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from blake3 import blake3

from eopiez_ray.errors import ArtifactError, ContractError, ParameterError

if TYPE_CHECKING:
    from usearch.index import Index

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

CONNECTIVITY = 16
"""Links of a vertex in each layer but the lowest, which has twice as many."""
EXPANSION_BUILD = 64
"""Candidates that are looked at when a vector is added."""
EXPANSION_SEARCH = 128
"""Candidates that are looked at in a search; recall of the ten nearest is above 0.99 (``tests/phases``)."""

_MAGIC = b"EOPVIDX1"
_HEAD = struct.Struct("<8sIQQ32s")
"""Magic, dimensions, bytes of the ids, bytes of the graph, BLAKE3 of both."""


class Hit(NamedTuple):
    """A document near a query."""

    id: str
    similarity: float
    """Cosine, in [-1, 1]."""


@dataclass(frozen=True)
class VectorIndex:
    """The index of a collection; pickles as two buffers, and is searched by any number of threads."""

    ids: pa.StringArray
    """Of the indexed documents, ``(n,)``; those whose vector is zero are left out."""
    graph: Bytes
    """The stored form of the usearch index; empty without documents."""
    dimensions: int

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: Floats, k: int = 10) -> list[list[Hit]]:
        """The ``k`` nearest documents of each query, best first.

        Args:
            queries: ``(q, dimensions)`` or a single ``(dimensions,)``; a zero query has no hits.

        Raises:
            ParameterError: ``k`` is below 1, or the queries have another number of dimensions.
        """
        rows = np.atleast_2d(np.asarray(queries, np.float32))
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise ParameterError(f"the index has {self.dimensions} dimensions, but the queries have {rows.shape[1:]}")
        return [self._nearest(row, min(k, len(self))) for row in rows]

    def to_bytes(self) -> bytes:
        """The index as bytes, for ``from_bytes``."""
        ids, graph = _pack_strings(self.ids), self.graph.tobytes()
        digest = blake3(ids).update(graph).digest()
        return _HEAD.pack(_MAGIC, self.dimensions, len(ids), len(graph), digest) + ids + graph

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The index that ``to_bytes`` described.

        Raises:
            ArtifactError: the bytes are no index, or damaged.
        """
        if len(data) < _HEAD.size or not data.startswith(_MAGIC):
            raise ArtifactError("these bytes are not a vector index of this version; build it again")
        _, dimensions, ids_size, graph_size, digest = _HEAD.unpack_from(data)
        body = memoryview(data)[_HEAD.size :]
        if len(body) != ids_size + graph_size or blake3(body).digest() != digest:
            raise ArtifactError("the vector index is damaged or cut short; build it again")
        ids = _unpack_strings(pa.py_buffer(body[:ids_size]))
        return cls(ids, np.frombuffer(body[ids_size:], np.uint8), dimensions)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}

    @cached_property
    def _loaded(self) -> Index:
        index = _empty_index(self.dimensions)
        index.load(self.graph.tobytes())
        return index

    def _nearest(self, query: Floats, k: int) -> list[Hit]:
        if not k or not query.any():
            return []
        found = self._loaded.search(query, k, threads=1)
        names = self.ids.take(pa.array(found.keys.astype(np.int64))).to_pylist()
        similarities = np.clip(1 - found.distances.astype(np.float64), -1, 1)
        return [Hit(name, float(similarity)) for name, similarity in zip(names, similarities, strict=True)]


def build_index(parts: Iterable[tuple[pa.Array | pa.ChunkedArray, Floats]]) -> VectorIndex:
    """The index of documents that come in parts of ids ``(n,)`` and vectors ``(n, d)``; one part is held at a time.

    Raises:
        ContractError: parts differ in dimensions, or have more ids than vectors or fewer.
    """
    index: Index | None = None
    ids: list[pa.StringArray] = [pa.array([], pa.string())]
    dimensions, size = 0, 0
    for names, vectors in parts:
        if len(names) != len(vectors):
            raise ContractError(f"{len(names)} ids were given for {len(vectors)} vectors")
        if index is None:
            dimensions = vectors.shape[1]
            index = _empty_index(dimensions) if dimensions else None
        elif vectors.shape[1] != dimensions:
            raise ContractError(f"vectors of {vectors.shape[1]} dimensions do not fit into an index of {dimensions}")
        known = np.flatnonzero(vectors.any(axis=1))
        if index is None or not known.size:
            continue
        index.add(np.arange(size, size + len(known)), np.ascontiguousarray(vectors[known]), threads=1)
        ids.append(pa.array(names.take(pa.array(known)).to_pylist(), pa.string()))
        size += len(known)
    stored = index.save() if index is not None and size else b""
    return VectorIndex(pa.concat_arrays(ids), np.frombuffer(stored or b"", np.uint8), dimensions)


def _empty_index(dimensions: int) -> Index:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_BUILD,
        expansion_search=EXPANSION_SEARCH,
    )


def _pack_strings(strings: pa.StringArray) -> bytes:
    table = pa.table({"id": strings})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpack_strings(buffer: pa.Buffer) -> pa.StringArray:
    with pa.ipc.open_stream(buffer) as reader:
        return pa.concat_arrays([pa.array([], pa.string()), *reader.read_all().column("id").chunks])
