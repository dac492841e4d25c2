"""The phases of vectors."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from pydantic import Field

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.vectors.hybrid import Provider, Sketch, VectorModel, fit, sketch
from eopiez_ray.phases.vectors.index import VectorIndex, build_index
from eopiez_ray.phases.vectors.tables import vectors_of, vectors_table


@phase(name="vectors_sketch", kind="map")
def vectors_sketch(tokens: pa.Table) -> Sketch:
    """What the model needs to see of a partition."""
    return sketch(tokens)


@phase(name="vectors_fit", kind="reduce")
def vectors_fit(
    sketches: Partitions[Sketch],
    *,
    provider: Provider = "hybrid",
    dimensions: Annotated[int, Field(ge=2, le=1024)] = 256,
) -> VectorModel:
    """The model that turns the collection's words into vectors."""
    return fit(sketches, provider=provider, dimensions=dimensions)


@phase(name="vectors_embed", kind="map", keeps_inputs=True)
def vectors_embed(tokens: pa.Table, model: VectorModel) -> pa.Table:
    """The vectors of a partition's documents, a table of ``vectors_schema``."""
    return vectors_table(tokens.column("document_id"), model.embed(tokens))


@phase(name="vectors_index", kind="reduce")
def vectors_index(vectors: Partitions[pa.Table]) -> VectorIndex:
    """The search index of the collection."""
    return build_index((table.column("document_id"), vectors_of(table)) for table in vectors)
