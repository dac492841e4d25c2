"""The phases of facets."""

from __future__ import annotations

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.facets.counting import count_facets, facets_table, merge_facets


@phase(name="facets_count", kind="map")
def facets_count(documents: pa.Table) -> pa.Table:
    """What the documents of a partition point at, and how often."""
    return count_facets(documents)


@phase(name="facets_merge", kind="reduce")
def facets_merge(counts: Partitions[pa.Table]) -> pa.Table:
    """What the collection points at, a table of schema ``FACETS``."""
    return facets_table(merge_facets(counts))
